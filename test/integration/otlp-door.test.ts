import { once } from "node:events";
import { connect } from "node:net";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { Client, credentials, status } from "@grpc/grpc-js";
import { OTLPLogExporter } from "@opentelemetry/exporter-logs-otlp-proto";
import { BatchLogRecordProcessor, LoggerProvider } from "@opentelemetry/sdk-logs";
import { expect, test } from "vitest";
import { OperationalError } from "../../shared/errors.ts";
import { OtlpBed } from "../support/otlp-bed.ts";
import { eventually } from "../support/programs.ts";
import { field } from "../support/proto-writer.ts";

const pack = promisify(gzip);
const JSON_TYPE = { "content-type": "application/json" };
const PROTOBUF_TYPE = { "content-type": "application/x-protobuf" };
const METRICS = "opentelemetry.proto.collector.metrics.v1.MetricsService";
const TRACES = "opentelemetry.proto.collector.trace.v1.TraceService";

function gauge(name: string, ...values: (number | string)[]) {
  const dataPoints = values.map((asDouble) => ({
    ...{ timeUnixNano: `${Date.now()}000000`, asDouble },
    attributes: [{ key: "i", value: { stringValue: String(asDouble) } }],
  }));
  return { resourceMetrics: [{ scopeMetrics: [{ metrics: [{ name, gauge: { dataPoints } }] }] }] };
}

async function post(url: string, body: string | Buffer, headers: Record<string, string>) {
  const answer = await fetch(url, { method: "POST", body, headers });
  const text = await answer.text();
  return { status: answer.status, text, retryAfter: answer.headers.get("retry-after") };
}

/** One call: the message that is answered, or the error. */
async function call(url: string, service: string, message: Uint8Array) {
  const client = new Client(url.slice("http://".length), credentials.createInsecure());
  const asIs = (bytes: Buffer) => bytes;
  try {
    return await new Promise<{ code: number; details: string; status: string; bytes: Buffer }>(
      (resolve) => {
        client.makeUnaryRequest(
          `/${service}/Export`,
          asIs,
          asIs,
          Buffer.from(message),
          (error, bytes) => {
            const [detail = ""] = error?.metadata.get("grpc-status-details-bin") ?? [];
            resolve({
              code: error?.code ?? status.OK,
              details: error?.details ?? "",
              status: Buffer.from(detail).toString("latin1"),
              bytes: bytes ?? Buffer.alloc(0),
            });
          },
        );
      },
    );
  } finally {
    client.close();
  }
}

test("what is not an export is refused with a reason, and the next one is taken", async () => {
  await using bed = await OtlpBed.open({ bytesMax: 100_000, series: 3 });
  const metrics = `${bed.httpUrl}/v1/metrics`;
  const good = JSON.stringify(gauge("g", 1));
  const spaces = (length: number) => Buffer.alloc(length, " ");
  const deep = `{"resourceMetrics":${"[".repeat(40_000)}${"]".repeat(40_000)}}`;
  let value: object = { stringValue: "x" };
  for (let i = 0; i < 1000; i += 1) value = { arrayValue: { values: [value] } };
  const attributes = [{ key: "deep", value }];
  const nested = JSON.stringify({ resourceMetrics: [{ resource: { attributes } }] });
  const gzipped = { ...JSON_TYPE, "content-encoding": "gzip" };
  const cases: [string, string | Buffer, Record<string, string>, number, RegExp][] = [
    ["/v1/traces", good, JSON_TYPE, 404, /traces are not stored/],
    ["/v1/else", good, JSON_TYPE, 404, /v1\/metrics/],
    ["/v1/metrics", good, { "content-type": "text/plain" }, 415, /application\/x-protobuf/],
    ["/v1/metrics", good, { ...JSON_TYPE, "content-encoding": "br" }, 415, /gzip/],
    ["/v1/metrics", spaces(100_001), JSON_TYPE, 413, /100000 bytes/],
    ["/v1/metrics", await pack(spaces(100_001)), gzipped, 413, /100000 bytes/],
    ["/v1/metrics", await pack(spaces(50_000_000)), gzipped, 413, /100000 bytes/],
    ["/v1/metrics", good, gzipped, 400, /not gzip/],
    ["/v1/metrics", "{", JSON_TYPE, 400, /not JSON/],
    ["/v1/metrics", Buffer.from('{"a":"\xff"}', "latin1"), JSON_TYPE, 400, /UTF-8/],
    ["/v1/metrics", deep, JSON_TYPE, 200, /^\{\}$/],
    ["/v1/metrics", nested, JSON_TYPE, 400, /nested more than/],
    ["/v1/metrics", '{"resourceMetrics":7}', JSON_TYPE, 400, /no list/],
    ["/v1/metrics", Buffer.of(0x0a, 0xff), PROTOBUF_TYPE, 400, /cut off/],
    ["/v1/logs", Buffer.of(0x0a, 0xff), PROTOBUF_TYPE, 400, /cut off/],
  ];
  for (const [path, body, headers, code, reason] of cases) {
    const answer = await post(bed.httpUrl + path, body, headers);
    expect([path, answer.status, answer.text]).toEqual([path, code, expect.stringMatching(reason)]);
    expect(answer.retryAfter).toBeNull();
  }
  expect((await fetch(metrics)).status).toBe(405);
  expect(await post(metrics, good, JSON_TYPE)).toMatchObject({ status: 200, text: "{}" });
  const some = await post(metrics, JSON.stringify(gauge("h", 1, 2, 3, 4)), JSON_TYPE);
  expect(JSON.parse(some.text)).toEqual({
    partialSuccess: {
      rejectedDataPoints: "2",
      errorMessage: "data points or log records were left out: sender_series",
    },
  });
});

test("gRPC says the same: what is left out, what cannot be read, and that there are no traces", async () => {
  await using bed = await OtlpBed.open({ bytesMax: 100_000 });
  const bad = await call(bed.grpcUrl, METRICS, Buffer.of(0x0a, 0xff));
  expect(bad).toMatchObject({ code: status.INVALID_ARGUMENT, details: /cut off/ as never });
  const large = await call(bed.grpcUrl, METRICS, Buffer.alloc(100_001));
  expect(large.code).toBe(status.RESOURCE_EXHAUSTED);
  const traces = await call(bed.grpcUrl, TRACES, Buffer.alloc(0));
  expect([traces.code, traces.details]).toEqual([
    status.UNIMPLEMENTED,
    expect.stringContaining("traces are not stored"),
  ]);
  const old = field(2, [field(2, [field(1, "g"), field(5, [field(1, [field(4, 1)])])])]);
  const partial = await call(bed.grpcUrl, METRICS, field(1, [old]));
  expect(partial.code).toBe(status.OK);
  expect(partial.bytes.toString("latin1")).toContain("left out: old");
});

test("who sends too much is told to wait, and lines that found no room come again", async () => {
  await using bed = await OtlpBed.open();
  bed.failure = new OperationalError("LIMIT", "no room");
  const logs = `${bed.httpUrl}/v1/logs`;
  const record = {
    resourceLogs: [{ scopeLogs: [{ logRecords: [{ body: { stringValue: "x" } }] }] }],
  };
  const answer = await post(logs, JSON.stringify(record), JSON_TYPE);
  expect(answer).toMatchObject({ status: 429, retryAfter: "1" });
  const service = "opentelemetry.proto.collector.logs.v1.LogsService";
  const message = field(1, [field(2, [field(2, [field(5, [field(1, "y")])])])]);
  const refused = await call(bed.grpcUrl, service, message);
  expect(refused.code).toBe(status.RESOURCE_EXHAUSTED);
  expect(refused.status).toContain("google.rpc.RetryInfo");
  bed.failure = new OperationalError("STORAGE", "no disk");
  expect((await post(logs, JSON.stringify(record), JSON_TYPE)).status).toBe(503);

  const processors = [
    new BatchLogRecordProcessor({ exporter: new OTLPLogExporter({ url: logs }) }),
  ];
  const provider = new LoggerProvider({ processors });
  provider.getLogger("a").emit({ body: "again" });
  const flushed = provider.shutdown();
  await eventually(() => bed.counted("telltale_agent_otlp_log_records_total", "outcome") !== null);
  bed.failure = null;
  await flushed;
  expect(bed.lines.map(({ text }) => text)).toEqual(["again"]);
}, 60_000);

test("too many that wait are sent away", async () => {
  await using bed = await OtlpBed.open({ bytesMax: 1_000_000 });
  const body = JSON.stringify(gauge("g", 1));
  const metrics = `${bed.httpUrl}/v1/metrics`;
  await post(metrics, body, JSON_TYPE);
  // Each of them has a later time of the same series: it waits for a tick that does not come.
  const answers = Array.from({ length: 20 }, () => {
    const padded = `${JSON.stringify(gauge("g", 1))}${" ".repeat(900_000)}`;
    return post(metrics, padded, JSON_TYPE);
  });
  const first = await Promise.race(answers);
  expect(first).toMatchObject({ status: 429, retryAfter: "1" });
  const ticks = setInterval(() => bed.tick(), 10);
  const statuses = (await Promise.all(answers)).map(({ status }) => status);
  clearInterval(ticks);
  expect(new Set(statuses)).toEqual(new Set([200, 429]));
  expect(await post(metrics, body, JSON_TYPE)).toMatchObject({ status: 200 });
}, 60_000);

test("a sender that goes away in the middle of a request disturbs nobody", async () => {
  await using bed = await OtlpBed.open();
  const { port, hostname } = new URL(bed.httpUrl);
  const head = "POST /v1/metrics HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n";
  for (const rest of [
    "content-length: 1000\r\n\r\n{",
    "transfer-encoding: chunked\r\n\r\n5\r\n{    \r\n",
    "content-encoding: gzip\r\ncontent-length: 50\r\n\r\n\u001f",
    "transfer-encoding: chunked\r\n\r\nnot a length\r\n",
  ]) {
    const socket = connect(Number(port), hostname);
    await once(socket, "connect");
    socket.write(head + rest);
    await new Promise((resolve) => setTimeout(resolve, 20));
    socket.destroy();
    await once(socket, "close");
  }
  const body = JSON.stringify(gauge("g", 1));
  expect(await post(`${bed.httpUrl}/v1/metrics`, body, JSON_TYPE)).toMatchObject({ status: 200 });
  const client = new Client(bed.grpcUrl.slice("http://".length), credentials.createInsecure());
  const asIs = (bytes: Buffer) => bytes;
  const code = await new Promise<number | undefined>((resolve) => {
    const answered = (error: { readonly code: number } | null) => resolve(error?.code);
    const path = `/${METRICS}/Export`;
    client.makeUnaryRequest(path, asIs, asIs, Buffer.of(), answered).cancel();
  });
  expect(code).toBe(status.CANCELLED);
  client.close();
  expect((await call(bed.grpcUrl, METRICS, Buffer.of())).code).toBe(status.OK);
});
