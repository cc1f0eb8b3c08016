import type { Extension } from "@codemirror/state";
import { type PrometheusClient, PromQLExtension } from "@prometheus-io/codemirror-promql";
import { getJson, nowMs } from "../browser.ts";

/** Names and values that are offered are those of the last hours. */
const LOOKBACK_MS = 6 * 3_600_000;
const OFFERED_MAX = 10_000;

type Matcher = { readonly name: string; readonly value: string; matchesEmpty(): boolean };

/** Highlights, completes and checks PromQL as one types. */
export function promqlSupport(signal: AbortSignal): Extension {
  const remote = new NamesClient(signal) as unknown as PrometheusClient;
  return new PromQLExtension().setComplete({ remote, maxMetricsMetadata: 0 }).asExtension();
}

/** What completion asks of the aggregator. Where nothing is answered, nothing is offered. */
class NamesClient {
  readonly #signal: AbortSignal;
  #metrics: Promise<string[]> | null = null;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  metricNames(): Promise<string[]> {
    this.#metrics ??= this.#list("/api/v1/label/__name__/values", {});
    return this.#metrics;
  }

  labelNames(metric?: string): Promise<string[]> {
    return this.#list("/api/v1/labels", selected(metric));
  }

  labelValues(label: string, metric?: string, _matchers?: readonly Matcher[]): Promise<string[]> {
    return this.#list(`/api/v1/label/${encodeURIComponent(label)}/values`, selected(metric));
  }

  async metricMetadata(): Promise<Record<string, never>> {
    return {};
  }

  async series(): Promise<Map<string, string>[]> {
    return [];
  }

  async flags(): Promise<Record<string, string>> {
    return {};
  }

  async #list(path: string, asked: Readonly<Record<string, string>>): Promise<string[]> {
    const now = nowMs();
    const search = new URLSearchParams({
      ...asked,
      ...{ start: String((now - LOOKBACK_MS) / 1000), end: String(now / 1000) },
      limit: String(OFFERED_MAX),
    });
    try {
      const { data } = await getJson<{ data: string[] }>(`${path}?${search}`, this.#signal);
      return data;
    } catch {
      return [];
    }
  }
}

function selected(metric: string | undefined): Record<string, string> {
  return metric === undefined || metric === ""
    ? {}
    : { "match[]": `{__name__=${JSON.stringify(metric)}}` };
}
