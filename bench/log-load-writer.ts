/**
 * Writes numbered lines to log files at a rate, in a process of its own. Arguments: the folder of the
 * files, bytes a second of all of them together. It is told what else to write, and answers with what
 * it wrote, by messages of its parent.
 */
import { closeSync, openSync, renameSync, writeSync } from "node:fs";
import { SeededRandom } from "../test/support/random.ts";
import { FILES, LINE_BYTES, logPath, NumberedLines, type WriterOrder } from "./log-load-lines.ts";

const TURN_MS = 20;
/** Of a turn at most: after a pause of the machine not all is made up for at once. */
const TURN_SECONDS_MAX = 0.25;
/** A file that is larger is renamed, in place of the one that was renamed before. */
const FILE_BYTES_MAX = 256e6;

class LogFile {
  readonly #path: string;
  readonly #n: number;
  #descriptor: number;
  #size = 0;
  lines = 0;

  constructor(folder: string, n: number) {
    this.#n = n;
    this.#path = logPath(folder, n);
    this.#descriptor = openSync(this.#path, "a");
  }

  write(source: NumberedLines, count: number, nowMs: number): void {
    for (const piece of source.next(this.#n, this.lines, count, nowMs)) this.append(piece);
    this.lines += count;
    if (this.#size < FILE_BYTES_MAX) return;
    renameSync(this.#path, `${this.#path}.1`);
    closeSync(this.#descriptor);
    this.#descriptor = openSync(this.#path, "a");
    this.#size = 0;
  }

  append(bytes: Buffer): void {
    for (let from = 0; from < bytes.length; ) from += writeSync(this.#descriptor, bytes, from);
    this.#size += bytes.length;
  }
}

function run(folder: string, rate: number): void {
  const source = new NumberedLines(new SeededRandom("log load"));
  const files = Array.from({ length: FILES }, (_, n) => new LogFile(folder, n));
  let bytesASecond = rate;
  let owedLines = 0;
  let lastMs = performance.now();
  let next = 0;
  process.on("message", (order: WriterOrder) => {
    if (order.kind === "rate") bytesASecond = order.bytesASecond;
    if (order.kind === "line") files[order.file]?.append(Buffer.from(`${order.text}\n`));
    process.send?.({ lines: files.map(({ lines }) => lines), atMs: Date.now() });
  });
  setInterval(() => {
    const nowMs = performance.now();
    const seconds = Math.min(TURN_SECONDS_MAX, (nowMs - lastMs) / 1000);
    lastMs = nowMs;
    owedLines += (seconds * bytesASecond) / LINE_BYTES;
    const share = Math.ceil(owedLines / FILES);
    for (let n = 0; n < FILES && owedLines >= 1; n += 1) {
      const count = Math.min(share, Math.floor(owedLines));
      files[next % FILES]?.write(source, count, Date.now());
      owedLines -= count;
      next += 1;
    }
  }, TURN_MS);
}

const [folder = "", rate] = process.argv.slice(2);
process.on("disconnect", () => process.exit());
run(folder, Number(rate));
