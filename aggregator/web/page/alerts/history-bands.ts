import { alertMarks } from "../node/alert-marks.ts";
import type { PromSeries } from "../node/prom-answer.ts";
import { culpritOf } from "./shown-alert.ts";

/** When one alert fired; the spans are in order and do not overlap. Unix milliseconds. */
export type HistoryBand = {
  readonly key: string;
  readonly name: string;
  readonly severity: string;
  readonly node: string;
  readonly parts: readonly string[];
  readonly spans: readonly { readonly fromMs: number; readonly toMs: number }[];
  readonly totalMs: number;
};

/** What fired last, and then longest, comes first. @param stepMs at which the series were read */
export function historyBands(series: readonly PromSeries[], stepMs: number): HistoryBand[] {
  return series
    .map((one): HistoryBand => {
      const { metric } = one;
      const spans = alertMarks([one], stepMs).map(({ fromMs, toMs }) => {
        return { fromMs, toMs: toMs + stepMs };
      });
      const { __name__: _, alertname = "", alertstate: __, severity = "", ...labels } = metric;
      return {
        key: JSON.stringify(metric),
        ...{ name: alertname, severity, spans },
        ...culpritOf({ labels }),
        totalMs: spans.reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0),
      };
    })
    .filter(({ spans }) => spans.length > 0)
    .sort((a, b) => lastMs(b) - lastMs(a) || b.totalMs - a.totalMs || (a.key < b.key ? -1 : 1));
}

function lastMs({ spans }: HistoryBand): number {
  return spans.at(-1)?.toMs ?? 0;
}

/** Where a time stands in a range, in percent; what is outside stands at its edge. */
export function percentOf(
  timeMs: number,
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
): number {
  return Math.min(100, Math.max(0, ((timeMs - fromMs) / (toMs - fromMs)) * 100));
}
