import { type Attributes, NO_ATTRIBUTES } from "./any-value.ts";

export type Scope = {
  readonly name: string;
  readonly version: string;
  readonly attributes: Attributes;
};

export const NO_SCOPE: Scope = { name: "", version: "", attributes: NO_ATTRIBUTES };

export type MetricKind = "gauge" | "sum" | "histogram" | "exponential" | "summary";

/** What all points of a metric have in common. */
export type MetricHead = {
  readonly name: string;
  readonly unit: string;
  readonly kind: MetricKind;
  /** `none`: of a gauge or a summary, or it is not said. */
  readonly temporality: "none" | "delta" | "cumulative";
  readonly isMonotonic: boolean;
};

/** Counts of an exponential histogram: of the bucket with index `offset`, and those after it. */
export type ExponentialCounts = { offset: number; readonly counts: number[] };

const NO_RECORDED_VALUE = 1;

/**
 * One point. Both encodings read all points of a request into one of these, one after the other: who wants
 * to keep something copies it. What a kind does not have is as `clear` leaves it.
 */
export class MetricPoint {
  /** The attributes as they were sent: the same text, the same attributes. */
  key = "";
  /** Unix milliseconds; 0: not said. */
  startMs = 0;
  timeMs = 0;
  flags = 0;
  /** Of a gauge or a sum; null: the point has none. */
  value: number | null = null;
  count = 0;
  sum: number | null = null;
  /** Of a histogram: upper bounds, and one count more. */
  readonly bounds: number[] = [];
  readonly counts: number[] = [];
  scale = 0;
  zeroCount = 0;
  zeroThreshold = 0;
  readonly positive: ExponentialCounts = { offset: 0, counts: [] };
  readonly negative: ExponentialCounts = { offset: 0, counts: [] };
  /** Of a summary. */
  readonly quantiles: (readonly [quantile: number, value: number])[] = [];

  /** The series has ended. */
  get isEnd(): boolean {
    return (this.flags & NO_RECORDED_VALUE) !== 0;
  }

  clear(): void {
    this.key = "";
    this.startMs = this.timeMs = this.flags = 0;
    this.value = null;
    this.count = 0;
    this.sum = null;
    this.bounds.length = this.counts.length = 0;
    this.scale = this.zeroCount = this.zeroThreshold = 0;
    this.positive.offset = this.negative.offset = 0;
    this.positive.counts.length = this.negative.counts.length = 0;
    this.quantiles.length = 0;
  }
}

/** Who takes a request apart. The order of the calls is that of the request. */
export type MetricVisitor = {
  resource(attributes: Attributes): void;
  scope(scope: Scope): void;
  metric(head: MetricHead): void;
  /** @param attributes of the point, read anew: costly */
  point(point: MetricPoint, attributes: () => Attributes): void;
};
