import type { GroupSink } from "../../agent/model/group-sink.ts";
import { type Labels, labelsKey, labelsOf } from "../../shared/model/labels.ts";
import { DOUBLE_SCALE, scaledValue } from "../../shared/model/series-definition.ts";
import { TICK_GROUP } from "../../shared/wire/frame.ts";
import type { FakeClock } from "../support/fake-clock.ts";
import type { SeededRandom } from "../support/random.ts";

/** The alert rule of the simulation looks at this gauge. */
export const HOT_METRIC = "sim_temp";
export const HOT_ABOVE = 50;

/** A stretch of time, monotonic milliseconds of the world. */
export type Span = { readonly fromMs: number; readonly toMs: number };

export type SourceOptions = {
  /** When the alert gauge is above its threshold. */
  readonly hot: readonly Span[];
  /** Series that come and go; each has a span of its own. */
  readonly passing: readonly Span[];
  /** That the agent adds where a series has no such label itself. */
  readonly labels: Readonly<Record<string, string>>;
};

/** What was read at one time: values by the key of the series' labels, as a query must see them. */
export type SourceReading = {
  readonly group: number;
  readonly timeMs: number;
  readonly values: ReadonlyMap<string, number>;
};

/** The second group is read in the background: in some ticks, and some time before them. */
const SLOW_EVERY = 3;
const SLOW_AGE_MS = 1380;

type Quantity = {
  readonly isSlow: boolean;
  readonly labels: Labels;
  /** `labelsKey` of them and the agent's own. */
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
  readonly #hotKey: string;
  #count = 0;
  #level = 0;

  constructor(clock: FakeClock, random: SeededRandom, options: SourceOptions) {
    this.#clock = clock;
    this.#random = random;
    this.#options = options;
    const hot = this.#quantity(HOT_METRIC, 0, () => HOT_ABOVE + (this.isHot() ? 30 : -30));
    this.#hotKey = hot.key;
    this.#quantities = [
      this.#quantity("sim_ops_total", 0, () => this.#nextCount()),
      this.#quantity("sim_level", 2, () => this.#nextLevel()),
      this.#quantity("sim_constant", 0, () => 42),
      this.#quantity("sim_ratio", DOUBLE_SCALE, () => this.#nextRatio()),
      this.#quantity("sim_odd", 3, () => this.#nextOdd()),
      { ...this.#quantity("sim_slow_total", 0, () => this.#nextCount()), isSlow: true },
      { ...this.#quantity("sim_slow_odd", 3, () => this.#nextOdd()), isSlow: true },
      hot,
      ...options.passing.map((span, index): Quantity => {
        const raw = () => (this.#isIn(span) ? this.#random.int(0, 9) : null);
        const own = { index: `${index}` };
        const isSlow = index % 2 === 1;
        return { ...this.#quantity("sim_passing", 0, raw, own), isGoneWhenAbsent: true, isSlow };
      }),
    ];
  }

  /** Whether one of these readings was above the threshold. */
  isHotIn(readings: readonly SourceReading[]): boolean {
    return readings.some(({ values }) => (values.get(this.#hotKey) ?? 0) > HOT_ABOVE);
  }

  isHot(): boolean {
    return this.#options.hot.some((span) => this.#isIn(span));
  }

  /** A reader for one life of an agent; `onRead` gets what it set for a tick. */
  reader(
    sink: GroupSink,
    onRead: (readings: readonly SourceReading[]) => void,
  ): (timeMs: number) => void {
    const slots = new Map<Quantity, number>();
    const slow = sink.newGroup();
    let ticks = 0;
    return (timeMs) => {
      const readings = [this.#read(sink, { group: TICK_GROUP, timeMs }, slots)];
      if (ticks % SLOW_EVERY === 0) {
        const readAtMs = timeMs - SLOW_AGE_MS;
        readings.push(this.#read(sink, { group: slow, timeMs: readAtMs }, slots));
        sink.read(slow, readAtMs);
      }
      ticks += 1;
      onRead(readings);
    };
  }

  #read(
    sink: GroupSink,
    reading: { readonly group: number; readonly timeMs: number },
    slots: Map<Quantity, number>,
  ): SourceReading {
    const values = new Map<string, number>();
    for (const quantity of this.#quantities) {
      if (quantity.isSlow !== reading.group > TICK_GROUP) continue;
      const raw = quantity.raw();
      const known = slots.get(quantity);
      if (raw === null) {
        if (known !== undefined && quantity.isGoneWhenAbsent) {
          sink.retire(known);
          slots.delete(quantity);
        }
        continue;
      }
      const slot = known ?? sink.define(reading.group, quantity.scale, quantity.labels);
      slots.set(quantity, slot);
      sink.set(slot, raw);
      values.set(quantity.key, scaledValue(raw, quantity.scale));
    }
    return { ...reading, values };
  }

  #quantity(
    name: string,
    scale: number,
    raw: Quantity["raw"],
    labels: Record<string, string> = {},
  ): Quantity {
    const own = { __name__: name, job: "node", ...labels };
    const key = labelsKey(labelsOf({ ...this.#options.labels, ...own }));
    const isGoneWhenAbsent = false;
    return { labels: labelsOf(own), key, scale, raw, isGoneWhenAbsent, isSlow: false };
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
