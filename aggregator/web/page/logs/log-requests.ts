import { signal } from "@preact/signals";
import { getJson } from "../browser.ts";
import type { PromSeries } from "../node/prom-answer.ts";
import { type Bars, barsOf, barWindow } from "./histogram-bars.ts";
import { countsQuery, type LogQuestion } from "./log-question.ts";

/** What is asked of the aggregator about log lines, beside the lines themselves. */

type Span = { readonly fromMs: number; readonly toMs: number };

/** Names of the labels that streams have, as last heard. */
export const streamLabels = signal<readonly string[]>([]);

/** @throws RequestError; the signal's reason */
export async function loadLabelNames(span: Span, signal: AbortSignal): Promise<readonly string[]> {
  const path = `/loki/api/v1/labels?${spanText(span)}`;
  const { data } = await getJson<{ readonly data: readonly string[] }>(path, signal);
  streamLabels.value = data;
  return data;
}

/** @param selector of the streams that count; @throws RequestError; the signal's reason */
export async function loadLabelValues(
  name: string,
  selector: string,
  span: Span,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const path = `/loki/api/v1/label/${encodeURIComponent(name)}/values`;
  const search = new URLSearchParams({ query: selector });
  const url = `${path}?${spanText(span)}&${search}`;
  return (await getJson<{ readonly data: readonly string[] }>(url, signal)).data;
}

/** @throws RequestError; the signal's reason */
export async function loadBars(
  question: LogQuestion,
  span: Span,
  stepMs: number,
  signal: AbortSignal,
): Promise<Bars> {
  const window = barWindow(span, stepMs);
  const search = new URLSearchParams({
    query: countsQuery(question, stepMs),
    start: String(window.fromMs / 1000),
    end: String(window.toMs / 1000),
    step: `${stepMs / 1000}`,
  });
  type Body = { readonly data: { readonly result: readonly PromSeries[] } };
  const { data } = await getJson<Body>(`/loki/api/v1/query_range?${search}`, signal);
  return barsOf(data.result, window);
}

/** A mined pattern, as `/api/telltale/v1/log-patterns` tells it. */
export type Pattern = {
  readonly id: string;
  readonly template: string;
  readonly example: string;
  readonly count: number;
  readonly firstUs: number;
  readonly counts: readonly number[];
};
export type Patterns = {
  readonly rows: readonly Pattern[];
  readonly patterns: number;
  readonly lines: number;
};

const PATTERNS_SHOWN = 100;
const PATTERN_STEPS = 60;
const PATTERN_STEP_MIN_MS = 300_000;

/** The most frequent ones of some streams. @throws RequestError; the signal's reason */
export async function loadPatterns(
  selector: string,
  span: Span,
  signal: AbortSignal,
): Promise<Patterns> {
  const stepMs = Math.max(PATTERN_STEP_MIN_MS, (span.toMs - span.fromMs) / PATTERN_STEPS);
  const search = new URLSearchParams({
    ...{ selector, limit: String(PATTERNS_SHOWN), step: String(Math.round(stepMs / 1000)) },
  });
  return await getJson<Patterns>(
    `/api/telltale/v1/log-patterns?${spanText(span)}&${search}`,
    signal,
  );
}

function spanText({ fromMs, toMs }: Span): string {
  return `start=${Math.floor(fromMs)}000000&end=${Math.ceil(toMs)}000000`;
}
