import type { RecordReader } from "./container-record.ts";
import { characterEnd, isValidUtf8 } from "./encoding.ts";
import type { EntrySink } from "./entry-joiner.ts";
import { EntryOrder } from "./entry-order.ts";
import type { LineSink } from "./line-cutter.ts";
import { makeValid } from "./plain-lines.ts";
import { NO_JOIN, type ShapeOptions } from "./shape-options.ts";
import { StreamLines } from "./stream-lines.ts";
import { newTextLine, type StreamName, type TextLine, TextRoom } from "./text-line.ts";

const NOWHERE = Number.POSITIVE_INFINITY;
const STREAM_NAMES: readonly StreamName[] = ["", "stdout", "stderr"];

/** One stream of a container: the parts of the line that is being written, and the lines before. */
type Stream = {
  readonly lines: StreamLines;
  readonly parts: TextRoom;
  /** Where its first part begins; Infinity: there is none. */
  partsOffset: number;
  partsEndOffset: number;
  partsTimeUs: number | null;
  bytesCut: number;
  /** Lines of other streams stand between its parts. */
  isParted: boolean;
};

/**
 * The lines in a container runtime's file, which several streams write: each is joined apart. What is
 * no record is passed on as it stands, in a stream without a name.
 */
export class RecordLines implements LineSink {
  nowMs = 0;
  readonly #reader: RecordReader;
  readonly #options: ShapeOptions;
  readonly #order: EntryOrder;
  readonly #streams: Readonly<Record<StreamName, Stream>>;
  readonly #all: readonly Stream[];
  readonly #whole = newTextLine();
  /** Of the file, from the beginning of an entry that others wait for to its end. */
  readonly #spanBytesMax: number;
  #isValid = true;

  constructor(reader: RecordReader, options: ShapeOptions, startOffset: number, sink: EntrySink) {
    this.#reader = reader;
    this.#options = options;
    this.#order = new EntryOrder(startOffset, sink);
    this.#spanBytesMax = (options.join ?? NO_JOIN).bytesMax + options.lineBytesMax;
    const take: EntrySink = (entry) => this.#order.add(entry, this.#pendingOffset());
    const open = () => newStream(new StreamLines(options, take));
    this.#streams = { "": open(), stdout: open(), stderr: open() };
    this.#all = Object.values(this.#streams);
  }

  get hasPending(): boolean {
    return this.#pendingOffset() !== NOWHERE;
  }

  region(bytes: Uint8Array, start: number, end: number): void {
    this.settle();
    this.#isValid = isValidUtf8(bytes, start, end);
    this.#reader.begin(start, end);
    this.#options.masker?.begin(bytes, start, end);
  }

  line(line: TextLine): void {
    const isFound = this.#options.masker?.mayMask(line.end) ?? false;
    line.timeUs = null;
    line.stream = "";
    const isRecord = this.#reader.read(line);
    if (!isRecord) this.#options.counts.recordsMalformed += 1;
    const stream = this.#streams[line.stream];
    this.#finishOverdue(line);
    if (isRecord && (this.#reader.isPart || stream.partsOffset !== NOWHERE)) {
      this.#addPart(stream, line);
      if (!this.#reader.isPart) this.#finishParts(stream, line.stream);
    } else {
      this.#cut(line);
      const isChanged = !this.#isValid && makeValid(line, this.#options);
      stream.lines.take(line, isFound || isChanged || this.#reader.isRewritten, this.nowMs);
    }
    this.#order.release(this.#pendingOffset());
  }

  settle(): void {
    for (const { lines } of this.#all) lines.settle();
  }

  finish(isLast: boolean): void {
    for (const name of STREAM_NAMES) {
      const stream = this.#streams[name];
      if (isLast && stream.partsOffset !== NOWHERE) this.#finishParts(stream, name);
      stream.lines.finish(this.nowMs, isLast);
    }
    this.#order.release(this.#pendingOffset());
  }

  /** Where the first entry begins that is not whole. */
  #pendingOffset(): number {
    let offset = NOWHERE;
    for (const { lines, partsOffset } of this.#all) {
      offset = Math.min(offset, lines.pendingOffset, partsOffset);
    }
    return offset;
  }

  #cut(line: TextLine): void {
    const { lineBytesMax, counts } = this.#options;
    if (line.end - line.start <= lineBytesMax) return;
    const end = characterEnd(line.bytes, line.start, line.start + lineBytesMax);
    if (!line.isCut) counts.linesCut += 1;
    counts.bytesCut += line.end - end;
    line.end = end;
    line.isCut = true;
  }

  #addPart(stream: Stream, line: TextLine): void {
    const { parts } = stream;
    if (stream.partsOffset === NOWHERE) {
      stream.lines.settle();
      stream.partsOffset = line.startOffset;
      stream.partsTimeUs = line.timeUs;
    }
    const room = this.#options.lineBytesMax + 1 - parts.length; // one more says that it is cut
    const end = Math.min(line.end, line.start + room);
    parts.append(line.bytes, line.start, end);
    stream.bytesCut += line.end - end;
    stream.partsEndOffset = line.endOffset;
  }

  /** What the parts are together becomes a line. */
  #finishParts(stream: Stream, name: StreamName): void {
    const line = this.#whole;
    const { masker, counts } = this.#options;
    line.bytes = stream.parts.bytes;
    line.start = 0;
    line.end = stream.parts.length;
    line.startOffset = stream.partsOffset;
    line.endOffset = stream.partsEndOffset;
    line.timeUs = stream.partsTimeUs;
    line.stream = name;
    line.isCut = false;
    this.#cut(line);
    counts.bytesCut += stream.bytesCut;
    makeValid(line, this.#options);
    stream.lines.take(line, masker !== null, this.nowMs);
    stream.lines.settle();
    stream.parts.clear();
    stream.bytesCut = 0;
    stream.partsOffset = NOWHERE;
    stream.isParted = false;
  }

  /**
   * Ends what `line` comes too late for, and what is so long that other streams must not wait for it;
   * parts alone wait for as long as nothing comes between them. By what the entry and the lines behind
   * it are, and by nothing before: a reader that begins at the entry does the same.
   */
  #finishOverdue({ timeUs, startOffset, stream: name }: TextLine): void {
    for (const one of STREAM_NAMES) {
      const stream = this.#streams[one];
      if (timeUs !== null) stream.lines.finishBefore(timeUs, this.nowMs);
      while (startOffset - stream.lines.pendingOffset > this.#spanBytesMax) {
        stream.lines.finishFirst(this.nowMs);
      }
      stream.isParted ||= one !== name && stream.partsOffset !== NOWHERE;
      if (stream.isParted && startOffset - stream.partsOffset > this.#spanBytesMax) {
        this.#finishParts(stream, one);
        stream.lines.finish(this.nowMs, true);
      }
    }
  }
}

function newStream(lines: StreamLines): Stream {
  const parts = { parts: new TextRoom(), partsOffset: NOWHERE, partsEndOffset: 0 };
  return { lines, ...parts, partsTimeUs: null, bytesCut: 0, isParted: false };
}
