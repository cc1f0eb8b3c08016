import { strict as assert } from "node:assert";
import type { Labels } from "../../../shared/model/labels.ts";
import { EntryOrder } from "../shape/entry-order.ts";
import { NO_JOIN, type ShapeOptions } from "../shape/shape-options.ts";
import { newTextLine, type TextLine } from "../shape/text-line.ts";
import type { SourcedLine } from "../tail/ports.ts";
import type { EntrySource } from "./entry-source.ts";
import type { JournalEntry } from "./export-parser.ts";
import { JournalStream } from "./journal-stream.ts";

const NEWLINE = 10;
const NOWHERE = Number.POSITIVE_INFINITY;
/** Writers of which something may be pending, or a private key goes on; the idle ones go first. */
const STREAMS_MAX = 512;
/** How often it is looked which writers' lines are due, by the times and bytes of entries. */
const FINISH_EVERY_US = 100_000;
const FINISH_EVERY_BYTES = 16 * 1024;
/** Entries that were passed on and are forgotten together. */
const TAKEN_KEPT = 256;
/** What an entry counts in the span that others may wait for, besides its message. */
const ENTRY_BYTES = 256;

type Done = { readonly endOffset: number; readonly cursor: string };

/**
 * Entries of the journal become lines. As in a file, each has a place, counted in bytes of messages
 * since the start; a line that is held, because the next of its writer may belong to it, holds those
 * behind it, so that up to `cursor` all lines were passed on and behind it none was.
 */
export class JournalLines {
  /** Of the last entry up to which all were passed on; "": none was. */
  cursor = "";
  readonly #options: ShapeOptions;
  readonly #single: ShapeOptions;
  readonly #emit: (line: SourcedLine) => void;
  readonly #order: EntryOrder;
  /** The one written to last at the end. */
  readonly #streams = new Map<string, JournalStream>();
  readonly #pending = new Set<JournalStream>();
  readonly #line = newTextLine();
  /** By the place where a line begins that has not been passed on. */
  readonly #labels = new Map<number, Labels>();
  /** Entries from #reached on are behind `cursor`, oldest first. */
  #taken: Done[] = [];
  #reached = 0;
  readonly #spanBytesMax: number;
  #offset = 0;
  #nowMs = 0;
  #finishedAtUs = 0;
  #finishedAtOffset = 0;

  constructor(options: ShapeOptions, emit: (line: SourcedLine) => void) {
    this.#options = options;
    this.#single = { ...options, join: null };
    this.#emit = emit;
    this.#order = new EntryOrder(0, (line) => this.#passOn(line));
    this.#spanBytesMax = (options.join ?? NO_JOIN).bytesMax + options.lineBytesMax;
  }

  /** A line waits that may go on. */
  get hasPending(): boolean {
    return this.#pending.size > 0;
  }

  take(entry: JournalEntry, source: EntrySource, nowMs: number): void {
    const { message, timeUs, bytesCut } = entry;
    const line = this.#line;
    this.#nowMs = nowMs;
    line.startOffset = this.#offset;
    this.#offset += ENTRY_BYTES + (message?.length ?? 0);
    line.endOffset = this.#offset;
    this.#taken.push({ endOffset: this.#offset, cursor: entry.cursor });
    this.#finishOverdue(timeUs);
    if (message !== null) {
      line.bytes = message;
      line.start = 0;
      line.end = message.at(-1) === NEWLINE ? message.length - 1 : message.length; // conmon's have one
      line.timeUs = timeUs;
      const stream = this.#stream(source);
      if (timeUs !== null) stream.finishBefore(timeUs, nowMs);
      stream.take(line, bytesCut, source.isPart, nowMs);
      if (!source.isPrinted && !source.isPart) stream.finish(nowMs, true); // whole by itself
      this.#note(stream);
    }
    this.#settle();
  }

  /** All that is pending, or what is older than its limit. */
  finish(nowMs: number, isLast: boolean): void {
    this.#nowMs = nowMs;
    for (const stream of this.#pending) {
      stream.finish(nowMs, isLast);
      this.#note(stream);
    }
    this.#settle();
    assert(!isLast || this.#taken.length === this.#reached, "nothing is pending at the end");
  }

  #stream({ key, labels, isPrinted }: EntrySource): JournalStream {
    const full = `${isPrinted ? "printed" : ""}\u0000${key}`;
    let stream = this.#streams.get(full);
    if (stream === undefined) {
      const options = isPrinted ? this.#options : this.#single;
      stream = new JournalStream(options, (line) => {
        this.#labels.set(line.startOffset, labels);
        this.#order.add(line, this.#pendingOffset());
      });
    } else {
      this.#streams.delete(full);
    }
    this.#streams.set(full, stream);
    if (this.#streams.size > STREAMS_MAX) this.#forgetOldest();
    return stream;
  }

  #forgetOldest(): void {
    const [oldest] = this.#streams;
    if (oldest === undefined) return;
    const [key, stream] = oldest;
    stream.finish(this.#nowMs, true);
    this.#note(stream);
    this.#streams.delete(key);
  }

  #note(stream: JournalStream): void {
    if (stream.pendingOffset === NOWHERE) this.#pending.delete(stream);
    else this.#pending.add(stream);
  }

  /** Where the first line begins that is not whole. */
  #pendingOffset(): number {
    let offset = NOWHERE;
    for (const stream of this.#pending) offset = Math.min(offset, stream.pendingOffset);
    return offset;
  }

  /** Ends what an entry of that time comes too late for, and what others must not wait for. */
  #finishOverdue(timeUs: number | null): void {
    const isSoon = timeUs !== null && Math.abs(timeUs - this.#finishedAtUs) < FINISH_EVERY_US;
    if (isSoon && this.#offset - this.#finishedAtOffset < FINISH_EVERY_BYTES) return;
    this.#finishedAtUs = timeUs ?? this.#finishedAtUs;
    this.#finishedAtOffset = this.#offset;
    for (const stream of this.#pending) {
      if (timeUs !== null) stream.finishBefore(timeUs, this.#nowMs);
      while (this.#offset - stream.pendingOffset > this.#spanBytesMax) {
        stream.finishFirst(this.#nowMs);
      }
      this.#note(stream);
    }
  }

  #settle(): void {
    this.#order.release(this.#pendingOffset());
    if (this.#pending.size > 0) return;
    this.#reach(this.#offset);
  }

  #passOn(line: TextLine): void {
    const { startOffset, endOffset, isCut } = line;
    const labels = this.#labels.get(startOffset);
    assert(labels !== undefined, "a line has labels");
    this.#labels.delete(startOffset);
    const bytes = new Uint8Array(line.bytes.subarray(line.start, line.end)); // a copy
    this.#emit({ labels, timeUs: line.timeUs ?? this.#nowMs * 1000, bytes, isCut });
    this.#reach(endOffset);
  }

  /** All lines up to `offset` were passed on. */
  #reach(offset: number): void {
    const taken = this.#taken;
    for (let at = this.#reached; at < taken.length; at += 1) {
      const entry = taken[at];
      if (entry === undefined || entry.endOffset > offset) break;
      if (entry.cursor !== "") this.cursor = entry.cursor;
      this.#reached = at + 1;
    }
    if (this.#reached < TAKEN_KEPT) return;
    this.#taken = taken.slice(this.#reached);
    this.#reached = 0;
  }
}
