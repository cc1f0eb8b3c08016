import { compress } from "snappy";
import { queryBody } from "../../aggregator/api/prometheus-json.ts";
import { DEFAULT_ENGINE_OPTIONS, PromqlEngine } from "../../aggregator/promql/engine.ts";
import { ALL_FEATURES } from "../../aggregator/promql/features.ts";
import { parsePromql } from "../../aggregator/promql/parse.ts";
import type { MemorySeries } from "../../aggregator/rule-tests/memory-series.ts";
import { labelPairs } from "../../shared/model/labels.ts";
import { Bed } from "../support/programs.ts";
import { type Prometheus, startPrometheus } from "../support/prometheus.ts";
import { field, fixed64, integer } from "../support/proto-writer.ts";
import type { Asked } from "./generate.ts";

/** The data of an answer as Prometheus' API writes it, or why there is none. */
export type Answer =
  | {
      readonly data: { readonly resultType: string; readonly result: unknown };
      readonly error: null;
    }
  | { readonly data: null; readonly error: string };

type Body = { readonly data?: Answer["data"]; readonly error?: string };

/** Our engine, in this process; its answers are read back from the text that the API sends. */
export function askOurs(store: MemorySeries): (asked: Asked) => Promise<Answer> {
  const engine = new PromqlEngine(store, { ...DEFAULT_ENGINE_OPTIONS, features: ALL_FEATURES });
  return async ({ query, startS, endS, stepS }) => {
    try {
      const expr = parsePromql(query);
      const span = { startMs: startS * 1000, endMs: endS * 1000, stepMs: stepS * 1000 };
      const result =
        stepS === 0 ? await engine.instant(expr, span.startMs) : await engine.range(expr, span);
      return answerOf(JSON.parse(Buffer.concat([...queryBody(result)]).toString()) as Body);
    } catch (error) {
      return { data: null, error: error instanceof Error ? error.message : String(error) };
    }
  };
}

/** Debian's Prometheus, with the same samples. */
export async function startReal(store: MemorySeries): Promise<Prometheus> {
  await using bed = await Bed.open();
  bed.write("prometheus.yml", "global:\n  evaluation_interval: 1m\n");
  const file = bed.path("prometheus.yml");
  const prometheus = await startPrometheus(file, ["--web.enable-remote-write-receiver"]);
  const response = await fetch(`${prometheus.url}/api/v1/write`, {
    method: "POST",
    headers: {
      "content-encoding": "snappy",
      "content-type": "application/x-protobuf",
      "x-prometheus-remote-write-version": "0.1.0",
    },
    body: new Uint8Array(await compress(await writeRequest(store))),
  });
  if (!response.ok) throw new Error(`remote write: ${response.status} ${await response.text()}`);
  return prometheus;
}

async function writeRequest(store: MemorySeries): Promise<Buffer> {
  const all = await store.select([], Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
  return Buffer.concat(
    all.map(({ labels, times, values }) => {
      // A marker of staleness is in the bits, which a number does not keep.
      const bits = new BigUint64Array(values.buffer, values.byteOffset, values.length);
      const names = labelPairs(labels).map((pair) =>
        field(
          1,
          pair.map((text, i) => field(i + 1, text)),
        ),
      );
      const samples = [...times].map((timeMs, i) =>
        field(2, [fixed64(1, bits[i] ?? 0n), integer(2, timeMs)]),
      );
      return Buffer.from(field(1, [...names, ...samples]));
    }),
  );
}

/** Prometheus 2 calls one function by another name. */
export function askReal({ url }: Prometheus): (asked: Asked) => Promise<Answer> {
  return async ({ query, startS, endS, stepS }) => {
    const text = query.replaceAll("double_exponential_smoothing", "holt_winters");
    const parameters =
      stepS === 0
        ? { query: text, time: String(startS) }
        : { query: text, start: String(startS), end: String(endS), step: String(stepS) };
    const path = stepS === 0 ? "query" : "query_range";
    const body = new URLSearchParams(parameters);
    const response = await fetch(`${url}/api/v1/${path}`, { method: "POST", body });
    return answerOf((await response.json()) as Body);
  };
}

function answerOf({ data, error }: Body): Answer {
  if (data === undefined || data === null) return { data: null, error: error ?? "no data" };
  return { data, error: null };
}
