import type { EntrySink } from "./entry-joiner.ts";
import { ownedLine, type TextLine } from "./text-line.ts";

/**
 * Passes the entries of several streams in one file on in the order in which they begin, so that each
 * offset passed on is one to read on from: all before it was passed on, and nothing behind it. Entries
 * that overlap wait for each other, and are passed on at once: all but the last of them with the
 * offset from before, where they begin anew if the reader stops in between.
 */
export class EntryOrder {
  readonly #sink: EntrySink;
  #ready: TextLine[] = [];
  /** All before it was passed on. */
  #doneOffset: number;

  constructor(startOffset: number, sink: EntrySink) {
    this.#doneOffset = startOffset;
    this.#sink = sink;
  }

  /** @param pendingOffset where the first entry begins that is not whole; Infinity: all are */
  add(entry: TextLine, pendingOffset: number): void {
    const isNext = this.#ready.length === 0 && entry.endOffset <= pendingOffset;
    if (isNext) {
      this.#doneOffset = entry.endOffset;
      this.#sink(entry);
      return;
    }
    const one = ownedLine(entry);
    let at = this.#ready.length;
    while (at > 0 && (this.#ready[at - 1]?.startOffset ?? 0) > one.startOffset) at -= 1;
    this.#ready.splice(at, 0, one);
    this.release(pendingOffset);
  }

  /** Passes on what nothing stands before. */
  release(pendingOffset: number): void {
    const ready = this.#ready;
    const [first] = ready;
    if (first === undefined || first.startOffset >= pendingOffset) return;
    let cut = pendingOffset;
    for (let i = ready.length - 1; i >= 0; i -= 1) {
      const entry = ready[i];
      if (entry !== undefined && entry.endOffset > cut) cut = Math.min(cut, entry.startOffset);
    }
    let count = 0;
    while ((ready[count]?.startOffset ?? Number.POSITIVE_INFINITY) < cut) count += 1;
    let reached = this.#doneOffset;
    for (let i = 0; i < count; i += 1) {
      const entry = ready[i];
      if (entry === undefined) break;
      reached = Math.max(reached, entry.endOffset);
      const isApart = (ready[i + 1]?.startOffset ?? Number.POSITIVE_INFINITY) >= reached;
      if (isApart) this.#doneOffset = reached;
      this.#sink({ ...entry, endOffset: this.#doneOffset });
    }
    ready.splice(0, count);
  }
}
