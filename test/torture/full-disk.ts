import { spawnSync } from "node:child_process";
import { closeSync, openSync, rmSync, statfsSync, writeSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { checkAccounts, checkBooks, readAgentAccounts } from "../support/accounts.ts";
import type { Bed, Program } from "../support/programs.ts";
import { INTERVAL } from "./kills.ts";

const SIZE = "20m";
const FULL_MS = 8000;
const RECOVERY_MAX_MS = 60_000;
const RESTART_MS = 500;

/** Whether this process may mount: it is root in a mount namespace that is not the machine's. */
export function mountSmall(directory: string): void {
  const { status, stderr } = spawnSync(
    "mount",
    ["-t", "tmpfs", "-o", `size=${SIZE}`, "tmpfs", directory],
    { encoding: "utf8" },
  );
  if (status !== 0) throw new Error(`Cannot mount a file system of ${SIZE}: ${stderr}`);
}

type Side = "agent" | "aggregator";

/**
 * Fills the file system that holds the state of both sides and frees it again. Who dies of it is
 * started again, as systemd would. Afterwards both must go on by themselves and the books be right.
 */
export class FullDisk {
  readonly #bed: Bed;
  readonly #running = new Map<Side, Program>();
  #exits = 0;
  #isOver = false;

  constructor(bed: Bed) {
    this.#bed = bed;
  }

  async run(): Promise<void> {
    const watches = (["aggregator", "agent"] as const).map((side) => this.#keepUp(side));
    await this.#round("filled and freed", async () => {});
    await this.#round("both killed while it is full", () => this.#kill(["agent", "aggregator"]));
    await this.#round("the agent killed while it is full", () => this.#kill(["agent"]));
    await this.#round("the aggregator killed while it is full", () => this.#kill(["aggregator"]));
    this.#isOver = true;
    await this.#kill(["agent", "aggregator"]);
    await Promise.all(watches);
  }

  async #round(what: string, meanwhile: () => Promise<void>): Promise<void> {
    await checkAccounts(this.#bed, RECOVERY_MAX_MS);
    const exitsBefore = this.#exits;
    this.#fill();
    await delay(FULL_MS / 2);
    await meanwhile();
    await delay(FULL_MS / 2);
    checkBooks(await this.#lastAccounts());
    const exits = this.#exits - exitsBefore;
    rmSync(this.#ballast);
    const freedMs = performance.now();
    const { made, stored, dropped } = await checkAccounts(this.#bed, RECOVERY_MAX_MS);
    const seconds = ((performance.now() - freedMs) / 1000).toFixed(1);
    console.log(
      `${what}: all delivered ${seconds} s after it was freed; made ${made}, stored ${stored}, ` +
        `dropped ${dropped}, ${exits} starts failed`,
    );
  }

  get #ballast(): string {
    return this.#bed.path("ballast");
  }

  #fill(): void {
    const file = openSync(this.#ballast, "w");
    try {
      for (const bytes of [65_536, 4096, 1]) this.#fillWith(file, Buffer.alloc(bytes, 1));
    } finally {
      closeSync(file);
    }
    const { bavail, bsize } = statfsSync(this.#bed.directory);
    console.log(`the file system is full: ${bavail * bsize} bytes are left`);
  }

  #fillWith(file: number, piece: Buffer): void {
    try {
      while (writeSync(file, piece) === piece.length);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
    }
  }

  /** The agent may be on its way up. */
  async #lastAccounts() {
    try {
      return await readAgentAccounts(this.#bed);
    } catch {
      return { made: 0, stored: 0, waiting: 0, dropped: 0 };
    }
  }

  async #kill(sides: readonly Side[]): Promise<void> {
    await Promise.all(sides.map((side) => this.#running.get(side)?.kill()));
  }

  async #keepUp(side: Side): Promise<void> {
    while (!this.#isOver) {
      const program = this.#bed.start(side, side === "agent" ? [`--interval=${INTERVAL}`] : []);
      this.#running.set(side, program);
      const code = await program.exited();
      if (code === null) continue;
      this.#exits += 1;
      await delay(RESTART_MS);
    }
  }
}
