import { getJson } from "../browser.ts";
import type { PromSample, PromSeries } from "./prom-answer.ts";
import type { QueryWindow } from "./time-range.ts";

type Body<T> = { readonly data: { readonly result: readonly T[] } };

/** @throws RequestError; the signal's reason */
export async function queryRange(
  query: string,
  { fromMs, toMs, stepMs }: QueryWindow,
  signal: AbortSignal,
): Promise<readonly PromSeries[]> {
  const asked = new URLSearchParams({
    query,
    start: String(fromMs / 1000),
    end: String(toMs / 1000),
    step: String(stepMs / 1000),
  });
  return (await getJson<Body<PromSeries>>(`/api/v1/query_range?${asked}`, signal)).data.result;
}

/** @throws RequestError; the signal's reason */
export async function queryNow(query: string, signal: AbortSignal): Promise<readonly PromSample[]> {
  const asked = new URLSearchParams({ query });
  return (await getJson<Body<PromSample>>(`/api/v1/query?${asked}`, signal)).data.result;
}
