import { characterEnd } from "../shape/encoding.ts";
import type { EntrySink } from "../shape/entry-joiner.ts";
import { makeValid } from "../shape/plain-lines.ts";
import type { ShapeOptions } from "../shape/shape-options.ts";
import { StreamLines } from "../shape/stream-lines.ts";
import { newTextLine, type TextLine, TextRoom } from "../shape/text-line.ts";

const NOWHERE = Number.POSITIVE_INFINITY;
/** A line whose last part does not come is finished without it. */
const PARTS_AGE_MS_MAX = 5000;

/** The lines of one writer: parts put together, masked, and joined where several are one entry. */
export class JournalStream {
  readonly #options: ShapeOptions;
  readonly #lines: StreamLines;
  readonly #parts = new TextRoom();
  readonly #whole = newTextLine();
  /** Where the first part begins; Infinity: there is none. */
  #partsOffset = NOWHERE;
  #partsSinceMs = 0;
  #partsBytesCut = 0;

  constructor(options: ShapeOptions, sink: EntrySink) {
    this.#options = options;
    this.#lines = new StreamLines(options, sink);
  }

  /** Where what is pending begins; Infinity: nothing is. */
  get pendingOffset(): number {
    return Math.min(this.#lines.pendingOffset, this.#partsOffset);
  }

  /** @param bytesCut what was left out of it already */
  take(line: TextLine, bytesCut: number, isPart: boolean, nowMs: number): void {
    if (isPart || this.#partsOffset !== NOWHERE) {
      this.#addPart(line, bytesCut, nowMs);
      if (!isPart) this.#finishParts(nowMs);
    } else {
      this.#pass(line, bytesCut, nowMs);
    }
    this.#lines.settle();
  }

  /** Ends what a line of that time (Unix microseconds), of any writer, comes too late for. */
  finishBefore(timeUs: number, nowMs: number): void {
    this.#lines.finishBefore(timeUs, nowMs);
  }

  /** All that is pending, or what is older than its limit. */
  finish(nowMs: number, isLast: boolean): void {
    const isOld = nowMs - this.#partsSinceMs >= PARTS_AGE_MS_MAX;
    if (this.#partsOffset !== NOWHERE && (isLast || isOld)) this.#finishParts(nowMs);
    this.#lines.finish(nowMs, isLast);
  }

  /** Ends the first entry that is pending, so that others need not wait for it. */
  finishFirst(nowMs: number): void {
    if (this.#lines.pendingOffset <= this.#partsOffset) this.#lines.finishFirst(nowMs);
    else this.#finishParts(nowMs);
    this.#lines.settle();
  }

  #addPart(line: TextLine, bytesCut: number, nowMs: number): void {
    const parts = this.#parts;
    const whole = this.#whole;
    if (this.#partsOffset === NOWHERE) {
      this.#partsOffset = line.startOffset;
      this.#partsSinceMs = nowMs;
      whole.timeUs = line.timeUs;
    }
    const room = this.#options.lineBytesMax + 1 - parts.length; // one more says that it is cut
    const end = Math.min(line.end, line.start + room);
    parts.append(line.bytes, line.start, end);
    this.#partsBytesCut += line.end - end + bytesCut;
    whole.endOffset = line.endOffset;
  }

  #finishParts(nowMs: number): void {
    const line = this.#whole;
    line.bytes = this.#parts.bytes;
    line.start = 0;
    line.end = this.#parts.length;
    line.startOffset = this.#partsOffset;
    this.#pass(line, this.#partsBytesCut, nowMs);
    this.#lines.settle();
    this.#parts.clear();
    this.#partsBytesCut = 0;
    this.#partsOffset = NOWHERE; // until it is a line it is pending as parts
  }

  #pass(line: TextLine, bytesCut: number, nowMs: number): void {
    const { masker } = this.#options;
    masker?.begin(line.bytes, line.start, line.end);
    const isFound = masker?.mayMask(line.end) ?? false;
    this.#cut(line, bytesCut);
    const isChanged = makeValid(line, this.#options);
    this.#lines.take(line, isFound || isChanged, nowMs);
  }

  #cut(line: TextLine, bytesCut: number): void {
    const { lineBytesMax, counts } = this.#options;
    line.isCut = line.end - line.start > lineBytesMax;
    if (!line.isCut) return;
    const end = characterEnd(line.bytes, line.start, line.start + lineBytesMax);
    counts.linesCut += 1;
    counts.bytesCut += line.end - end + bytesCut;
    line.end = end;
  }
}
