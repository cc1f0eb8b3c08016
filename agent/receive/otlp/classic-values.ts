import { decimalText } from "../../../shared/model/go-number.ts";
import { exponentialBounds, exponentialCounts } from "./exponential-buckets.ts";
import type { MetricHead, MetricPoint } from "./metric-point.ts";

/** One of the series of a point: what comes behind the metric's name, and a label of its own. */
export type Part = { readonly suffix: string; readonly label: readonly [string, string] | null };

/** What a point becomes: its series, and the value of each. */
export type Classic = { readonly parts: readonly Part[]; readonly values: readonly number[] };

export type PointFault = "malformed" | "buckets";

/** Bounds of a histogram, and quantiles of a summary. */
const BUCKETS_MAX = 512;
const SCALE_MAX = 32;

const PLAIN: readonly Part[] = [{ suffix: "", label: null }];
const COUNT: Part = { suffix: "_count", label: null };
const SUM: Part = { suffix: "_sum", label: null };

/** The series of points of one metric; it remembers what the last ones were made of. */
export class ClassicValues {
  readonly #head: MetricHead;
  readonly #exponential: readonly number[];
  #bounds: readonly number[] = [];
  #hasSum = false;
  #parts: readonly Part[] = [];

  constructor(head: MetricHead) {
    this.#head = head;
    this.#exponential = head.kind === "exponential" ? exponentialBounds(head.unit) : [];
  }

  /** The same parts are the same array, from one point to the next. */
  of(point: MetricPoint): Classic | PointFault {
    switch (this.#head.kind) {
      case "gauge":
      case "sum":
        if (point.value === null && !point.isEnd) return "malformed";
        return { parts: PLAIN, values: [point.value ?? 0] };
      case "histogram":
        return this.#histogram(point);
      case "exponential":
        return this.#exponentialHistogram(point);
      case "summary":
        return summary(point);
    }
  }

  #histogram(point: MetricPoint): Classic | PointFault {
    const { bounds, counts } = point;
    if (bounds.length > BUCKETS_MAX) return "buckets";
    if (counts.length !== 0 && counts.length !== bounds.length + 1) return "malformed";
    if (counts.length === 0 && bounds.length !== 0 && !point.isEnd) return "malformed";
    if (!areAscending(bounds)) return "malformed";
    let counted = 0;
    const cumulative = bounds.map((_, i) => {
      counted += counts[i] ?? 0;
      return counted;
    });
    return this.#classic(point, bounds, cumulative);
  }

  #exponentialHistogram(point: MetricPoint): Classic | PointFault {
    if (!(Math.abs(point.scale) <= SCALE_MAX)) return "malformed";
    return this.#classic(point, this.#exponential, exponentialCounts(point, this.#exponential));
  }

  #classic(
    { count, sum }: MetricPoint,
    bounds: readonly number[],
    cumulative: readonly number[],
  ): Classic {
    const hasSum = sum !== null;
    const parts = this.#partsOf(bounds, hasSum);
    const head = hasSum ? [count, sum] : [count];
    return { parts, values: [...head, ...cumulative, count] };
  }

  #partsOf(bounds: readonly number[], hasSum: boolean): readonly Part[] {
    const isKnown = this.#parts.length > 0 && hasSum === this.#hasSum;
    if (isKnown && areEqual(bounds, this.#bounds)) return this.#parts;
    this.#bounds = [...bounds];
    this.#hasSum = hasSum;
    const buckets = [...bounds, Number.POSITIVE_INFINITY].map((bound): Part => {
      return { suffix: "_bucket", label: ["le", decimalText(bound)] };
    });
    this.#parts = [COUNT, ...(hasSum ? [SUM] : []), ...buckets];
    return this.#parts;
  }
}

function summary({ count, sum, quantiles }: MetricPoint): Classic | PointFault {
  if (quantiles.length > BUCKETS_MAX) return "buckets";
  const parts = quantiles.map(([quantile]): Part => {
    return { suffix: "", label: ["quantile", decimalText(quantile)] };
  });
  return {
    parts: [COUNT, SUM, ...parts],
    values: [count, sum ?? 0, ...quantiles.map(([, v]) => v)],
  };
}

function areAscending(bounds: readonly number[]): boolean {
  let before = Number.NEGATIVE_INFINITY;
  for (const bound of bounds) {
    if (!(bound > before && bound < Number.POSITIVE_INFINITY)) return false;
    before = bound;
  }
  return true;
}

function areEqual(a: readonly number[], b: readonly number[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i += 1) if (a[i] !== b[i]) return false;
  return true;
}
