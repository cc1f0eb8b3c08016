import { EntryJoiner, type EntrySink } from "./entry-joiner.ts";
import { KeyBlock } from "./key-block.ts";
import { markerOf } from "./masker.ts";
import { NO_JOIN, type ShapeOptions } from "./shape-options.ts";
import type { TextLine } from "./text-line.ts";

/** The lines of one stream: masked, then joined. */
export class StreamLines {
  readonly #options: ShapeOptions;
  readonly #sink: EntrySink;
  /** null: lines pass as they come. */
  readonly #joiner: EntryJoiner | null;
  readonly #key = new KeyBlock();

  constructor(options: ShapeOptions, sink: EntrySink) {
    const { join, masker, counts } = options;
    const isHeld = join !== null || masker !== null;
    this.#options = options;
    this.#sink = sink;
    this.#joiner = isHeld ? new EntryJoiner(join ?? NO_JOIN, counts, sink) : null;
  }

  get hasPending(): boolean {
    return this.#joiner?.hasPending ?? false;
  }

  /** Where what is pending begins; Infinity: nothing is. */
  get pendingOffset(): number {
    return this.#joiner?.pendingOffset ?? Number.POSITIVE_INFINITY;
  }

  /** @param mayMask the search of the region found something in it */
  take(line: TextLine, mayMask: boolean, nowMs: number): void {
    if (this.#key.isOpen && this.#key.takes(line)) {
      if (this.#joiner?.absorb(line) === true) return;
      line.bytes = Uint8Array.from(Buffer.from(markerOf("private-key"))); // after a flush
      line.start = 0;
      line.end = line.bytes.length;
    } else if (mayMask && this.#options.masker?.mask(line) === true) {
      this.#key.open();
    }
    if (this.#joiner === null) this.#sink(line);
    else this.#joiner.add(line, nowMs);
  }

  /** Ends what a line of that time (Unix microseconds) comes too late for. */
  finishBefore(timeUs: number, nowMs: number): void {
    const lastUs = this.#joiner?.lastTimeUs ?? null;
    const ageUsMax = (this.#options.join ?? NO_JOIN).ageMsMax * 1000;
    if (lastUs !== null && timeUs - lastUs >= ageUsMax) this.#joiner?.finish(nowMs);
  }

  /** Ends the first entry that is pending. */
  finishFirst(nowMs: number): void {
    this.#joiner?.finishFirst(nowMs);
  }

  settle(): void {
    this.#joiner?.settle();
  }

  /** All that is pending, or what is older than the limit. */
  finish(nowMs: number, isLast: boolean): void {
    if (isLast) this.#joiner?.finish(nowMs);
    else this.#joiner?.finishOlder(nowMs);
  }
}
