import type { Labels } from "../../../shared/model/labels.ts";
import type { ExpositionLimits } from "../../exposition/exposition-reader.ts";

export type PageLimits = ExpositionLimits & {
  readonly pageBytesMax: number;
  /** Of one metric; what is more is left out and counted. */
  readonly seriesOfMetricMax: number;
};

/** What a page says of a family of metrics; "" for what it does not. */
export type PageFamily = {
  readonly name: string;
  /** As the format calls it, or `unknown`. */
  readonly type: string;
  readonly help: string;
  readonly unit: string;
};

export type AddedSeries = {
  readonly handle: number;
  /** With the metric's name as `__name__`. */
  readonly labels: Labels;
  readonly family: PageFamily;
};

/** One page. The columns belong to the memory, which writes its next page into them. */
export type PageReading = {
  /** Samples in the columns, in the page's order, each of another series. */
  readonly count: number;
  readonly handles: Int32Array;
  readonly values: Float64Array;
  /** Unix milliseconds; NaN: the sample has no time of its own. */
  readonly timesMs: Float64Array;
  /** Series that the last page did not have. Their handles may have been those of series gone before. */
  readonly added: readonly AddedSeries[];
  /** Handles of series that this page does not have any more. */
  readonly gone: readonly number[];
  /** Lines that are samples, also of what was not taken. */
  readonly samples: number;
  /** Samples of a series that the page has further up. */
  readonly duplicates: number;
  /** Samples of new series of metrics that have all the series they may have. */
  readonly leftOut: number;
};
