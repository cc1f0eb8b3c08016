import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { openLevelStore } from "../../shared/platform/level-store.ts";
import { storedBatches } from "../support/level-sink.ts";
import type { SeededRandom } from "../support/random.ts";

const STYLES = ["rename", "copytruncate", "gzip", "delete"] as const;
const FILES = 8;
const BYTES_A_SECOND = 50_000_000;
const TURN_MS = 20;
const ROTATE_BYTES = 24_000_000;
const KEPT = 6;
const RUN_MS = { min: 200, max: 6000 }; // of the tailer before it is killed
const CATCH_UP_MAX_MS = 300_000;
const QUIET_LOOKS = 8;
const LIMITS = { cacheBytes: 1024 ** 2, writeBufferBytes: 4 * 1024 ** 2 };
const PAD = "x".repeat(160);

/** A program that writes numbered lines, and what rotates its log; nothing is written meanwhile. */
class Writer {
  readonly path: string;
  readonly style: (typeof STYLES)[number];
  lines = 0;
  #descriptor: number;
  #bytes = 0;
  #n: number;

  constructor(directory: string, n: number) {
    this.#n = n;
    this.style = STYLES[n % STYLES.length] ?? "rename";
    this.path = join(directory, `${n}-${this.style}.log`);
    this.#descriptor = openSync(this.path, "a");
  }

  write(bytes: number): void {
    const parts: string[] = [];
    for (let size = 0; size < bytes; ) {
      const line = `${this.#n} ${this.lines} ${PAD}\n`;
      parts.push(line);
      size += line.length;
      this.lines += 1;
    }
    this.#bytes += writeSync(this.#descriptor, parts.join(""));
  }

  get isLarge(): boolean {
    return this.#bytes > ROTATE_BYTES;
  }

  rotate(): void {
    this.#bytes = 0;
    const at = (n: number) => `${this.path}.${n}`;
    for (let n = KEPT; n >= 1; n -= 1) {
      for (const ending of ["", ".gz"]) {
        if (!existsSync(at(n) + ending)) continue;
        if (n === KEPT) unlinkSync(at(n) + ending);
        else renameSync(at(n) + ending, at(n + 1) + ending);
      }
    }
    if (this.style === "copytruncate") {
      copyFileSync(this.path, at(1));
      truncateSync(this.path);
      return;
    }
    renameSync(this.path, at(1));
    closeSync(this.#descriptor);
    this.#descriptor = openSync(this.path, "a");
    if (this.style === "gzip") this.#compress(at(1));
  }

  /** As gzip(1) does: the time stays that of the file. */
  #compress(path: string): void {
    const { atime, mtime } = statSync(path);
    writeFileSync(`${path}.gz`, gzipSync(readFileSync(path), { level: 1 }));
    utimesSync(`${path}.gz`, atime, mtime);
    unlinkSync(path);
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

/** Kills a tailer again and again while logs are written and rotated. */
export class LogTorture {
  readonly #random: SeededRandom;
  readonly #directory = mkdtempSync(join(tmpdir(), "telltale-logs-"));
  readonly #logs = join(this.#directory, "logs");
  readonly #store = join(this.#directory, "store");
  readonly #writers: readonly Writer[];
  #child: ChildProcess | null = null;
  #kills = 0;
  #rotations = 0;

  constructor(random: SeededRandom) {
    this.#random = random;
    mkdirSync(this.#logs);
    this.#writers = Array.from({ length: FILES }, (_, n) => new Writer(this.#logs, n));
  }

  /** @throws Error with what does not hold */
  async run(minutes: number): Promise<void> {
    try {
      await this.#torment(minutes * 60_000);
      await this.#check();
    } finally {
      this.#child?.kill("SIGKILL");
      for (const writer of this.#writers) writer.close();
      rmSync(this.#directory, { recursive: true, force: true });
    }
  }

  async #torment(durationMs: number): Promise<void> {
    const startMs = performance.now();
    let killAtMs = startMs;
    let bytes = 0;
    for (;;) {
      const nowMs = performance.now();
      if (nowMs - startMs >= durationMs) break;
      if (nowMs >= killAtMs) {
        await this.#restart("SIGKILL");
        killAtMs = nowMs + this.#random.between(RUN_MS.min, RUN_MS.max);
      }
      const due = ((nowMs - startMs) / 1000) * BYTES_A_SECOND - bytes;
      const share = Math.min(due, BYTES_A_SECOND / 4) / FILES;
      for (const writer of this.#writers) {
        writer.write(share);
        bytes += share;
        if (!writer.isLarge) continue;
        writer.rotate();
        this.#rotations += 1;
      }
      await delay(TURN_MS);
    }
    console.log(`${Math.round(bytes / durationMs / 1000)} MB/s, ${this.#rotations} rotations`);
    for (let caughtUp = 0, left = CATCH_UP_MAX_MS; caughtUp < QUIET_LOOKS; left -= 1000) {
      if (left <= 0) throw new Error("The tailer does not catch up");
      await delay(1000);
      const lag = existsSync(`${this.#store}-lag`)
        ? readFileSync(`${this.#store}-lag`, "utf8")
        : "";
      caughtUp = lag === "0" ? caughtUp + 1 : 0;
    }
    await this.#stop("SIGTERM");
  }

  async #restart(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    await this.#stop(signal);
    const script = join(import.meta.dirname, "tailer-main.js");
    const args = [script, this.#logs, this.#store];
    this.#child = spawn(process.execPath, args, { stdio: ["ignore", "inherit", "inherit"] });
  }

  async #stop(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null) return;
    if (child.exitCode !== null) throw new Error(`The tailer ended with ${child.exitCode}`);
    const exited = once(child, "exit");
    child.kill(signal);
    await exited;
    this.#kills += 1;
  }

  /** Every line once, and in order. */
  async #check(): Promise<void> {
    const next = this.#writers.map(() => 0);
    const wrong: string[] = [];
    const read = async (store: Parameters<typeof storedBatches>[0]) => {
      for await (const batch of storedBatches(store)) {
        for (const line of batch.toString("latin1").split("\n")) {
          if (line === "") continue;
          const [n = -1, seq = -1] = line.split(" ", 2).map(Number);
          if (seq !== next[n])
            wrong.push(`${this.#writers[n]?.style} ${n}: ${seq} after ${next[n]}`);
          next[n] = seq + 1;
        }
      }
      await store.close();
    };
    await openLevelStore(this.#store, LIMITS, (damage) => wrong.push(JSON.stringify(damage)), read);
    for (const [n, writer] of this.#writers.entries()) {
      if (next[n] !== writer.lines)
        wrong.push(`${writer.style} ${n}: ${next[n]} of ${writer.lines}`);
    }
    const lines = next.reduce((sum, one) => sum + one, 0);
    console.log(`${lines} lines stored, ${this.#kills} kills, ${wrong.length} faults`);
    if (wrong.length > 0) throw new Error(wrong.slice(0, 20).join("\n"));
  }
}
