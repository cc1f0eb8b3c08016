import { SeededRandom } from "../test/support/random.ts";

/** Counters x, as a day of a thousand of them would be read. */
const COUNTERS = { count: 1000, hours: 24, everyMs: 10_000 } as const;
/** Series y that differ in one label, for matchers to look through; with a few samples each. */
const WIDE = { count: 100_000, minutes: 5, everyMs: 60_000 } as const;
/** Counters z over a long time. */
export const LONG = { count: 20, days: 30, everyMs: 60_000 } as const;

const HOUR_MS = 3_600_000;
const RATES = [0, 1, 10, 100, 5000];

/** What is read at one time: all series of one set, in the order of `labelsOfSet`. */
export type Reading = {
  readonly set: "x" | "y" | "z";
  readonly timeMs: number;
  /** Reused for the next reading. */
  readonly values: Float64Array;
};

/** All readings up to, not including, `endMs`, by time; the same ones for the same seed. */
export function* readings(seed: number, endMs: number, isShort: boolean): Iterable<Reading> {
  const random = new SeededRandom(seed);
  const x = new PoissonCounters(random.fork("x"), COUNTERS.count);
  const z = new PoissonCounters(random.fork("z"), LONG.count);
  const y = new Float64Array(WIDE.count);
  const xStartMs = endMs - (isShort ? 2 : COUNTERS.hours) * HOUR_MS;
  const yStartMs = endMs - WIDE.minutes * 60_000;
  const zStartMs = isShort ? xStartMs : endMs - LONG.days * 24 * HOUR_MS;
  for (let timeMs = zStartMs; timeMs < endMs; ) {
    if ((timeMs - zStartMs) % LONG.everyMs === 0) yield { set: "z", timeMs, values: z.next() };
    const isWide = timeMs >= yStartMs && (timeMs - yStartMs) % WIDE.everyMs === 0;
    if (isWide) yield { set: "y", timeMs, values: y.map((value, i) => value + (i % 100)) };
    if (timeMs >= xStartMs) yield { set: "x", timeMs, values: x.next() };
    timeMs += timeMs < xStartMs ? LONG.everyMs : COUNTERS.everyMs;
  }
}

/** name, value, name, value, …; sorted by name. */
export function labelsOfSet(set: Reading["set"]): string[][] {
  const count = { x: COUNTERS.count, y: WIDE.count, z: LONG.count }[set];
  return Array.from({ length: count }, (_, i) => {
    const job = `job-${i % 10}`;
    const instance = `node-${String(i).padStart(4, "0")}.example.net:9100`;
    if (set !== "y") return ["__name__", set, "instance", instance, "job", job];
    const pod = `shop-${i % 7}-${((i * 2_654_435_761) % 2 ** 32).toString(36)}-${i}`;
    return ["__name__", set, "instance", `node-${i % 100}`, "job", job, "pod", pod];
  });
}

/** Counters that grow by Poisson steps, each at one of a few rates. */
class PoissonCounters {
  readonly #random: SeededRandom;
  readonly #rates: Float64Array;
  readonly #values: Float64Array;

  constructor(random: SeededRandom, count: number) {
    this.#random = random;
    this.#rates = Float64Array.from({ length: count }, () => random.pick(RATES));
    this.#values = new Float64Array(count);
  }

  next(): Float64Array {
    for (let i = 0; i < this.#values.length; i += 1) {
      const rate = this.#rates[i] ?? 0;
      if (rate > 0) this.#values[i] = (this.#values[i] ?? 0) + this.#step(rate);
    }
    return this.#values;
  }

  #step(rate: number): number {
    const { next } = this.#random;
    if (rate > 30) {
      // Near enough to its normal limit, by the sum of a few numbers.
      const spread = next() + next() + next() + next() - 2;
      return Math.max(0, Math.round(rate + spread * Math.sqrt(rate * 3)));
    }
    const limit = Math.exp(-rate);
    let steps = 0;
    for (let product = next(); product > limit; product *= next()) steps += 1;
    return steps;
  }
}
