import type { OneSeries } from "../pushed-one.ts";
import type { Part } from "./classic-values.ts";
import { type DeltaFault, DeltaTimes } from "./delta-times.ts";

/** The series that one point of a metric becomes, again and again, and what its increases add up to. */
export class PointSeries {
  /** Of which `series` were made. */
  readonly parts: readonly Part[];
  readonly series: readonly OneSeries[];
  readonly #totals: number[];
  readonly #times: DeltaTimes;

  /** @param before what the same point was, with other parts */
  constructor(parts: readonly Part[], series: readonly OneSeries[], before: PointSeries | null) {
    this.parts = parts;
    this.series = series;
    this.#totals = parts.map(() => 0);
    this.#times = before === null ? new DeltaTimes() : before.#times;
  }

  get isRetired(): boolean {
    return this.series.some(({ isRetired }) => isRetired);
  }

  /** Whether it is taken, and made of these parts. */
  isOf(parts: readonly Part[]): boolean {
    return !this.isRetired && areSame(this.parts, parts);
  }

  /** Sums of all increases so far, with these; or why these do not count. */
  add(increases: readonly number[], startMs: number, endMs: number): number[] | DeltaFault {
    const fault = this.#times.take(startMs, endMs);
    if (fault !== null) return fault;
    for (const [i, increase] of increases.entries()) {
      this.#totals[i] = (this.#totals[i] ?? 0) + increase;
    }
    return [...this.#totals];
  }

  /** The clock was set back. */
  forgetTimes(): void {
    this.#times.forget();
  }
}

function areSame(a: readonly Part[], b: readonly Part[]): boolean {
  return a === b || (a.length === b.length && a.every((part, i) => isSame(part, b[i])));
}

function isSame(a: Part, b: Part | undefined): boolean {
  return a.suffix === b?.suffix && a.label?.[1] === b.label?.[1];
}
