import { ROOT_CONTEXT, trace } from "@opentelemetry/api";
import { SeverityNumber } from "@opentelemetry/api-logs";
import { OTLPLogExporter as GrpcLogExporter } from "@opentelemetry/exporter-logs-otlp-grpc";
import { OTLPLogExporter as JsonLogExporter } from "@opentelemetry/exporter-logs-otlp-http";
import { OTLPLogExporter as ProtobufLogExporter } from "@opentelemetry/exporter-logs-otlp-proto";
import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-grpc";
import { AggregationTemporalityPreference } from "@opentelemetry/exporter-metrics-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchLogRecordProcessor, LoggerProvider } from "@opentelemetry/sdk-logs";
import { MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import { expect, test } from "vitest";
import { linesOf } from "../support/log-lines.ts";
import { Bed, eventually, freePorts, refused, runProgram } from "../support/programs.ts";

const RESOURCE = resourceFromAttributes({ "service.name": "shop", "host.name": "shop-host" });
const TRACE = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331" };

async function otlpBed() {
  const bed = await Bed.open();
  const [grpc, http] = await freePorts();
  const configure = (extra = "") =>
    bed.write(
      "agent.yaml",
      `otlp: { grpc: "127.0.0.1:${grpc}", http: "127.0.0.1:${http}" }\n${extra}`,
    );
  return { bed, configure, grpc: `http://127.0.0.1:${grpc}`, http: `http://127.0.0.1:${http}` };
}

test("what an SDK counts is found by PromQL, and a reload loses no increase", async () => {
  const { bed, configure, grpc } = await otlpBed();
  await using _bed = bed;
  const config = `--config=${configure()}`;
  await bed.startReadyAggregator();
  const agent = bed.start("agent", [config]);
  await bed.untilUp();
  const temporalityPreference = AggregationTemporalityPreference.DELTA;
  const exporter = new OTLPMetricExporter({ url: grpc, temporalityPreference });
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
  const provider = new MeterProvider({ resource: RESOURCE, readers: [reader] });
  const requests = provider.getMeter("shop").createCounter("http.requests");
  const add = async (n: number) => {
    requests.add(n, { "http.route": "/cart" });
    await provider.forceFlush();
  };
  await add(3);
  const counter = 'http_requests_total{job="shop", instance="shop-host", http_route="/cart"}';
  const value = async () => (await bed.query(counter))[0];
  await eventually(async () => (await value())?.[1] === 3);
  expect((await value())?.[0]).toMatchObject({ service: "shop", otel_scope_name: "shop" });
  await add(4);
  await eventually(async () => (await value())?.[1] === 7);

  configure("labels: { env: test }\n");
  agent.child.kill("SIGHUP");
  await eventually(
    async () => (await bed.query(`${counter} * on(env) group_left() up`)).length >= 0,
  );
  await eventually(async () => (await bed.query('node_load1{env="test"}')).length === 1);
  await eventually(
    async () => (await bed.query('http_requests_total{env="test"} == 7')).length === 1,
  );
  await add(5);
  await eventually(
    async () => (await bed.query('http_requests_total{env="test"} == 12')).length === 1,
  );
  expect(await bed.query('http_requests_total{env=""}')).toEqual([]);
  await provider.shutdown();
}, 120_000);

test("log records of every door are found by LogQL, with level, trace and attributes", async () => {
  const { bed, configure, grpc, http } = await otlpBed();
  await using _bed = bed;
  await bed.startReadyAggregator();
  const agent = bed.start("agent", [`--config=${configure()}`]);
  await bed.untilUp();
  const exporters = {
    grpc: new GrpcLogExporter({ url: grpc }),
    protobuf: new ProtobufLogExporter({ url: `${http}/v1/logs` }),
    json: new JsonLogExporter({ url: `${http}/v1/logs` }),
  };
  for (const [door, exporter] of Object.entries(exporters)) {
    const processor = new BatchLogRecordProcessor({ exporter });
    const provider = new LoggerProvider({ resource: RESOURCE, processors: [processor] });
    const logger = provider.getLogger("shop/http");
    logger.emit({
      body: `cart lost (${door})`,
      severityNumber: SeverityNumber.ERROR,
      context: trace.setSpanContext(ROOT_CONTEXT, { ...TRACE, traceFlags: 1 }),
    });
    logger.emit({
      body: { order: 7, items: ["a"] },
      severityNumber: SeverityNumber.INFO,
      severityText: "Information",
      attributes: { "http.route": "/cart", door },
    });
    await provider.shutdown();
  }
  const found = async (query: string) => (await linesOf(bed, query)).sort();
  const doors = ["grpc", "json", "protobuf"];
  const lost = doors.map((door) => `cart lost (${door})`);
  await eventually(async () => (await found('{service="shop"}')).length === 6);
  expect(await found('{job="shop"} | detected_level="error"')).toEqual(lost);
  const order = '{"order":7,"items":["a"]}';
  expect(await found('{job="shop"} | http_route="/cart" | door="json"')).toEqual([order]);
  expect(await found('{job="shop"} | severity_text="Information" | json | order=7')).toEqual(
    doors.map(() => order),
  );
  expect(await found(`{job="shop"} | trace_id="${TRACE.traceId}"`)).toEqual(lost);
  expect(agent.child.exitCode).toBeNull();
}, 120_000);

test("an address beyond this machine needs a word, and one that is taken is named", async () => {
  await using bed = await Bed.open();
  const file = bed.write("agent.yaml", "otlp: { grpc: '0.0.0.0:4317', senders_max: 0 }\n");
  const errors = await refused("agent", [...bed.agentArgs(), `--config=${file}`]);
  expect(errors).toContain("otlp.senders_max");
  bed.write("agent.yaml", "otlp: { grpc: '0.0.0.0:4317' }\n");
  expect(await refused("agent", [...bed.agentArgs(), `--config=${file}`])).toMatch(
    /agent\.yaml:1: otlp\.grpc: 0\.0\.0\.0 can be reached from other machines/,
  );
  await bed.startReadyAggregator();
  bed.write("agent.yaml", `otlp: { grpc: none, http: '127.0.0.1:${bed.httpPort}' }\n`);
  const taken = await refused("agent", [...bed.agentArgs(), `--config=${file}`]);
  expect(taken).toContain("is in use by another process");
  expect(taken).not.toContain("    at ");
  const once = await runProgram("agent", [`--config=${file}`, "once"]); // it takes nothing
  expect([once.code, once.errors]).toEqual([0, ""]);
}, 60_000);
