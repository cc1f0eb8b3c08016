import { setTimeout as delay } from "node:timers/promises";
import { ValueType } from "@opentelemetry/api";
import { OTLPMetricExporter as GrpcExporter } from "@opentelemetry/exporter-metrics-otlp-grpc";
import {
  AggregationTemporalityPreference,
  OTLPMetricExporter as JsonExporter,
} from "@opentelemetry/exporter-metrics-otlp-http";
import { OTLPMetricExporter as ProtobufExporter } from "@opentelemetry/exporter-metrics-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import {
  AggregationType,
  MeterProvider,
  PeriodicExportingMetricReader,
  type PushMetricExporter,
} from "@opentelemetry/sdk-metrics";
import { expect, test } from "vitest";
import { OtlpBed } from "../support/otlp-bed.ts";

/** Samples have milliseconds, and an export takes less than one. */
const APART_MS = 5;
const { CUMULATIVE, DELTA } = AggregationTemporalityPreference;

type Temporality = typeof CUMULATIVE | typeof DELTA;
type MakeExporter = (bed: OtlpBed, temporality: Temporality) => PushMetricExporter;

const EXPORTERS: Record<string, MakeExporter> = {
  gRPC: (bed, temporalityPreference) =>
    new GrpcExporter({ url: bed.grpcUrl, temporalityPreference }),
  "gRPC with gzip": (bed, temporalityPreference) =>
    new GrpcExporter({ url: bed.grpcUrl, temporalityPreference, compression: "gzip" as never }),
  "HTTP with protobuf": (bed, temporalityPreference) =>
    new ProtobufExporter({ url: `${bed.httpUrl}/v1/metrics`, temporalityPreference }),
  "HTTP with JSON": (bed, temporalityPreference) =>
    new JsonExporter({ url: `${bed.httpUrl}/v1/metrics`, temporalityPreference }),
  "HTTP with JSON and gzip": (bed, temporalityPreference) =>
    new JsonExporter({
      url: `${bed.httpUrl}/v1/metrics`,
      temporalityPreference,
      compression: "gzip" as never,
    }),
};

const RESOURCE = resourceFromAttributes({
  "service.name": "shop",
  "service.namespace": "web",
  "service.instance.id": "shop-1",
  "deployment.environment.name": "test",
  "process.pid": 42,
});

/** A program that counts; it is exported, and the agent ticks, when `flush` is called. */
class Counting {
  readonly #provider: MeterProvider;
  readonly #bed: OtlpBed;
  readonly requests;
  readonly open;
  readonly latency;
  readonly sizes;
  temperature = 20.5;

  constructor(bed: OtlpBed, exporter: PushMetricExporter) {
    this.#bed = bed;
    const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
    this.#provider = new MeterProvider({
      resource: RESOURCE,
      readers: [reader],
      views: [
        {
          instrumentName: "response.size",
          aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM },
        },
        {
          instrumentName: "http.latency",
          aggregation: {
            type: AggregationType.EXPLICIT_BUCKET_HISTOGRAM,
            options: { boundaries: [0.1, 1] },
          },
        },
      ],
    });
    const meter = this.#provider.getMeter("shop/http", "1.2.3");
    this.requests = meter.createCounter("http.requests", { valueType: ValueType.INT });
    this.open = meter.createUpDownCounter("open.connections");
    this.latency = meter.createHistogram("http.latency", { unit: "s" });
    this.sizes = meter.createHistogram("response.size", { unit: "By" });
    const gauge = meter.createObservableGauge("room.temperature", { unit: "Cel" });
    gauge.addCallback((result) => result.observe(this.temperature, { room: "1" }));
  }

  async flush(): Promise<void> {
    await delay(APART_MS);
    await this.#provider.forceFlush();
    this.#bed.tick();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await delay(APART_MS);
    await this.#provider.shutdown();
    this.#bed.tick();
  }
}

/** Three exports of one program, then two of another one that has the same name. */
async function play(bed: OtlpBed, makeExporter: () => PushMetricExporter): Promise<void> {
  {
    await using program = new Counting(bed, makeExporter());
    program.requests.add(3, { "http.method": "GET", "http.status_code": 200 });
    program.requests.add(1, { "http.method": "POST", "http.status_code": 500 });
    program.open.add(5);
    program.latency.record(0.05);
    program.latency.record(0.5);
    program.latency.record(30);
    for (const size of [1, 2, 100, 128, 129, 5000]) program.sizes.record(size);
    await program.flush();
    program.requests.add(4, { "http.method": "GET", "http.status_code": 200 });
    program.open.add(-2);
    program.latency.record(0.05);
    program.sizes.record(1e9);
    program.temperature = 21;
    await program.flush();
  }
  await using program = new Counting(bed, makeExporter());
  program.requests.add(2, { "http.method": "GET", "http.status_code": 200 });
  program.open.add(1);
  program.latency.record(2);
  program.sizes.record(3);
  await program.flush();
}

const LABELS = "otel_scope_name:shop/http,otel_scope_version:1.2.3,service:shop";

/** As TableSink writes a series: its own labels in their places among those of the sender. */
function key(name: string, le = "", attributes = ""): string {
  return `${name}{${attributes}instance:shop-1,job:web/shop,${le}${LABELS}}`;
}

const GET = "http_method:GET,http_status_code:200,";
const POST = "http_method:POST,http_status_code:500,";

/** What the first program says three times (at its end once more), and the second one twice. */
const CUMULATIVE_VALUES = {
  [key("http_requests_total", "", GET)]: [3, 7, 7, 2, 2],
  [key("http_requests_total", "", POST)]: [1, 1, 1, null], // the second program has none
  [key("open_connections")]: [5, 3, 3, 1, 1],
  [key("room_temperature_celsius").replace("service", "room:1,service")]: [
    20.5, 21, 21, 20.5, 20.5,
  ],
  [key("http_latency_seconds_count")]: [3, 4, 4, 1, 1],
  [key("http_latency_seconds_sum")]: [30.55, 30.6, 30.6, 2, 2],
  [key("http_latency_seconds_bucket", "le:0.1,")]: [1, 2, 2, 0, 0],
  [key("http_latency_seconds_bucket", "le:1,")]: [2, 3, 3, 0, 0],
  [key("http_latency_seconds_bucket", "le:+Inf,")]: [3, 4, 4, 1, 1],
  [key("response_size_bytes_count")]: [6, 7, 7, 1, 1],
  [key("response_size_bytes_bucket", "le:16,")]: [2, 2, 2, 1, 1],
  [key("response_size_bytes_bucket", "le:128,")]: [4, 4, 4, 1, 1],
  [key("response_size_bytes_bucket", "le:256,")]: [5, 5, 5, 1, 1],
  [key("response_size_bytes_bucket", "le:8192,")]: [6, 6, 6, 1, 1],
  [key("response_size_bytes_bucket", "le:1073741824,")]: [6, 7, 7, 1, 1],
  [key("response_size_bytes_bucket", "le:+Inf,")]: [6, 7, 7, 1, 1],
  "target_info{deployment_environment_name:test,instance:shop-1,job:web/shop,process_pid:42,service:shop}":
    [1, 1, 1, 1, 1],
};

/** How much a counter has counted, as PromQL sees it: less than before is a beginning. */
function increase(values: readonly (number | null)[]): number {
  let before = 0;
  let sum = 0;
  for (const value of values) {
    if (value === null) continue;
    sum += value >= before ? value - before : value;
    before = value;
  }
  return Number(sum.toFixed(6));
}

async function valuesOf(make: MakeExporter, temporality: Temporality) {
  await using bed = await OtlpBed.open();
  await play(bed, () => make(bed, temporality));
  expect(bed.counted("telltale_agent_push_samples_left_out_total", "reason")).toEqual({});
  return bed.values();
}

const EXPORTER_NAMES = Object.keys(EXPORTERS) as (keyof typeof EXPORTERS)[];

test.each(EXPORTER_NAMES)("over %s cumulative series are as they were sent", async (name) => {
  const values = await valuesOf(EXPORTERS[name] as MakeExporter, CUMULATIVE);
  expect(values).toMatchObject(CUMULATIVE_VALUES);
});

test.each(EXPORTER_NAMES)("over %s increases add up to the same counters", async (name) => {
  const make = EXPORTERS[name] as MakeExporter;
  const cumulative = await valuesOf(make, CUMULATIVE);
  const delta = await valuesOf(make, DELTA);
  expect(Object.keys(delta)).toEqual(Object.keys(cumulative));
  for (const [series, values] of Object.entries(delta)) {
    expect([series, increase(values)]).toEqual([series, increase(cumulative[series] ?? [])]);
  }
  // What the second program adds goes on from what the first one had.
  expect(delta[key("http_requests_total", "", GET)]).toEqual([3, 7, 7, 9, 9]);
  expect(delta[key("response_size_bytes_bucket", "le:256,")]?.at(-1)).toBe(6);
});

test("all doors give the same series", async () => {
  const [first, ...others] = await Promise.all(
    Object.values(EXPORTERS).map((make) => valuesOf(make, CUMULATIVE)),
  );
  for (const values of others) expect(values).toEqual(first);
});
