export type DeltaFault = "duplicate" | "out_of_order" | "overlap" | "malformed";

/** Clocks of a start and the end before it may be read one after the other. */
const SLACK_MS = 1;
const NEVER = Number.NEGATIVE_INFINITY;

/**
 * Which increases of a series count: each at most once. A point speaks of the time from its start to
 * its end. One that begins after the last one ended leaves a gap, of which nobody knows anything, or is
 * of a process that began anew: what it says is added. One that begins before is of what has been added.
 * Source: OpenTelemetry, "Metrics Data Model", Sums and Resets and Gaps.
 */
export class DeltaTimes {
  #endMs = NEVER;

  /** Null: the point counts, and is the last one from now on. Times are Unix milliseconds. */
  take(startMs: number, endMs: number): DeltaFault | null {
    if (startMs > endMs) return "malformed";
    if (endMs === this.#endMs) return "duplicate";
    if (endMs < this.#endMs) return "out_of_order";
    if (startMs > 0 && startMs < this.#endMs - SLACK_MS) return "overlap";
    this.#endMs = endMs;
    return null;
  }

  /** The clock was set back. */
  forget(): void {
    this.#endMs = NEVER;
  }
}
