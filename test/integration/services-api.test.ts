import { expect, onTestFinished, test } from "vitest";
import { startGrpcServer } from "../../aggregator/api/grpc-server.ts";
import { startHttpServer } from "../../aggregator/api/http-server.ts";
import { QueryApi } from "../../aggregator/api/query-api.ts";
import { createServicesService } from "../../aggregator/api/services-service.ts";
import type { AlertSnapshot } from "../../aggregator/model/rule-snapshot.ts";
import { DEFAULT_ENGINE_OPTIONS, PromqlEngine } from "../../aggregator/promql/engine.ts";
import { queryPort } from "../../aggregator/queries.ts";
import { MemorySeries } from "../../aggregator/rule-tests/memory-series.ts";
import { parseMetric, parsePoints } from "../../aggregator/rule-tests/series-notation.ts";
import { runCli } from "../../cli/program.ts";
import { labelsOf } from "../../shared/model/labels.ts";
import { nodeClock } from "../../shared/platform/node.ts";
import { ALERT, RULE_GROUP } from "../support/rule-group.ts";
import { createApiBed, LOOPBACK } from "./api-bed.ts";

const START_MS = 1_767_700_000_000;
/** An hour of samples, one a minute. */
const STEP_MS = 60_000;
const NOW_MS = START_MS + 60 * STEP_MS;
const STARTED = START_MS / 1000;

const SERIES: Readonly<Record<string, string>> = {
  // A container that was replaced by one of another image half an hour ago.
  'container_start_time_seconds{service="cart",image="cart:1",id="/a"}': `${STARTED}x29 stale`,
  'container_start_time_seconds{service="cart",image="cart:2",id="/b"}': `_x30 ${STARTED + 1800}x29`,
  'service:start_time_seconds:max{service="cart",image="cart:1"}': `${STARTED}x29 stale`,
  'service:start_time_seconds:max{service="cart",image="cart:2"}': `_x30 ${STARTED + 1800}x29`,
  'container_last_seen{service="cart",image="cart:2",id="/b"}': "1x60",
  'container_cpu_usage_seconds_total{service="cart",image="cart:2",id="/b"}': "0+15x60",
  'container_memory_working_set_bytes{service="cart",image="cart:2",id="/b"}': "1048576x60",
  // The unit that runs it has its use, too.
  'container_last_seen{service="cart",id="/cart.service"}': "1x60",
  'container_memory_working_set_bytes{service="cart",id="/cart.service"}': "9999999x60",
  'container_last_seen{service="cron",id="/cron.service"}': "1x60",
  'container_memory_working_set_bytes{service="cron",id="/cron.service"}': "524288x60",
  'service:requests:rate2m{service="cart",source="http"}': "12.345x60",
  'service:errors:ratio2m{service="cart",source="http"}': "0.0333x60",
  'service:latency_seconds:quantile2m{service="cart",source="http",quantile="0.5"}': "0.0123x60",
  'service:latency_seconds:quantile2m{service="cart",source="http",quantile="0.95"}': "0.5x60",
  'service:latency_seconds:quantile2m{service="cart",source="http",quantile="0.99"}': "1.5x60",
  'up{service="cart",job="cart",instance="n:1"}': "1x60",
  'up{service="cart",job="cart",instance="n:2"}': "0x60",
  // A process that is scraped, and whose series say no service.
  'up{job="orders",instance="n:3"}': "1x60",
  'service:requests:rate2m{service="orders",source="haproxy"}': "0x60",
  'service:errors:ratio2m{service="orders",source="haproxy"}': "0x60",
  'service:latency_seconds:mean2m{service="orders",source="haproxy"}': "0.00025x60",
  'process_start_time_seconds{service="orders",instance="n:3"}': `${STARTED + 3500}x60`,
  // Of no service.
  'up{job="node",instance="n"}': "1x60",
  'service:requests:rate2m{source="access_log"}': "1x60",
};

const FIRING: AlertSnapshot = {
  ...ALERT,
  labels: labelsOf({ alertname: "Slow", service: "cart", severity: "warning" }),
  annotations: labelsOf({ summary: "cart is slow" }),
  activeAtMs: NOW_MS - 120_000,
};

async function startBed() {
  const memory = new MemorySeries();
  for (const [series, values] of Object.entries(SERIES)) {
    memory.load(parseMetric(series), parsePoints(values), START_MS, STEP_MS);
  }
  const bed = createApiBed();
  const [alerting] = RULE_GROUP.rules;
  if (alerting?.type !== "alerting") throw new Error("the first rule of the bed alerts");
  const pending: AlertSnapshot = { ...FIRING, state: "pending", labels: ALERT.labels };
  const rule = { ...alerting, alerts: [FIRING, pending, ALERT] };
  const api = new QueryApi(
    {
      query: queryPort(new PromqlEngine(memory, DEFAULT_ENGINE_OPTIONS)),
      series: {
        seriesLabels: async () => [],
        labelNames: async () => [],
        labelValues: async () => [],
      },
      nodes: { nodes: () => [], targets: () => [] },
      rules: { groups: () => [{ ...RULE_GROUP, rules: [rule] }] },
      clock: { ...nodeClock, nowMs: () => NOW_MS },
    },
    { timeoutMs: 60_000, runningMax: 1, waitingMax: 1 },
  );
  return { ...bed, api };
}

async function run(...args: string[]) {
  const bed = await startBed();
  const none = {} as never;
  const services = createServicesService(bed.api, bed.logger);
  const others = { ingest: none, query: none, logs: none, alerts: none, targets: none };
  const server = await startGrpcServer(
    { ...others, services, clock: nodeClock, access: null },
    LOOPBACK,
  );
  onTestFinished(() => server[Symbol.asyncDispose]());
  let [output, errors] = ["", ""];
  const code = await runCli(["services", ...args, "--server", server.address], {
    write: (text) => {
      output += text;
    },
    writeError: (text) => {
      errors += text;
    },
    isInteractive: false,
    environment: {},
    nowMs: () => NOW_MS,
  });
  return { code, output, errors };
}

const CART =
  "cart     12.3/s   3.33%  12.3ms  500ms  1.5s  0.25    1MiB      1/2  30m ago (image)  Slow    http";
const ORDERS =
  "orders      0/s      0%  ~250µs                                 1/1  1m 40s ago               haproxy";

test("services are a table, worst first, without units that only run", async () => {
  const { code, output, errors } = await run();
  expect({ code, errors }).toEqual({ code: 0, errors: "" });
  expect(output.split("\n")).toEqual([
    "SERVICE    RATE  ERRORS     P50    P95   P99   CPU  MEMORY  TARGETS  CHANGED          ALERTS  FROM",
    CART,
    ORDERS,
    "1 unit more, without requests: telltale services --all",
    "",
  ]);
});

test("--sort says what comes first, --all shows units", async () => {
  const { output } = await run("--all", "--sort", "memory");
  expect(output.split("\n").map((line) => line.split(" ")[0])).toEqual([
    ...["SERVICE", "cart", "cron", "orders", ""],
  ]);
});

test("one service has its alerts and its change beside it; of one that is none the code is 1", async () => {
  const { output } = await run("cart");
  expect(output.split("\n").slice(1)).toEqual([
    CART,
    "",
    "image    cart:1 → cart:2",
    "alert    Slow, since 2m ago: cart is slow",
    "",
  ]);
  expect(await run("nobody")).toEqual({
    code: 1,
    output: "",
    errors: 'telltale: nothing is known of a service "nobody"\n',
  });
});

test("HTTP and --output json say the same, null for what nobody says", async () => {
  const { output } = await run("--output", "json");
  const cli = JSON.parse(output);
  const server = await startHttpServer(
    { ...(await startBed()), readiness: { isReady: () => true } },
    LOOPBACK,
  );
  onTestFinished(() => server[Symbol.asyncDispose]());
  const ask = async (query: string) =>
    await (await fetch(`http://${server.address}/api/v1/services${query}`)).json();
  const all = (await ask("")) as { data: { services: { name: string }[] } };
  expect(all.data.services.map(({ name }) => name)).toEqual(["cart", "cron", "orders"]);
  expect(new Set(all.data.services)).toEqual(new Set(cli));
  expect(await ask("?service=nobody")).toMatchObject({ status: "error", errorType: "not_found" });
  expect(await ask("?service=cart")).toEqual({
    status: "success",
    data: {
      services: [
        {
          name: "cart",
          source: "http",
          requestsPerSecond: 12.345,
          errorRatio: 0.0333,
          latencyP50Seconds: 0.0123,
          latencyP95Seconds: 0.5,
          latencyP99Seconds: 1.5,
          latencyMeanSeconds: null,
          cpuCores: 0.25,
          memoryBytes: 1_048_576,
          containers: 1,
          units: 1,
          targets: 2,
          targetsUp: 1,
          lastChange: {
            time: "2026-01-06T12:16:40Z",
            image: "cart:2",
            previousImage: "cart:1",
          },
          alerts: [
            {
              name: "Slow",
              severity: "warning",
              summary: "cart is slow",
              activeAt: "2026-01-06T12:44:40Z",
            },
          ],
        },
      ],
      isTruncated: false,
    },
  });
});
