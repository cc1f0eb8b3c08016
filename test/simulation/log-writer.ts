import type { LogFiles } from "../../agent/logs/tail/ports.ts";
import type { MemoryFiles } from "../support/memory-files.ts";
import { never } from "../support/memory-store.ts";
import type { SeededRandom } from "../support/random.ts";
import type { Host, Process } from "./host.ts";

const KEPT = 9;
/** What the tailer notes once it follows a source: from then on no line may be left out. */
const SOURCE_CURSOR = "source/";

type WriterParts = {
  readonly host: Host;
  readonly files: MemoryFiles;
  /** Where the agent keeps lines and cursors. */
  readonly disk: string;
  readonly path: string;
};

/** A program that writes numbered lines to a file, which is rotated by its name now and then. */
export class LogWriter {
  readonly path: string;
  /** In the order in which they were written. */
  readonly lines: string[] = [];
  /** As many lines were written when the agent was sure to follow the file. */
  followedFrom: number | null = null;
  readonly #parts: WriterParts;
  readonly #random: SeededRandom;

  constructor(parts: WriterParts) {
    this.path = parts.path;
    this.#parts = parts;
    this.#random = parts.host.world.random.fork(`${parts.host.name} ${parts.path}`);
    parts.files.create(parts.path);
  }

  async run(untilMs: number): Promise<void> {
    const { clock } = this.#parts.host.world;
    const random = this.#random;
    while (clock.monotonicMs() < untilMs) {
      await clock.sleep(random.between(20, 1500));
      this.#noteFollowed();
      if (random.chance(0.1)) this.#rotate();
      this.#write(random.int(1, 12));
    }
    this.#noteFollowed();
  }

  #write(count: number): void {
    const { files, path, host } = this.#parts;
    const added = Array.from({ length: count }, (_, n) => {
      return `${host.name} ${path} line ${this.lines.length + n}`;
    });
    const file = files.hold(path);
    file.append(added.map((line) => `${line}\n`).join(""));
    file.release();
    this.lines.push(...added);
  }

  #rotate(): void {
    const { files, path } = this.#parts;
    for (let n = KEPT; n >= 1; n -= 1) {
      const from = n === 1 ? path : `${path}.${n - 1}`;
      if (files.has(from)) files.rename(from, `${path}.${n}`);
    }
    files.create(path);
  }

  #noteFollowed(): void {
    if (this.followedFrom !== null) return;
    const stored = this.#parts.host.disk(this.#parts.disk).durableEntries();
    const isFollowed = stored.some(([key]) => Buffer.from(key).includes(SOURCE_CURSOR));
    if (isFollowed) this.followedFrom = this.lines.length;
  }
}

/** The files as a process sees them: when it is dead it sees nothing more. */
export function filesOf(process: Process, files: MemoryFiles): LogFiles {
  return {
    status: (path) => files.status(path),
    open: (path) => files.open(path),
    statusOf: (descriptor) => files.statusOf(descriptor),
    size: (descriptor) => files.size(descriptor),
    read: (...read) => files.read(...read),
    close: (descriptor) => files.close(descriptor),
    resolve: (path) => files.resolve(path),
    list: async (...list) => {
      const found = await files.list(...list);
      if (process.isDead) await never();
      return found;
    },
  };
}
