import type { Totals } from "./ledger.ts";

/** A keyframe and the frames up to the next: the smallest part that can be read on its own. */
export type Stretch = {
  /** Of its keyframe. */
  readonly seq: number;
  readonly timeMs: number;
  /** What had been queued before it, since the buffer was made. */
  readonly before: Totals;
};

/**
 * The stretches that are kept, oldest first. Sequences within a stretch have no gap, so the place
 * of every frame is known without a look at the frames.
 */
export class Stretches {
  readonly #stretches: Stretch[];

  constructor(stretches: Stretch[]) {
    this.#stretches = stretches;
  }

  get length(): number {
    return this.#stretches.length;
  }

  at(index: number): Stretch | undefined {
    return this.#stretches[index];
  }

  push(stretch: Stretch): void {
    this.#stretches.push(stretch);
  }

  removeOldest(count: number): void {
    this.#stretches.splice(0, count);
  }

  /** The first `count` of them. */
  oldest(count: number): readonly Stretch[] {
    return this.#stretches.slice(0, count);
  }

  /** How many can go when a reader has everything up to `seq`: the last keyframe before stays. */
  countBelow(seq: number): number {
    return Math.max(0, this.#indexOf(seq));
  }

  /** How many have no frame after the first `frames` that were queued. */
  countWithin(frames: number, queued: Totals): number {
    let count = 0;
    for (let i = 0; i < this.#stretches.length; i += 1) {
      const end = this.#stretches[i + 1]?.before.frames ?? queued.frames;
      if (end <= frames) count = i + 1;
    }
    return count;
  }

  /** Number of frames up to `seq`, inclusive, that were queued since the buffer was made. */
  framesUpTo(seq: number, queued: Totals): number {
    const index = this.#indexOf(seq);
    const stretch = this.#stretches[index];
    if (stretch === undefined) return this.#stretches[0]?.before.frames ?? queued.frames;
    const end = this.#stretches[index + 1]?.before.frames ?? queued.frames;
    return Math.min(end, stretch.before.frames + (seq - stretch.seq) + 1);
  }

  /** The frame that follows `seq` in the queue, or would. */
  seqAfter(seq: number, queued: Totals): number {
    const index = this.#indexOf(seq);
    const stretch = this.#stretches[index];
    const next = this.#stretches[index + 1];
    if (stretch === undefined) return next?.seq ?? seq + 1;
    const length = (next?.before.frames ?? queued.frames) - stretch.before.frames;
    return next === undefined || seq + 1 < stretch.seq + length ? seq + 1 : next.seq;
  }

  /** The frame before `seq` in the queue; 0 where it is not known. */
  seqBefore(seq: number): number {
    const index = this.#indexOf(seq);
    const stretch = this.#stretches[index];
    if (stretch === undefined || seq > stretch.seq) return stretch === undefined ? 0 : seq - 1;
    const before = this.#stretches[index - 1];
    if (before === undefined) return 0;
    return before.seq + (stretch.before.frames - before.before.frames) - 1;
  }

  /** When the stretch in which `seq` lies began; 0 before all of them. */
  timeAt(seq: number): number {
    return this.#stretches[this.#indexOf(seq)]?.timeMs ?? 0;
  }

  /** When the stretch after that of `seq` began; of the last one, when that did. */
  timeAfter(seq: number): number {
    const index = this.#indexOf(seq);
    return (this.#stretches[index + 1] ?? this.#stretches[index])?.timeMs ?? 0;
  }

  /** A guess of the samples in the `frames` frames around `seq`: the mean of their stretch. */
  meanSamples(seq: number, frames: number, queued: Totals): number {
    const index = Math.max(0, this.#indexOf(seq));
    const before = this.#stretches[index]?.before;
    if (before === undefined) return 0;
    const end = this.#stretches[index + 1]?.before ?? queued;
    const length = end.frames - before.frames;
    if (length <= 0) return 0;
    return Math.round(((end.samples - before.samples) * frames) / length);
  }

  /** The stretch in which `seq` lies, -1 when it lies before all of them. */
  #indexOf(seq: number): number {
    let low = 0;
    let high = this.#stretches.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#stretches[middle]?.seq ?? 0) <= seq) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}
