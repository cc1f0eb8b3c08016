import { type Labels, labelsKey, labelsOf } from "../../shared/model/labels.ts";
import { DOUBLE_SCALE, scaledValue } from "../../shared/model/series-definition.ts";
import type { FakeClock } from "../support/fake-clock.ts";
import type { SeededRandom } from "../support/random.ts";

/** What the agent's collectors must look like (agent/collect/collector.ts). */
type Sink = {
  define(group: number, scale: number, labels: Labels): number;
  retire(slot: number): void;
  set(slot: number, value: number): void;
};

/** The alert rule of the simulation looks at this gauge. */
export const HOT_METRIC = "sim_temp";
export const HOT_ABOVE = 50;
/** `labelsKey` of its series, without `instance`. */
export const HOT_KEY = labelsKey(labelsOf({ __name__: HOT_METRIC, job: "node" }));

/** A stretch of time, monotonic milliseconds of the world. */
export type Span = { readonly fromMs: number; readonly toMs: number };

export type SourceOptions = {
  /** When the alert gauge is above its threshold. */
  readonly hot: readonly Span[];
  /** Series that come and go; each has a span of its own. */
  readonly passing: readonly Span[];
};

/** The values of a tick by the key of the series' labels, as a query must see them. */
export type TickValues = ReadonlyMap<string, number>;

type Quantity = {
  readonly labels: Labels;
  /** `labelsKey` of them. */
  readonly key: string;
  readonly scale: number;
  /** The integer, or the double; null where there is nothing to read. */
  readonly raw: () => number | null;
  /** Whether the reader then forgets the series, or only does not set it. */
  readonly isGoneWhenAbsent: boolean;
};

/**
 * What there is to measure on a host. It goes on whether an agent runs or not, and the oracle knows
 * every value that was read.
 */
export class Source {
  readonly #clock: FakeClock;
  readonly #random: SeededRandom;
  readonly #options: SourceOptions;
  readonly #quantities: Quantity[];
  #count = 0;
  #level = 0;

  constructor(clock: FakeClock, random: SeededRandom, options: SourceOptions) {
    this.#clock = clock;
    this.#random = random;
    this.#options = options;
    this.#quantities = [
      this.#quantity("sim_ops_total", 0, () => this.#nextCount()),
      this.#quantity("sim_level", 2, () => this.#nextLevel()),
      this.#quantity("sim_constant", 0, () => 42),
      this.#quantity("sim_ratio", DOUBLE_SCALE, () => this.#nextRatio()),
      this.#quantity("sim_odd", 3, () => this.#nextOdd()),
      this.#quantity(HOT_METRIC, 0, () => (this.isHot() ? HOT_ABOVE + 30 : HOT_ABOVE - 30)),
      ...options.passing.map((span, index): Quantity => {
        const labels = labelsOf({ __name__: "sim_passing", index: `${index}` });
        const raw = () => (this.#isIn(span) ? this.#random.int(0, 9) : null);
        return { labels, key: labelsKey(labels), scale: 0, raw, isGoneWhenAbsent: true };
      }),
    ];
  }

  isHot(): boolean {
    return this.#options.hot.some((span) => this.#isIn(span));
  }

  /** A reader for one life of an agent; `onRead` gets the values that it set. */
  reader(sink: Sink, onRead: (values: TickValues) => void): { read(): void } {
    const slots = new Map<Quantity, number>();
    return {
      read: () => {
        const values = new Map<string, number>();
        for (const quantity of this.#quantities) {
          const raw = quantity.raw();
          const known = slots.get(quantity);
          if (raw === null) {
            if (known !== undefined && quantity.isGoneWhenAbsent) {
              sink.retire(known);
              slots.delete(quantity);
            }
            continue;
          }
          const slot = known ?? sink.define(0, quantity.scale, quantity.labels);
          slots.set(quantity, slot);
          sink.set(slot, raw);
          values.set(quantity.key, scaledValue(raw, quantity.scale));
        }
        onRead(values);
      },
    };
  }

  #quantity(name: string, scale: number, raw: () => number | null): Quantity {
    const labels = labelsOf({ __name__: name, job: "node" });
    return { labels, key: labelsKey(labels), scale, raw, isGoneWhenAbsent: false };
  }

  #isIn({ fromMs, toMs }: Span): boolean {
    const nowMs = this.#clock.monotonicMs();
    return nowMs >= fromMs && nowMs < toMs;
  }

  #nextCount(): number {
    this.#count += this.#random.int(0, 1000);
    return this.#count;
  }

  #nextLevel(): number {
    if (this.#random.chance(0.4)) this.#level += this.#random.int(-300, 300);
    return this.#level;
  }

  #nextRatio(): number {
    if (this.#random.chance(0.8)) return this.#random.next();
    return this.#random.pick([
      Number.NaN,
      Number.POSITIVE_INFINITY,
      Number.MIN_VALUE,
      1e300,
      0,
      -0,
      -1 / 3,
    ]);
  }

  /** Numbers at the edges of how values are coded; now and then none. */
  #nextOdd(): number | null {
    if (this.#random.chance(0.2)) return null;
    const edges = [0, 1, -1, 2 ** 31, -(2 ** 31), 2 ** 50, 2 ** 52, -(2 ** 53 - 1), 2 ** 53 - 1];
    return this.#random.pick(edges);
  }
}
