import { getText, monotonicMs } from "../browser.ts";
import type { PromSample, PromSeries } from "../node/prom-answer.ts";
import type { QueryWindow } from "../node/time-range.ts";
import type { QueryLanguage } from "./explore-address.ts";
import type { QueryAnswer } from "./query-answer.ts";

/** Series that the page takes; the aggregator may have a hundred times as many. */
const SERIES_MAX = 1000;

const PATHS: Readonly<Record<QueryLanguage, string>> = {
  promql: "/api/v1",
  logql: "/loki/api/v1",
};

type Body<T> = {
  readonly data: { readonly result: readonly T[] };
  readonly warnings?: readonly string[];
};

/** Numbers over time. @throws RequestError; the signal's reason */
export async function runQuery(
  language: QueryLanguage,
  query: string,
  { fromMs, toMs, stepMs }: QueryWindow,
  signal: AbortSignal,
): Promise<QueryAnswer> {
  const asked = new URLSearchParams({
    ...{ query, start: String(fromMs / 1000), end: String(toMs / 1000) },
    ...{ step: String(stepMs / 1000), limit: String(SERIES_MAX) },
  });
  const begunMs = monotonicMs();
  const json = await getText(`${PATHS[language]}/query_range?${asked}`, signal);
  const { data, warnings = [] } = JSON.parse(json) as Body<PromSeries>;
  const tookMs = monotonicMs() - begunMs;
  const isCut = data.result.length >= SERIES_MAX;
  const total = isCut ? await countSeries(language, query, toMs, signal) : 0;
  const series = data.result.slice(0, SERIES_MAX);
  const seriesTotal = Math.max(data.result.length, total);
  return { series, seriesTotal, warnings, json, tookMs };
}

/** How many there are at the end. */
async function countSeries(
  language: QueryLanguage,
  query: string,
  timeMs: number,
  signal: AbortSignal,
): Promise<number> {
  const asked = new URLSearchParams({ query: `count(${query}\n)`, time: String(timeMs / 1000) });
  const json = await getText(`${PATHS[language]}/query?${asked}`, signal);
  const { data } = JSON.parse(json) as Body<PromSample>;
  return Number(data.result[0]?.value[1] ?? 0);
}
