import type { Matcher, SeriesColumns } from "../../shared/model/columns.ts";
import type { Meter } from "../query/meter.ts";

/** Where samples come from. `startMs` is exclusive, `endMs` inclusive. */
export type SampleSource = {
  select(
    matchers: readonly Matcher[],
    startMs: number,
    endMs: number,
  ): Promise<readonly SeriesColumns[]>;
};

/** Remarks on a result: `warnings` say it may be wrong, `infos` that it may not be what was meant. */
export class Remarks {
  readonly #warnings = new Set<string>();
  readonly #infos = new Set<string>();

  warn(place: string, text: string): void {
    this.#warnings.add(`PromQL ${place}: ${text}`);
  }

  inform(place: string, text: string): void {
    this.#infos.add(`PromQL ${place}: ${text}`);
  }

  get warnings(): string[] {
    return [...this.#warnings];
  }

  get infos(): string[] {
    return [...this.#infos];
  }
}

/** What one query has in hand while it runs. `stepMs` is 0 for an instant query. */
export type QueryContext = {
  readonly source: SampleSource;
  readonly meter: Meter;
  readonly remarks: Remarks;
  readonly lookbackMs: number;
  readonly subqueryStepMs: number;
  readonly startMs: number;
  readonly endMs: number;
  readonly stepMs: number;
};
