import type { Labels } from "../model/labels.ts";
import { grown } from "./bytes.ts";

const NEWLINE = 10;
const LINES_MIN = 64;
/** Columns for more lines than these are given back. */
const KEPT_LINES_MAX = 32 * 1024;

/** A line whose text is [start, end) of `bytes`. */
export type PlacedLine = {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  /** It was longer, and what is missing was counted. */
  readonly isCut: boolean;
};

/** A line whose text is all of `bytes`. */
type SingleLine = Omit<PlacedLine, "start" | "end"> & {
  readonly timeUs: number;
  readonly metadata?: Labels;
};

/** Memory with nothing but whole lines, a newline behind each. */
type Piece = { readonly bytes: Uint8Array; readonly start: number; end: number };

/**
 * Lines of one source in columns, so that no line takes an object of its own. Their text stays where
 * it is: lines that lie one behind the other in memory are one piece.
 */
export class LineColumns {
  readonly labels: Labels;
  /** Of each line, Unix microseconds. */
  timesUs = new Float64Array(LINES_MIN);
  /** Of each line, its bytes * 2, and 1 more if it was cut. */
  sizes = new Uint32Array(LINES_MIN);
  count = 0;
  /** With the newlines. */
  textBytes = 0;
  readonly pieces: Piece[] = [];
  /** By line, of those that have any. */
  readonly metadata = new Map<number, Labels>();

  constructor(labels: Labels) {
    this.labels = labels;
  }

  /** A newline follows the text, and both stay as they are for as long as these columns are used. */
  add(timeUs: number, { bytes, start, end, isCut }: PlacedLine): void {
    const { count } = this;
    if (count === this.sizes.length) this.#grow();
    this.timesUs[count] = timeUs;
    this.sizes[count] = (end - start) * 2 + (isCut ? 1 : 0);
    this.count = count + 1;
    this.textBytes += end + 1 - start;
    const last = this.pieces[this.pieces.length - 1];
    if (last !== undefined && last.end === start && last.bytes === bytes) last.end = end + 1;
    else this.pieces.push({ bytes, start, end: end + 1 });
  }

  /** A line whose text may change afterwards. */
  addCopy({ timeUs, bytes: text, isCut, metadata }: SingleLine): void {
    const bytes = new Uint8Array(text.length + 1);
    bytes.set(text);
    bytes[text.length] = NEWLINE;
    if (metadata !== undefined) this.metadata.set(this.count, metadata);
    this.add(timeUs, { bytes, start: 0, end: text.length, isCut });
  }

  /** Empty ones in the memory of these, which are not used any more. */
  emptied(labels: Labels): LineColumns {
    const empty = new LineColumns(labels);
    if (this.sizes.length <= KEPT_LINES_MAX) {
      empty.timesUs = this.timesUs;
      empty.sizes = this.sizes;
    }
    return empty;
  }

  #grow(): void {
    const room = this.sizes.length * 2;
    this.timesUs = grown(this.timesUs, new Float64Array(room));
    this.sizes = grown(this.sizes, new Uint32Array(room));
  }
}
