import type { KeyValueStore } from "../../shared/platform/ports.ts";
import { type BufferedFrame, ifReadable, storedFrame } from "../frames/definitions.ts";
import { frameKey, seqOfFrameKey } from "./records.ts";

/** Frames of the queue that should be there and are not, or fail their checksum; ends inclusive. */
export type Missing = { readonly fromSeq: number; readonly toSeq: number; readonly frames: number };

export type ReadSpan = {
  readonly afterSeq: number;
  /** Inclusive. */
  readonly toSeq: number;
  readonly framesMax: number;
  readonly bytesMax: number;
  /** The frame of the queue that follows `seq`. */
  readonly next: (seq: number) => number;
};

/**
 * Frames of the span in order, as many as fit and at least one. Where a damaged block hides what
 * lies behind it from an iteration, each frame is looked for by its own key.
 */
export async function readFrames(
  store: KeyValueStore,
  span: ReadSpan,
): Promise<{ readonly frames: readonly BufferedFrame[]; readonly missing: readonly Missing[] }> {
  const reading = new Reading(store, span);
  const range = { gt: frameKey(span.afterSeq), lte: frameKey(span.toSeq) };
  const isFull = await ifReadable(async () => {
    for await (const [key, value] of store.entries(range)) {
      const seq = seqOfFrameKey(key);
      const isInOrder = seq !== null && seq > reading.lastSeq && seq <= span.toSeq;
      if (isInOrder && !(await reading.reach(seq, value))) return true;
    }
    return false;
  });
  if (isFull !== true) await reading.reach(span.toSeq + 1, null);
  return reading;
}

class Reading {
  readonly frames: BufferedFrame[] = [];
  readonly missing: Missing[] = [];
  readonly #store: KeyValueStore;
  readonly #span: ReadSpan;
  #bytes = 0;
  lastSeq: number;

  constructor(store: KeyValueStore, span: ReadSpan) {
    this.#store = store;
    this.#span = span;
    this.lastSeq = span.afterSeq;
  }

  /** Takes the frame, and before it those that the iteration passed over. False when it is full. */
  async reach(seq: number, value: Uint8Array | null): Promise<boolean> {
    for (let at = this.#span.next(this.lastSeq); at < seq; at = this.#span.next(at)) {
      const found = await ifReadable(() => this.#store.get(frameKey(at)));
      if (!this.#take(at, found ?? null)) return false;
    }
    return value === null || this.#take(seq, value);
  }

  #take(seq: number, value: Uint8Array | null): boolean {
    const frame = value === null ? null : storedFrame(seq, value);
    const bytes = frame?.bytes.length ?? 0;
    const isFull =
      this.frames.length >= this.#span.framesMax || this.#bytes + bytes > this.#span.bytesMax;
    if (isFull && this.frames.length > 0) return false;
    if (frame === null) this.#miss(seq);
    else this.frames.push(frame);
    this.#bytes += bytes;
    this.lastSeq = seq;
    return true;
  }

  #miss(seq: number): void {
    const last = this.missing.at(-1);
    if (last !== undefined && this.#span.next(last.toSeq) === seq) {
      this.missing[this.missing.length - 1] = { ...last, toSeq: seq, frames: last.frames + 1 };
    } else {
      this.missing.push({ fromSeq: seq, toSeq: seq, frames: 1 });
    }
  }
}
