import type { ClockMeasure } from "../../shared/model/accounts.ts";
import type { Clock } from "../../shared/platform/ports.ts";

/** A moment on this machine: Unix milliseconds that may jump, and those that never do. */
export type Moment = { readonly wallMs: number; readonly monotonicMs: number };

export function momentOf(clock: Clock): Moment {
  return { wallMs: clock.nowMs(), monotonicMs: clock.monotonicMs() };
}

/** Of the monotonic clock here over the aggregator's clock. */
type Sample = { readonly differenceMs: number; readonly roundTripMs: number };

const SAMPLES_MAX = 4;
/** What two good clocks may drift apart over the time of the samples, and the grain of both. */
const TOLERANCE_MS = 25;

/**
 * How far this clock is from the aggregator's, by NTP's four times: what the message took there and
 * back is halved, and the sample with the shortest way counts (RFC 5905, 8 and 10). Samples relate to
 * the monotonic clock, so a step of the clock here shows at once.
 */
export class ClockOffset {
  #samples: Sample[] = [];

  /**
   * @param sent when the question went out, and `got` when its answer came
   * @param there the aggregator's clock when it got the question and when it answered
   */
  add(sent: Moment, there: { receivedMs: number; sentMs: number }, got: Moment): void {
    const thereMs = Math.max(0, there.sentMs - there.receivedMs);
    const sample = {
      differenceMs: (sent.monotonicMs - there.receivedMs + (got.monotonicMs - there.sentMs)) / 2,
      roundTripMs: Math.max(0, got.monotonicMs - sent.monotonicMs - thereMs),
    };
    this.#samples = this.#samples.filter((other) => isConsistent(other, sample));
    this.#samples.push(sample);
    if (this.#samples.length > SAMPLES_MAX) this.#samples.shift();
  }

  /** Null before the first answer. */
  measure({ wallMs, monotonicMs }: Moment): ClockMeasure | null {
    let best = this.#samples[0];
    if (best === undefined) return null;
    for (const sample of this.#samples) if (sample.roundTripMs <= best.roundTripMs) best = sample;
    const { differenceMs, roundTripMs } = best;
    return { aheadMs: wallMs - monotonicMs + differenceMs, roundTripMs };
  }
}

/** Both can be right: if not, the aggregator's clock was set in between. */
function isConsistent(a: Sample, b: Sample): boolean {
  const apartMs = Math.abs(a.differenceMs - b.differenceMs);
  return apartMs <= (a.roundTripMs + b.roundTripMs) / 2 + TOLERANCE_MS;
}
