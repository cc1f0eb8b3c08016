import { getJson } from "../browser.ts";
import type { QueryWindow } from "./time-range.ts";

/** A series as Prometheus' API writes it: times in seconds, values as text. */
export type PromSeries = {
  readonly metric: Readonly<Record<string, string>>;
  readonly values: readonly (readonly [number, string])[];
};
export type PromSample = {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
};

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
