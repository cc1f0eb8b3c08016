/**
 * What the targets of an agent share of something that there is only so much of. Nobody may have more than
 * is left then for others: one that takes all it can get leaves half, two leave a third each.
 */
export class Room {
  readonly #max: number;
  #taken = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** Whether one that has `own` may have `wanted` instead. */
  allows(own: number, wanted: number): boolean {
    const others = this.#taken - own;
    return wanted <= own || wanted <= this.#max - others - wanted;
  }

  /** One that had `own` has `wanted` now. */
  take(own: number, wanted: number): void {
    this.#taken += wanted - own;
  }
}

/** So many that with values which all change at once, a frame is not too large. */
export const SERIES_OF_TARGETS_MAX = 150_000;
/** Series whose samples have times of their own; each is a group. */
export const STAMPED_OF_TARGETS_MAX = 40_000;
