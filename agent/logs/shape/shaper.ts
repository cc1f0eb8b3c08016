import type { RecordReader } from "./container-record.ts";
import { CriReader } from "./cri-record.ts";
import { DockerReader } from "./docker-record.ts";
import { type Encoding, encodingOf, isMarkUnclear, markBytes } from "./encoding.ts";
import type { EntrySink } from "./entry-joiner.ts";
import { LineCutter, type LineSink } from "./line-cutter.ts";
import { LocalCutter } from "./local-cutter.ts";
import { LocalReader } from "./local-record.ts";
import { PlainLines } from "./plain-lines.ts";
import { RecordLines } from "./record-lines.ts";
import type { ShapeOptions } from "./shape-options.ts";
import type { StreamName, TextLine } from "./text-line.ts";

/**
 * Bytes of a file become lines. In this order: cut at newlines, decoded, parts of a container
 * runtime's line put together again, secrets masked, lines that are one entry joined. What is passed
 * on depends on the bytes alone, not on how they were cut into pushes; a `flush` ends what is pending.
 */

export type ShapedLine = {
  /** In [start, end): UTF-8 without the newline at its end; valid until `emit` returns. */
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  /** Unix microseconds that the container runtime wrote beside it; null: the source says none. */
  readonly timeUs: number | null;
  readonly stream: StreamName;
  /** It was longer than the limit; the rest was left out, and counted. */
  readonly isCut: boolean;
};

/**
 * @param endOffset bytes of the file, from its start, that are in lines up to and with this one. Where
 * it is not above the one before, lines belong together (those of two streams overlap): a reader that
 * stores some of them and this offset gets all of them again
 */
export type Emit = (line: ShapedLine, endOffset: number) => void;

export interface Shaper {
  /** Bytes that follow on those before; they may change after the call. */
  push(bytes: Uint8Array, nowMs: number): void;
  /**
   * The file is at its end. By default all that is pending is finished as it is, even half a line: the
   * file is gone. With `isLast` false it may go on: only entries that are older than their limit end,
   * and a line waits for its newline.
   */
  flush(nowMs: number, isLast?: boolean): void;
  /** Whether an entry that may go on, a part or a line without its newline waits. */
  readonly hasPending: boolean;
}

export type Format = "plain" | "docker-json" | "docker-local" | "cri";

const READERS: Readonly<Record<Exclude<Format, "plain">, () => RecordReader>> = {
  "docker-json": () => new DockerReader(),
  "docker-local": () => new LocalReader(),
  cri: () => new CriReader(),
};

/** 16 KiB of text, each byte of which may be written as six, and what is around it. */
const RECORD_BYTES_MIN = 128 * 1024;

/** @param startOffset where in the file the first bytes stand: 0, or one that was emitted */
export function createShaper(
  format: Format,
  options: ShapeOptions,
  startOffset: number,
  emit: Emit,
): Shaper {
  return new FileShaper(format, options, startOffset, emit);
}

type Stage = LineSink & {
  nowMs: number;
  readonly hasPending: boolean;
  finish(isLast: boolean): void;
};

class FileShaper implements Shaper {
  readonly #options: ShapeOptions;
  readonly #stage: Stage;
  readonly #format: Format;
  /** null until the encoding is known. */
  #cutter: LineCutter | LocalCutter | null = null;
  #encoding: Encoding;
  #offset: number;
  /** Bytes that are no whole mark or code unit yet: at most 2. */
  #head = new Uint8Array(0);

  constructor(format: Format, options: ShapeOptions, startOffset: number, emit: Emit) {
    const sink: EntrySink = (line: TextLine) => emit(line, line.endOffset);
    this.#options = options;
    this.#offset = startOffset;
    this.#encoding = options.encoding ?? "utf-8";
    this.#format = format;
    this.#stage =
      format === "plain"
        ? new PlainLines(options, this.#encoding, sink)
        : new RecordLines(READERS[format](), options, startOffset, sink);
    if (startOffset > 0 || format !== "plain") this.#begin(0);
  }

  get hasPending(): boolean {
    const isHeld = this.#cutter === null ? this.#head.length > 0 : this.#cutter.hasPending;
    return isHeld || this.#stage.hasPending;
  }

  push(bytes: Uint8Array, nowMs: number): void {
    this.#stage.nowMs = nowMs;
    let rest = this.#head.length === 0 ? bytes : Buffer.concat([this.#head, bytes]);
    this.#head = new Uint8Array(0);
    if (this.#cutter === null) {
      if (isMarkUnclear(rest)) {
        this.#head = Uint8Array.from(rest);
        return;
      }
      rest = this.#readMark(rest);
    }
    if (this.#encoding !== "utf-8") rest = this.#codeUnits(rest);
    if (rest.length > 0) this.#cutter?.push(rest);
  }

  flush(nowMs: number, isLast = true): void {
    this.#stage.nowMs = nowMs;
    if (isLast) {
      if (this.#cutter === null && this.#head.length > 0) {
        this.#begin(0).push(this.#head);
        this.#head = new Uint8Array(0);
      }
      this.#cutter?.flush();
    }
    this.#stage.finish(isLast);
  }

  #readMark(head: Uint8Array): Uint8Array {
    const found = encodingOf(head);
    if (this.#options.encoding === null) this.#encoding = found;
    const marked = found === this.#encoding ? markBytes(head) : 0;
    if (this.#stage instanceof PlainLines) this.#stage.encoding = this.#encoding;
    this.#begin(marked);
    return head.subarray(marked);
  }

  #begin(markedBytes: number): LineCutter | LocalCutter {
    const { lineBytesMax, counts } = this.#options;
    const recordBytesMax = Math.max(lineBytesMax, RECORD_BYTES_MIN);
    const offset = this.#offset + markedBytes;
    const cutting = {
      lineBytesMax: this.#format === "plain" ? lineBytesMax : recordBytesMax,
      width: this.#encoding === "utf-8" ? 1 : 2,
      offset,
    } as const;
    this.#cutter =
      this.#format === "docker-local"
        ? new LocalCutter({ recordBytesMax, offset }, counts, this.#stage)
        : new LineCutter(cutting, counts, this.#stage);
    return this.#cutter;
  }

  /** Whole code units, as little-endian ones. */
  #codeUnits(bytes: Uint8Array): Uint8Array {
    const count = bytes.length - (bytes.length % 2);
    if (count < bytes.length) this.#head = Uint8Array.from(bytes.subarray(count));
    if (this.#encoding === "utf-16le") return bytes.subarray(0, count);
    return Buffer.from(bytes.subarray(0, count)).swap16();
  }
}
