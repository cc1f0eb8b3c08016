import { type Encoding, isValidUtf8, replaceInvalid, utf8OfUtf16 } from "./encoding.ts";
import type { EntrySink } from "./entry-joiner.ts";
import type { LineSink } from "./line-cutter.ts";
import type { ShapeOptions } from "./shape-options.ts";
import { StreamLines } from "./stream-lines.ts";
import type { TextLine } from "./text-line.ts";

/** The lines of a file that holds text and nothing else. */
export class PlainLines implements LineSink {
  nowMs = 0;
  encoding: Encoding;
  readonly #options: ShapeOptions;
  readonly #lines: StreamLines;
  #isValid = true;

  constructor(options: ShapeOptions, encoding: Encoding, sink: EntrySink) {
    this.#options = options;
    this.encoding = encoding;
    this.#lines = new StreamLines(options, sink);
  }

  get hasPending(): boolean {
    return this.#lines.hasPending;
  }

  region(bytes: Uint8Array, start: number, end: number): void {
    this.#lines.settle();
    if (this.encoding !== "utf-8") return;
    this.#isValid = isValidUtf8(bytes, start, end);
    this.#options.masker?.begin(bytes, start, end);
  }

  line(line: TextLine): void {
    const { masker } = this.#options;
    let mayMask = masker?.mayMask(line.end) ?? false;
    if (this.encoding !== "utf-8") {
      setText(line, utf8OfUtf16(line.bytes, line.start, line.end));
      mayMask = true;
    } else if (!this.#isValid && makeValid(line, this.#options)) {
      mayMask = true;
    }
    this.#lines.take(line, mayMask, this.nowMs);
  }

  settle(): void {
    this.#lines.settle();
  }

  finish(isLast: boolean): void {
    this.#lines.finish(this.nowMs, isLast);
  }
}

/** Replaces what is no UTF-8; false: there was nothing. */
export function makeValid(line: TextLine, { counts }: ShapeOptions): boolean {
  if (isValidUtf8(line.bytes, line.start, line.end)) return false;
  counts.linesReplaced += 1;
  setText(line, replaceInvalid(line.bytes, line.start, line.end));
  return true;
}

function setText(line: TextLine, bytes: Uint8Array): void {
  line.bytes = bytes;
  line.start = 0;
  line.end = bytes.length;
}
