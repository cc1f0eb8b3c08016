import type { Readable } from "node:stream";
import { OperationalError } from "../../../shared/errors.ts";

const NEWLINE = 0x0a;
/** As Go's scanner, which the patterns of blackbox_exporter see lines of. */
const LINE_BYTES_MAX = 64 * 1024;
/** Of all lines: somebody who talks without an end is not listened to until the time is over. */
const BYTES_MAX = 1024 ** 2;

/** The lines of a connection, without their ends. */
export class LineReader {
  readonly #stream: Readable;
  readonly #onChunk: (chunk: Buffer) => void;
  readonly #onEnd: () => void;
  #pieces: Buffer[] = [];
  #length = 0;
  #bytesRead = 0;
  #lines: string[] = [];
  /** Of those lines, the first that was not given out. */
  #nextLine = 0;
  #isEnded = false;
  #fault: unknown = null;
  #wake: (() => void) | null = null;

  constructor(stream: Readable) {
    this.#stream = stream;
    this.#onChunk = (chunk) => this.#take(chunk);
    this.#onEnd = () => {
      this.#isEnded = true;
      this.#wake?.();
    };
    stream.on("data", this.#onChunk);
    stream.on("end", this.#onEnd);
    stream.on("close", this.#onEnd);
    stream.on("error", (error) => {
      this.#fault ??= error;
      this.#wake?.();
    });
  }

  /**
   * The next one; what stands behind the last newline is one, too. Null: there are no more.
   * @throws OperationalError LIMIT for one that is too long; what the connection fails with
   */
  async next(): Promise<string | null> {
    for (;;) {
      const line = this.#lines[this.#nextLine];
      this.#nextLine += 1;
      if (line !== undefined) return line;
      this.#lines = [];
      this.#nextLine = 0;
      if (this.#fault !== null) throw this.#fault;
      if (this.#isEnded) return this.#rest();
      this.#stream.resume();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Leaves the connection to somebody else; what was read beyond the last line is lost. */
  release(): void {
    this.#stream.pause();
    this.#stream.off("data", this.#onChunk);
    this.#stream.off("end", this.#onEnd);
    this.#stream.off("close", this.#onEnd);
  }

  #take(chunk: Buffer): void {
    let start = 0;
    this.#bytesRead += chunk.length;
    if (this.#bytesRead > BYTES_MAX) {
      this.#fault ??= new OperationalError("LIMIT", `More than ${BYTES_MAX} bytes came`);
    }
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      this.#pieces.push(chunk.subarray(start, end));
      this.#lines.push(this.#joined());
      start = end + 1;
    }
    const rest = chunk.subarray(start);
    this.#length += rest.length;
    if (rest.length > 0) this.#pieces.push(rest);
    if (this.#length >= LINE_BYTES_MAX) {
      const message = `A line is longer than ${LINE_BYTES_MAX} bytes`;
      this.#fault ??= new OperationalError("LIMIT", message);
    }
    if (this.#lines.length > 0) this.#stream.pause();
    this.#wake?.();
  }

  #joined(): string {
    const line = Buffer.concat(this.#pieces).toString().replace(/\r$/, "");
    this.#pieces = [];
    this.#length = 0;
    return line;
  }

  #rest(): string | null {
    return this.#pieces.length === 0 ? null : this.#joined();
  }
}
