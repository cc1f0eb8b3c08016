import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { type LineQueue, openLineQueue } from "../../agent/lines/line-queue.ts";
import { formatLabels } from "../../shared/model/labels.ts";
import { openLevelStore } from "../../shared/platform/level-store.ts";
import { nodeClock } from "../../shared/platform/node.ts";
import { Metrics } from "../../shared/telemetry/metrics.ts";
import { parseBlock } from "../../shared/wire/line-block.ts";
import { MemoryLogger } from "./memory-logger.ts";
import { DIST, killAtExit } from "./programs.ts";

const LEVEL = { cacheBytes: 2 ** 20, writeBufferBytes: 2 ** 20 };
const LIMITS = {
  bytesMax: 2 ** 40,
  ageMaxMs: 2 ** 50,
  whenFull: "drop_oldest",
  freeBytesMin: 0,
} as const;
const READ_BYTES = 2 ** 22;

export type QueuedLine = {
  readonly labels: string;
  readonly text: string;
  readonly timeUs: number;
};

/** A node's logs, read by a process of its own that may be killed, into a queue that is read here. */
export class LogsNode implements AsyncDisposable {
  readonly #hostRoot: string;
  readonly #directory: string;
  #child: ChildProcess | null = null;
  errors = "";

  constructor(hostRoot: string, directory: string) {
    this.#hostRoot = hostRoot;
    this.#directory = join(directory, "lines");
  }

  start(): void {
    const program = join(DIST, "test/support/logs-node-main.js");
    const args = [program, this.#hostRoot, this.#directory];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "pipe"] });
    child.stderr.on("data", (text) => {
      this.errors += text;
    });
    killAtExit(child);
    this.#child = child;
  }

  /** As a crash, or an orderly end. */
  async end(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    await once(child, "close");
  }

  /** All that it has stored; it does not run meanwhile. */
  async lines(): Promise<QueuedLine[]> {
    await this.end("SIGTERM");
    const lines: QueuedLine[] = [];
    await withLineQueue(this.#directory, async (queue) => {
      for (let seq = 0; ; ) {
        const entries = await queue.read(seq, 100, READ_BYTES);
        for (const { bytes } of entries) {
          for (const source of parseBlock(bytes).sources) {
            const labels = formatLabels(source.labels);
            for (const { bytes: text, timeUs } of source.lines) {
              lines.push({ labels, text: Buffer.from(text).toString(), timeUs });
            }
          }
        }
        const last = entries.at(-1);
        if (last === undefined) break;
        seq = last.seq;
      }
    });
    return lines;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end("SIGKILL");
  }
}

/** Opens a queue that nothing is near the limits of. */
export async function withLineQueue(
  directory: string,
  work: (queue: LineQueue) => Promise<void>,
): Promise<void> {
  const onDamage = (damage: object) => console.error(damage);
  await openLevelStore(directory, LEVEL, onDamage, async (store) => {
    const deps = { store, clock: nodeClock, random: Math.random, metrics: new Metrics() };
    const others = { logger: new MemoryLogger(), freeBytes: async () => LIMITS.bytesMax };
    const queue = await openLineQueue({ ...deps, ...others }, LIMITS);
    await work(queue);
    await queue.close();
    await store.close();
  });
}
