import { readJsonMetrics } from "../agent/receive/otlp/json-metrics.ts";
import { OtlpMetrics, type ReadMetrics } from "../agent/receive/otlp/otlp-metrics.ts";
import { readProtobufMetrics } from "../agent/receive/otlp/protobuf-metrics.ts";
import { PushedSeries } from "../agent/receive/pushed-series.ts";
import { Metrics } from "../shared/telemetry/metrics.ts";
import { FrameEncoder } from "../shared/wire/frame-encoder.ts";
import { FakeClock } from "../test/support/fake-clock.ts";
import { type Field, field, fixed64, integer } from "../test/support/proto-writer.ts";
import type { BenchResult } from "./bench-result.ts";

const POINTS = 2000;
const HISTOGRAM_POINTS = 200;
const BOUNDS = [5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10_000];
const WARM_UP = 30;
const EXPORTS = 100;
const INTERVAL_MS = 10_000;
const ROUTES = 97;
const NEVER = new AbortController().signal;

type Kind = "counter" | "histogram";
type Make = (kind: Kind, timeMs: number, round: number) => Buffer;

/**
 * CPU nanoseconds a data point, from the bytes of a request to the series of a frame: a program exports
 * the same series again and again, counters with three attributes and histograms of 15 buckets.
 */
export async function otlp(): Promise<BenchResult> {
  const vs: Record<string, number> = {};
  for (const kind of ["counter", "histogram"] as const) {
    vs[`${kind}, protobuf`] = await figure(kind, protobufRequest, readProtobufMetrics);
    vs[`${kind}, JSON`] = await figure(kind, jsonRequest, readJsonMetrics);
  }
  for (const [name, one] of Object.entries(vs)) console.log(`${name.padEnd(30)}${one}`);
  const value = vs["counter, protobuf"] ?? 0;
  return { name: "otlp", value, unit: "CPU ns per data point", vs };
}

async function figure(kind: Kind, make: Make, read: ReadMetrics): Promise<number> {
  const clock = new FakeClock();
  const encoder = new FrameEncoder(1, { keyframeEvery: 60 });
  const deps = { clock, metrics: new Metrics() };
  const pushed = new PushedSeries("otlp", encoder, { senders: 10, series: 100_000 }, deps);
  const metrics = new OtlpMetrics({ ...deps, pushed, node: "n1" });
  let usec = 0;
  for (let round = 0; round < WARM_UP + EXPORTS; round += 1) {
    const bytes = make(kind, clock.nowMs(), round);
    const before = process.cpuUsage();
    const rejected = await metrics.take(bytes, read, NEVER);
    pushed.tick(clock.nowMs());
    encoder.encodeTick(clock.nowMs());
    const { user, system } = process.cpuUsage(before);
    if (rejected.count > 0)
      throw new Error(`${rejected.count} points left out: ${rejected.reason}`);
    if (round >= WARM_UP) usec += user + system;
    await clock.advance(INTERVAL_MS);
  }
  return Math.round((usec * 1000) / (EXPORTS * countOf(kind)));
}

function countOf(kind: Kind): number {
  return kind === "counter" ? POINTS : HISTOGRAM_POINTS;
}

/** A tenth of the values change from one export to the next. */
function valueAt(point: number, round: number): number {
  return point * 1000 + (point % 10 === 0 ? round : 0);
}

function attributesOf(point: number): [string, string][] {
  return [
    ["http.route", `/api/v1/things/${point % ROUTES}`],
    ["http.request.method", "GET"],
    ["id", String(point)],
  ];
}

function protobufRequest(kind: Kind, timeMs: number, round: number): Buffer {
  const time = BigInt(timeMs) * 1_000_000n;
  const text = (key: string, value: string) => [field(1, key), field(2, [field(1, value)])];
  const points = Array.from({ length: countOf(kind) }, (_, i): Field => {
    const number = kind === "counter" ? 7 : 9;
    const attributes = attributesOf(i).map(([key, value]) => field(number, text(key, value)));
    const value = valueAt(i, round);
    if (kind === "counter") return field(1, [...attributes, fixed64(3, time), fixed64(6, value)]);
    const counts = Buffer.concat([0, ...BOUNDS].map(() => fixed64(1, value).subarray(1)));
    const bounds = Buffer.concat(BOUNDS.map((bound) => Buffer.from(field(1, bound)).subarray(1)));
    const numbers = [fixed64(4, value * 15), field(5, value), field(6, counts), field(7, bounds)];
    return field(1, [...attributes, fixed64(3, time), ...numbers]);
  });
  const body = kind === "counter" ? [integer(2, 2), integer(3, 1)] : [integer(2, 2)];
  const metric = [
    field(1, "http.requests"),
    field(kind === "counter" ? 7 : 9, [...body, ...points]),
  ];
  const resource = field(1, [field(1, text("service.name", "shop"))]);
  return Buffer.from(field(1, [resource, field(2, [field(2, metric)])]));
}

function jsonRequest(kind: Kind, timeMs: number, round: number): Buffer {
  const textOf = (key: string, stringValue: string) => ({ key, value: { stringValue } });
  const dataPoints = Array.from({ length: countOf(kind) }, (_, i) => {
    const value = valueAt(i, round);
    const point = {
      attributes: attributesOf(i).map(([key, text]) => textOf(key, text)),
      timeUnixNano: `${timeMs}000000`,
    };
    if (kind === "counter") return { ...point, asInt: String(value) };
    const bucketCounts = [0, ...BOUNDS].map(() => String(value));
    return { ...point, count: value * 15, sum: value, bucketCounts, explicitBounds: BOUNDS };
  });
  const body = { aggregationTemporality: 2, isMonotonic: true, dataPoints };
  const metric = { name: "http.requests", [kind === "counter" ? "sum" : "histogram"]: body };
  const resource = { attributes: [textOf("service.name", "shop")] };
  const request = { resourceMetrics: [{ resource, scopeMetrics: [{ metrics: [metric] }] }] };
  return Buffer.from(JSON.stringify(request));
}
