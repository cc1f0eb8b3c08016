import type { VectorSample } from "../../shared/model/columns.ts";
import type { Labels } from "../../shared/model/labels.ts";

/** Steps from `startMs` to `endMs`, both included; Unix milliseconds. */
export type Steps = { readonly startMs: number; readonly endMs: number; readonly stepMs: number };

/** A series of a range query: times ascending. */
export type RangeSeries = {
  readonly labels: Labels;
  readonly timesMs: readonly number[];
  readonly values: readonly number[];
};

export type AskRange = (query: string, steps: Steps) => Promise<readonly RangeSeries[]>;

/** Steps that are asked for at once: an aggregator gives 11,000 at most. */
const STEPS_AT_ONCE = 5000;

/** The results of an expression at one step after the other, asked for in stretches. */
export class RangeWalk {
  readonly #query: string;
  readonly #steps: Steps;
  readonly #ask: AskRange;
  #series: { readonly series: RangeSeries; next: number }[] = [];
  #untilMs = Number.NEGATIVE_INFINITY;

  constructor(query: string, steps: Steps, ask: AskRange) {
    this.#query = query;
    this.#steps = steps;
    this.#ask = ask;
  }

  /** @param timeMs a step, later than those before it */
  async at(timeMs: number): Promise<VectorSample[]> {
    if (timeMs > this.#untilMs) await this.#fetch(timeMs);
    const samples: VectorSample[] = [];
    for (const one of this.#series) {
      const { labels, timesMs, values } = one.series;
      while ((timesMs[one.next] ?? Number.POSITIVE_INFINITY) < timeMs) one.next += 1;
      if (timesMs[one.next] === timeMs) samples.push({ labels, value: values[one.next] ?? 0 });
    }
    return samples;
  }

  async #fetch(startMs: number): Promise<void> {
    const { stepMs } = this.#steps;
    const endMs = Math.min(this.#steps.endMs, startMs + STEPS_AT_ONCE * stepMs);
    const found = await this.#ask(this.#query, { startMs, endMs, stepMs });
    this.#series = found.map((series) => ({ series, next: 0 }));
    this.#untilMs = endMs;
  }
}
