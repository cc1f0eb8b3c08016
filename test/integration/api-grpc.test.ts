import { connect } from "node:http2";
import { type Client, credentials, loadPackageDefinition, status } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { protoPath } from "grpc-health-check";
import { expect, onTestFinished, test } from "vitest";
import { startGrpcServer } from "../../aggregator/api/grpc-server.ts";
import { nodeClock } from "../../shared/platform/node.ts";
import type { Clock } from "../../shared/platform/ports.ts";
import { loadTelltale } from "../../shared/wire/proto.ts";
import { call, type Method } from "../support/grpc-call.ts";
import { eventually } from "../support/programs.ts";
import { LOOPBACK, startGrpcBed } from "./api-bed.ts";

async function startBed(clock?: Clock) {
  const bed = await startGrpcBed(clock);
  const client = new (loadTelltale().v1.Query)(bed.server.address, credentials.createInsecure());
  onTestFinished(() => client.close());
  return { ...bed, client };
}

type QueryClient = Awaited<ReturnType<typeof startBed>>["client"];
const at = (timeMs: number, ...values: number[]) =>
  ["db1", "web1"].map((instance, i) => ({
    labels: ["__name__", "up", "instance", instance, "job", "node"],
    timesMs: [timeMs],
    values: [values[i]],
  }));

test.each<[string, (client: QueryClient) => Promise<object>, object]>([
  [
    "an instant query gives labels, times and values",
    (client) => call(client, client.instant, { query: "up", timeMs: 1_435_781_451_781 }),
    {
      resultType: "RESULT_TYPE_VECTOR",
      result: at(1_435_781_451_781, 1, 0),
      stringValue: "",
      warnings: ["a warning"],
    },
  ],
  [
    "a range query gives one series of points for each label set",
    (client) =>
      call(client, client.range, { query: "up", startMs: 1000, endMs: 3000, stepMs: 1000 }),
    {
      resultType: "RESULT_TYPE_MATRIX",
      result: [{}, { timesMs: [1000, 2000, 3000], values: [0, 0.5, 1] }],
    },
  ],
  [
    "a string is a string",
    (client) => call(client, client.instant, { query: '"text"' }),
    { resultType: "RESULT_TYPE_STRING", stringValue: "text" },
  ],
  [
    "nodes are listed",
    (client) => call(client, client.nodes, {}),
    {
      nodes: [
        { name: "db1", state: "STATE_DOWN", framesMissing: 3, address: "" },
        { name: "web1", state: "STATE_UP", series: 962, lastTickMs: 1_767_700_100_000 },
      ],
    },
  ],
  [
    "alerts are listed",
    (client) => call(client, client.alerts, {}),
    {
      alerts: [
        { state: "firing", annotations: ["summary", "db1 is down"], activeAtMs: 1_767_700_000_000 },
      ],
    },
  ],
  [
    "rules are listed",
    (client) => call(client, client.rules, {}),
    {
      groups: [
        {
          rules: [
            { type: "alerting", name: "NodeDown", state: "firing", health: "ok" },
            {
              type: "recording",
              state: "",
              health: "err",
              lastError: "Many matches on both sides",
            },
          ],
        },
      ],
    },
  ],
])("%s", async (_name, ask, answer) => {
  const { client } = await startBed();
  expect(await ask(client)).toMatchObject(answer);
});

test("a time of 0 is now", async () => {
  const { client } = await startBed();
  const beforeMs = Date.now();
  const { resultType, result } = await call(client, client.instant, { query: "42" });
  expect(resultType).toBe("RESULT_TYPE_SCALAR");
  expect(result[0]?.timesMs[0]).toBeGreaterThanOrEqual(beforeMs);
  expect(result[0]?.values).toEqual([42]);
});

test("series, labels and label values are listed as over HTTP", async () => {
  const { client, listing } = await startBed();
  const { series } = await call(client, client.series, { match: ["up"] });
  expect(series.map(({ labels }) => labels[3])).toEqual(["db1", "web1"]);
  expect(listing.endMs - listing.startMs).toBe(3_600_000);
  const names = await call(client, client.labels, {});
  expect(names.values).toEqual(["__name__", "instance", "job"]);
  expect(listing.startMs).toBe(0);
  const values = await call(client, client.labelValues, { label: "instance", match: ["up"] });
  expect(values.values).toEqual(["db1", "web1"]);
});

test.each([
  ["an expression that cannot be read", { query: "nonsense(" }, status.INVALID_ARGUMENT, /1:1/],
  ["one that cannot be evaluated", { query: "many to many" }, status.INVALID_ARGUMENT, /both/],
  ["too many samples", { query: "huge" }, status.RESOURCE_EXHAUSTED, /1000 samples/],
  ["a disk that fails", { query: "disk" }, status.INTERNAL, /Read error/],
  ["a fault of ours", { query: "bug" }, status.INTERNAL, /^Internal error, see/],
])("%s has its status", async (_name, request, code, details) => {
  const { client } = await startBed();
  await expect(call(client, client.instant, request)).rejects.toMatchObject({
    code,
    details: expect.stringMatching(details),
  });
});

test("the checks of a range query are those of HTTP", async () => {
  const { client } = await startBed();
  const tooMany = { query: "up", startMs: 0, endMs: 11_001, stepMs: 1 };
  await expect(call(client, client.range, tooMany)).rejects.toThrow(/11,000/);
  const noStep = { query: "up", startMs: 0, endMs: 1 };
  await expect(call(client, client.range, noStep)).rejects.toThrow(/step/);
});

test("the client's deadline ends the query", async () => {
  const { client, endless } = await startBed();
  const answer = call(client, client.instant, { query: "endless" }, { deadlineMs: 2000 });
  const outcome = expect(answer).rejects.toMatchObject({ code: status.DEADLINE_EXCEEDED });
  await eventually(() => endless.ended === 1);
  await outcome;
});

test("a client that cancels ends its query", async () => {
  const { client, endless } = await startBed();
  const running = client.instant({ query: "endless" }, () => {});
  await eventually(() => endless.begun === 1);
  expect(endless.ended).toBe(0);
  running.cancel();
  await eventually(() => endless.ended === 1);
});

test("a message over 4 MiB is refused", async () => {
  const { client } = await startBed();
  const request = { query: "x".repeat(4 * 1024 * 1024 + 1) };
  await expect(call(client, client.instant, request)).rejects.toMatchObject({
    code: status.RESOURCE_EXHAUSTED,
  });
});

test("health is NOT_SERVING until the server is told to serve", async () => {
  const { server } = await startBed();
  const definition = loadPackageDefinition(loadSync(protoPath)) as unknown as {
    grpc: {
      health: { v1: { Health: new (...args: ConstructorParameters<typeof Client>) => Client } };
    };
  };
  const health = new definition.grpc.health.v1.Health(server.address, credentials.createInsecure());
  onTestFinished(() => health.close());
  const { check: method } = health as unknown as {
    check: Method<{ service: string }, { status: unknown }>;
  };
  const check = async (service: string) => (await call(health, method, { service })).status;
  expect(await check("telltale.v1.Ingest")).toBe(2);
  server.setServing(true);
  expect(await check("telltale.v1.Ingest")).toBe(1);
  expect(await check("")).toBe(1);
});

test("reflection lists the services", async () => {
  const { server } = await startBed();
  // A raw call: list_services is field 7 of the request; the names stand readable in the answer.
  const session = connect(`http://${server.address}`);
  onTestFinished(() => session.destroy());
  const request = session.request({
    ":method": "POST",
    ":path": "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "content-type": "application/grpc",
    te: "trailers",
  });
  request.end(Buffer.from([0, 0, 0, 0, 3, 0x3a, 1, 0x2a]));
  let answer = "";
  for await (const chunk of request) answer += Buffer.from(chunk).toString("latin1");
  expect(answer).toContain("telltale.v1.Ingest");
  expect(answer).toContain("telltale.v1.Query");
});

test("a port that is taken is an error that says which and what to do", async () => {
  const { server, deps } = await startBed();
  const port = Number(server.address.split(":")[1]);
  await expect(startGrpcServer(deps, { ...LOOPBACK, port })).rejects.toMatchObject({
    code: "IN_USE",
    message: expect.stringMatching(/^127\.0\.0\.1:\d+ is in use by another process: stop it, or/),
  });
});

test("stopping waits for a call that runs, but not for ever", async () => {
  let stopWaiting = () => {};
  const waits: number[] = [];
  const sleep = (ms: number) =>
    new Promise<void>((resolve) => {
      waits.push(ms);
      stopWaiting = resolve;
    });
  const { client, server, endless } = await startBed({ ...nodeClock, sleep });
  const running = call(client, client.instant, { query: "endless" }, { deadlineMs: 600_000 });
  const outcome = expect(running).rejects.toMatchObject({ code: expect.any(Number) });
  await eventually(() => endless.begun === 1);
  const stopped = server[Symbol.asyncDispose]();
  await eventually(() => waits.length === 1);
  await nodeClock.sleep(100);
  expect({ waits, ended: endless.ended }).toEqual({ waits: [5000], ended: 0 });
  stopWaiting();
  await stopped;
  await outcome;
});
