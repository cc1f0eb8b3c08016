import { mkdirSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { sumOnPage } from "../support/accounts.ts";
import { type Bed, eventually, type Program } from "../support/programs.ts";
import type { SeededRandom } from "../support/random.ts";
import { eachStoredLine } from "../support/stored-lines.ts";
import { LogBacklog, tellsLag } from "./log-backlog.ts";
import { type Gap, type ReportedLoss, unexplained } from "./log-losses.ts";
import { LogWriter } from "./log-writer.ts";

const FILES = 8;
const TURN_MS = 20;
/** Of a turn at most: after a pause of the machine no writer writes all at once. */
const SHARE_SECONDS_MAX = 0.25;
const ROTATE_SECONDS = { min: 2, max: 8 };
const DOUBLE = 0.15; // of rotations
/**
 * Written at most before the agent has read it: what logrotate deletes unread is lost at any rate, and
 * it keeps some 150 s of writing. A machine that is slower than the writers gets less to do.
 */
const UNREAD_SECONDS_MAX = 40;
/** Of a program before it is killed: a long run has no more kills, but more lines between them. */
const RUN_MS = { min: 300, max: 8000 };
const RUN_SHARE_MAX = 1 / 60; // of the whole
/** The lag is measured every 10 s, and an old file is closed when it was quiet for 10 s. */
const QUIET_MS = 35_000;
const CATCH_UP_MAX_MS = 600_000;
const SIDES = ["agent", "aggregator"] as const;
type Side = (typeof SIDES)[number];

export type LogTortureOptions = { readonly minutes: number; readonly megabytesASecond: number };

/** Kills agent and aggregator again and again while logs are written and rotated by logrotate. */
export class LogTorture {
  readonly #bed: Bed;
  readonly #random: SeededRandom;
  readonly #running = new Map<Side, Program>();
  readonly #agents: Program[] = [];
  #writers: readonly LogWriter[] = [];
  #kills = 0;

  constructor(bed: Bed, random: SeededRandom) {
    this.#bed = bed;
    this.#random = random;
  }

  /** @throws Error with what does not hold */
  async run({ minutes, megabytesASecond }: LogTortureOptions): Promise<void> {
    const bed = this.#bed;
    for (const name of ["logs", "rotation"]) mkdirSync(bed.path(name));
    bed.write("agent.yaml", `logs:\n  files:\n    - include: ${bed.path("logs/*.log")}\n`);
    for (const side of SIDES) this.#start(side);
    await eventually(async () => (await bed.query("up == 1")).length === 1);
    this.#writers = Array.from({ length: FILES }, (_, n) => {
      return new LogWriter(bed.path("logs"), bed.path("rotation"), n);
    });
    try {
      await this.#torment(minutes * 60_000, megabytesASecond * 1e6);
      await this.#catchUp();
    } finally {
      for (const writer of this.#writers) writer.close();
    }
    for (const side of SIDES) await this.#running.get(side)?.stop();
    await this.#check();
  }

  async #torment(durationMs: number, bytesASecond: number): Promise<void> {
    const startMs = performance.now();
    const runMaxMs = Math.max(RUN_MS.max, durationMs * RUN_SHARE_MAX);
    const next = new Map<Side, number>(SIDES.map((side) => [side, 0]));
    const rotateAtMs = this.#writers.map(() => startMs + 1000 * this.#random.between(1, 4));
    const backlog = new LogBacklog(this.#bed, () => this.#writtenBytes());
    let lastMs = startMs;
    for (;;) {
      const nowMs = performance.now();
      if (nowMs - startMs >= durationMs) break;
      const due = Math.min(SHARE_SECONDS_MAX, (nowMs - lastMs) / 1000) * bytesASecond;
      lastMs = nowMs;
      await backlog.ask(nowMs);
      const isHeldBack = backlog.bytes > UNREAD_SECONDS_MAX * bytesASecond;
      for (const [n, writer] of this.#writers.entries()) {
        if (!isHeldBack) writer.write(due / FILES);
        writer.reopenIfAsked();
        if (isHeldBack || nowMs < (rotateAtMs[n] ?? 0)) continue;
        writer.rotate(this.#random.chance(DOUBLE) ? 2 : 1);
        const seconds = this.#random.between(ROTATE_SECONDS.min, ROTATE_SECONDS.max);
        rotateAtMs[n] = nowMs + 1000 * seconds;
      }
      for (const side of SIDES) {
        if (nowMs < (next.get(side) ?? 0)) continue;
        next.set(side, nowMs + this.#random.between(RUN_MS.min, runMaxMs));
        await this.#restart(side);
      }
      await delay(TURN_MS);
    }
    const bytes = this.#writtenBytes();
    const rotations = this.#writers.reduce((sum, writer) => sum + writer.rotations, 0);
    const rate = (bytes / (performance.now() - startMs) / 1000).toFixed(1);
    console.log(`${rate} MB/s written, ${rotations} rotations, ${this.#kills} kills`);
  }

  #writtenBytes(): number {
    return this.#writers.reduce((sum, writer) => sum + writer.bytes, 0);
  }

  #start(side: Side): void {
    const config = `--config=${this.#bed.path("agent.yaml")}`;
    const program = this.#bed.start(side, side === "agent" ? [config] : []);
    this.#running.set(side, program);
    if (side === "agent") this.#agents.push(program);
  }

  async #restart(side: Side): Promise<void> {
    const program = this.#running.get(side);
    if (program !== undefined && program.child.exitCode !== null) {
      throw new Error(`The ${side} ended by itself:\n${program.errors.slice(-2000)}`);
    }
    await program?.kill();
    this.#kills += 1;
    this.#start(side);
  }

  /** All that was written is stored, as far as the agent knows. */
  async #catchUp(): Promise<void> {
    const startMs = performance.now();
    await eventually(async () => {
      for (const writer of this.#writers) writer.reopenIfAsked();
      return this.#writers.every((writer) => !writer.isRotating);
    }, CATCH_UP_MAX_MS);
    let quietSinceMs: number | null = null;
    await eventually(async () => {
      const page = await this.#bed.agentPage();
      const of = (name: string) => sumOnPage(page, `telltale_agent_log_${name}`);
      const isQuiet = tellsLag(page) && of("lag_bytes") === 0 && of("blocks_waiting") === 0;
      quietSinceMs = isQuiet ? (quietSinceMs ?? performance.now()) : null;
      if (quietSinceMs !== null && performance.now() - quietSinceMs > QUIET_MS) return true;
      throw new Error(`${of("lag_bytes")} bytes are not read, ${of("blocks_waiting")} blocks wait`);
    }, CATCH_UP_MAX_MS);
    console.log(`caught up in ${Math.round((performance.now() - startMs - QUIET_MS) / 1000)} s`);
  }

  /** Every line once, in order; those that are missing are those of the losses. */
  async #check(): Promise<void> {
    const wrong: string[] = [];
    const gaps = this.#writers.map((): Gap[] => []);
    const next = this.#writers.map(() => 0);
    let stored = 0;
    await eachStoredLine(this.#bed, (path, text) => {
      const n = this.#writers.findIndex((writer) => writer.path === path);
      const seq = Number(/"seq":(\d+),/.exec(text)?.[1] ?? -1);
      const [writer, expected] = [this.#writers[n], next[n] ?? -1];
      // A copy may end within a line.
      if (writer === undefined || text !== writer.lineStart(seq)) {
        if (writer?.truncates !== true || !writer.lineStart(expected).startsWith(text)) {
          wrong.push(`${path} has "${text.slice(0, 100)}" where ${expected} was next`);
        }
        return;
      }
      if (seq < expected) wrong.push(`${path}: ${seq} comes when ${expected} is next`);
      if (seq > expected) gaps[n]?.push({ from: expected, to: seq });
      next[n] = Math.max(expected, seq + 1);
      stored += 1;
    });
    const losses = this.#losses();
    let missing = 0;
    for (const [n, writer] of this.#writers.entries()) {
      const ofIt = gaps[n] ?? [];
      const last = next[n] ?? 0;
      if (last < writer.lines) ofIt.push({ from: last, to: writer.lines });
      missing += ofIt.reduce((sum, { from, to }) => sum + to - from, 0);
      wrong.push(...unexplained(writer, ofIt, losses));
    }
    console.log(
      `${stored} lines stored, ${missing} missing of truncated files, ${wrong.length} faults`,
    );
    if (wrong.length > 0) throw new Error(wrong.slice(0, 20).join("\n"));
  }

  /** What all agents that ran have said. */
  #losses(): ReportedLoss[] {
    return this.#agents
      .flatMap((agent) => agent.log())
      .filter((line) => typeof line["bytesSeen"] === "number")
      .map((line) => line as unknown as ReportedLoss);
  }
}
