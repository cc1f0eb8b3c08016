import { getJson, RequestError } from "../browser.ts";
import type { PromSample, PromSeries } from "./prom-answer.ts";
import type { QueryWindow } from "./time-range.ts";

type Body<T> = { readonly data: { readonly result: readonly T[] } };

/** @throws RequestError; the signal's reason */
export async function queryRange(
  query: string,
  window: QueryWindow,
  signal: AbortSignal,
): Promise<readonly PromSeries[]> {
  return await askRange("/api/v1/query_range", query, window, signal);
}

/** As `queryRange`, of an expression that may be LogQL, as a rule's. */
export async function queryRuleRange(
  query: string,
  window: QueryWindow,
  signal: AbortSignal,
): Promise<readonly PromSeries[]> {
  try {
    return await queryRange(query, window, signal);
  } catch (error) {
    const isRefused = error instanceof RequestError && error.status === 400;
    if (!isRefused) throw error;
    return await askRange("/loki/api/v1/query_range", query, window, signal).catch(() => {
      throw error;
    });
  }
}

async function askRange(
  path: string,
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
  return (await getJson<Body<PromSeries>>(`${path}?${asked}`, signal)).data.result;
}

/** @throws RequestError; the signal's reason */
export async function queryNow(query: string, signal: AbortSignal): Promise<readonly PromSample[]> {
  const asked = new URLSearchParams({ query });
  return (await getJson<Body<PromSample>>(`/api/v1/query?${asked}`, signal)).data.result;
}
