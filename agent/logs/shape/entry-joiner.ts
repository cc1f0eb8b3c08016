import type { RE2JS } from "re2js";
import { lookAtStart, MAY_CONTINUE, MAY_OPEN } from "./join-quick.ts";
import { firstState, JOIN_TEXT_BYTES_MAX, type JoinState, nextStep } from "./join-state.ts";
import type { ShapeCounts } from "./shape-counts.ts";
import {
  copyLine,
  latin1Text,
  newTextLine,
  ownedLine,
  type TextLine,
  TextRoom,
} from "./text-line.ts";

export type JoinOptions = {
  readonly linesMax: number;
  readonly bytesMax: number;
  /** From the first line of an entry; beyond it `finishOlder` ends it. */
  readonly ageMsMax: number;
  /** What a first line looks like: all others belong to the one before. null: as join-state.ts says. */
  readonly firstLine: RE2JS | null;
};

/** The entry, and its bytes, are valid until the call returns. */
export type EntrySink = (entry: TextLine) => void;

const NEWLINE = 10;
/** Lines that may wait for one that joins them to the entry. */
const WAITING_LINES_MAX = 8;

/**
 * Makes entries of the lines of one stream. A line is held until the next one says that it is whole:
 * what is decided depends on the lines of the entry and the first one behind it, and on nothing before.
 *
 * Invariant: without #isPending there is no text, no state and no line that waits.
 */
export class EntryJoiner {
  readonly #options: JoinOptions;
  readonly #counts: ShapeCounts;
  readonly #sink: EntrySink;
  readonly #entry = newTextLine();
  /** The entry's text, when it is not a line that stands elsewhere. */
  readonly #text = new TextRoom();
  #isPending = false;
  #isOwned = false;
  #lines = 0;
  #sinceMs = 0;
  #lastTimeUs: number | null = null;
  /** Where the first line begins that waited in vain and has yet to begin anew. */
  #againOffset = Number.POSITIVE_INFINITY;
  #state: JoinState | null = null;
  #waiting: TextLine[] = [];

  constructor(options: JoinOptions, counts: ShapeCounts, sink: EntrySink) {
    this.#options = options;
    this.#counts = counts;
    this.#sink = sink;
  }

  get hasPending(): boolean {
    return this.#isPending;
  }

  /** Where what is pending begins; Infinity: nothing is. */
  get pendingOffset(): number {
    return this.#isPending ? this.#entry.startOffset : this.#againOffset;
  }

  /** Unix microseconds of the last line of what is pending; null: there is none, or it has none. */
  get lastTimeUs(): number | null {
    if (!this.#isPending) return null;
    return this.#waiting.length > 0 ? (this.#waiting.at(-1)?.timeUs ?? null) : this.#lastTimeUs;
  }

  add(line: TextLine, nowMs: number): void {
    const look = lookAtStart(line.bytes, line.start, line.end);
    while (this.#isPending) {
      if (this.#joins(line, (look & MAY_CONTINUE) !== 0)) return;
      this.#release(nowMs); // lines that waited in vain may be pending then
    }
    this.#begin(line, nowMs, (look & MAY_OPEN) !== 0);
  }

  /** The line belongs to the one before and says nothing: it is left out. False: there is no entry. */
  absorb(line: TextLine): boolean {
    if (!this.#isPending) return false;
    const last = this.#waiting.at(-1) ?? this.#entry;
    last.endOffset = line.endOffset;
    return true;
  }

  /** Memory that lines were in is about to change. */
  settle(): void {
    if (!this.#isPending || this.#isOwned) return;
    this.#own();
  }

  /** Ends the entry that is pending; lines that waited for it begin anew. */
  finishFirst(nowMs: number): void {
    if (this.#isPending) this.#release(nowMs);
  }

  finish(nowMs: number): void {
    while (this.#isPending) this.#release(nowMs);
  }

  finishOlder(nowMs: number): void {
    if (this.#isPending && nowMs - this.#sinceMs >= this.#options.ageMsMax) this.finish(nowMs);
  }

  #begin(line: TextLine, nowMs: number, mayOpen: boolean): void {
    copyLine(this.#entry, line);
    this.#isPending = true;
    this.#isOwned = false;
    this.#lines = 1;
    this.#sinceMs = nowMs;
    this.#lastTimeUs = line.timeUs;
    this.#state = null;
    if (mayOpen && this.#options.firstLine === null) {
      const state = firstState(textOf(line));
      if (state.block !== "line") this.#state = state;
    }
  }

  /** True when the line was taken: it joins, or waits. */
  #joins(line: TextLine, mayContinue: boolean): boolean {
    const { firstLine } = this.#options;
    if (firstLine !== null) {
      if (isMatch(line, firstLine) || !this.#fits(line)) return false;
      this.#append(line);
      return true;
    }
    if (this.#state === null && !mayContinue) return false;
    this.#state ??= firstState(textOf(this.#entry));
    const { verdict, state } = nextStep(this.#state, textOf(line));
    if (verdict === "ends" || !this.#fits(line)) return false;
    if (verdict === "waits") {
      if (this.#waiting.length >= WAITING_LINES_MAX) return false;
      this.#waiting.push(ownedLine(line));
      return true;
    }
    for (const one of this.#waiting) this.#append(one);
    this.#waiting = [];
    this.#state = state;
    this.#append(line);
    return true;
  }

  #fits(line: TextLine): boolean {
    let bytes = this.#entry.end - this.#entry.start + line.end - line.start + 1;
    for (const one of this.#waiting) bytes += one.end - one.start + 1;
    const count = this.#lines + this.#waiting.length + 1;
    return count <= this.#options.linesMax && bytes <= this.#options.bytesMax;
  }

  #append(line: TextLine): void {
    const entry = this.#entry;
    if (!this.#isOwned) this.#own();
    this.#text.appendByte(NEWLINE);
    this.#text.append(line.bytes, line.start, line.end);
    entry.bytes = this.#text.bytes;
    entry.end = this.#text.length;
    entry.endOffset = line.endOffset;
    entry.isCut ||= line.isCut;
    this.#lastTimeUs = line.timeUs;
    this.#lines += 1;
    this.#counts.linesJoined += 1;
  }

  #own(): void {
    const entry = this.#entry;
    this.#text.append(entry.bytes, entry.start, entry.end);
    entry.bytes = this.#text.bytes;
    entry.start = 0;
    entry.end = this.#text.length;
    this.#isOwned = true;
  }

  /** Passes the entry on; lines that waited in vain begin anew. */
  #release(nowMs: number): void {
    const waiting = this.#waiting;
    const againOffset = this.#againOffset; // a line that waited may end the one before it
    this.#waiting = [];
    this.#isPending = false;
    this.#state = null;
    this.#againOffset = waiting[0]?.startOffset ?? againOffset;
    this.#sink(this.#entry);
    this.#text.clear();
    for (const line of waiting) {
      this.#againOffset = line.startOffset;
      this.add(line, nowMs);
    }
    this.#againOffset = againOffset;
  }
}

function isMatch({ bytes, start, end }: TextLine, pattern: RE2JS): boolean {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString();
  return pattern.matcher(text).find();
}

function textOf({ bytes, start, end }: TextLine): string {
  return latin1Text(bytes, start, Math.min(end, start + JOIN_TEXT_BYTES_MAX));
}
