import { connect } from "node:http2";
import {
  type CallOptions,
  type Client,
  credentials,
  loadPackageDefinition,
  type requestCallback,
  status,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { protoPath } from "grpc-health-check";
import { expect, onTestFinished, test } from "vitest";
import { startGrpcServer } from "../../aggregator/api/grpc-server.ts";
import { createQueryService } from "../../aggregator/api/query-service.ts";
import { loadTelltale } from "../../shared/wire/proto.ts";
import { createApiBed } from "./api-bed.ts";

const LOOPBACK = { host: "127.0.0.1", port: 0 };

async function startBed() {
  const bed = createApiBed();
  const deps = {
    ingest: {
      Stream: (call: { on(event: "data", heard: () => void): void }) => call.on("data", () => {}),
    },
    query: createQueryService(bed.api, bed.logger),
    clock: bed.clock,
    access: null,
  };
  const server = await startGrpcServer(deps, { listen: LOOPBACK });
  const client = new (loadTelltale().v1.Query)(server.address, credentials.createInsecure());
  onTestFinished(async () => {
    client.close();
    await server[Symbol.asyncDispose]();
  });
  return { ...bed, deps, server, client };
}

/** The shortest form of a generated method, from which the types can be inferred. */
type Method<In, Out> = (request: In, callback: requestCallback<Out>) => unknown;
type MethodWithOptions<In, Out> = (
  request: In,
  options: CallOptions,
  callback: requestCallback<Out>,
) => unknown;

function call<In, Out>(
  client: Client,
  method: Method<In, Out>,
  request: In,
  deadlineMs = 5000,
): Promise<Out> {
  return new Promise((resolve, reject) => {
    const start = method as unknown as MethodWithOptions<In, Out>;
    start.call(client, request, { deadline: Date.now() + deadlineMs }, (error, response) => {
      if (error === null && response !== undefined) resolve(response);
      else reject(error);
    });
  });
}

test("an instant query gives labels, times and values", async () => {
  const { client } = await startBed();
  const answer = await call(client, client.instant, { query: "up", timeMs: 1_435_781_451_781 });
  expect(answer).toEqual({
    resultType: "RESULT_TYPE_VECTOR",
    result: [
      {
        labels: ["__name__", "up", "instance", "db1", "job", "node"],
        timesMs: [1_435_781_451_781],
        values: [1],
      },
      {
        labels: ["__name__", "up", "instance", "web1", "job", "node"],
        timesMs: [1_435_781_451_781],
        values: [0],
      },
    ],
    stringValue: "",
    warnings: ["a warning"],
  });
});

test("a time of 0 is now", async () => {
  const { client } = await startBed();
  const beforeMs = Date.now();
  const { resultType, result } = await call(client, client.instant, { query: "42" });
  expect(resultType).toBe("RESULT_TYPE_SCALAR");
  expect(result[0]?.timesMs[0]).toBeGreaterThanOrEqual(beforeMs);
  expect(result[0]?.values).toEqual([42]);
});

test("a range query gives one series of points for each label set", async () => {
  const { client } = await startBed();
  const request = { query: "up", startMs: 1000, endMs: 3000, stepMs: 1000 };
  const { resultType, result } = await call(client, client.range, request);
  expect(resultType).toBe("RESULT_TYPE_MATRIX");
  expect(result).toHaveLength(2);
  expect(result[1]).toMatchObject({ timesMs: [1000, 2000, 3000], values: [0, 0.5, 1] });
});

test("a string is a string", async () => {
  const { client } = await startBed();
  expect(await call(client, client.instant, { query: '"text"' })).toMatchObject({
    resultType: "RESULT_TYPE_STRING",
    stringValue: "text",
  });
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

test("nodes, alerts and rules are listed", async () => {
  const { client } = await startBed();
  const { nodes } = await call(client, client.nodes, {});
  expect(nodes).toMatchObject([
    { name: "db1", state: "STATE_DOWN", framesMissing: 3, address: "" },
    { name: "web1", state: "STATE_UP", series: 962, lastTickMs: 1_767_700_100_000 },
  ]);
  const { alerts } = await call(client, client.alerts, {});
  expect(alerts).toMatchObject([
    { state: "firing", annotations: ["summary", "db1 is down"], activeAtMs: 1_767_700_000_000 },
  ]);
  const { groups } = await call(client, client.rules, {});
  expect(groups[0]?.rules).toMatchObject([
    { type: "alerting", name: "NodeDown", state: "firing", health: "ok" },
    { type: "recording", state: "", health: "err", lastError: "Many matches on both sides" },
  ]);
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
  const { client, api } = await startBed();
  // Four may run: if a deadline did not end them, the fifth would not come to its turn.
  const waits = Array.from({ length: 4 }, () =>
    call(client, client.instant, { query: "endless" }, 100),
  );
  const outcomes = await Promise.allSettled(waits);
  for (const outcome of outcomes) {
    expect(outcome).toMatchObject({ reason: { code: status.DEADLINE_EXCEEDED } });
  }
  const options = { timeoutMs: 1000, limit: null, signal: new AbortController().signal };
  expect(await api.instant({ query: "42", timeMs: 1 }, options)).toMatchObject({ value: 42 });
});

test("a client that cancels ends its query", async () => {
  const { client, api } = await startBed();
  const calls = Array.from({ length: 4 }, () => client.instant({ query: "endless" }, () => {}));
  await new Promise((resolve) => setTimeout(resolve, 100));
  for (const running of calls) running.cancel();
  const options = { timeoutMs: 3000, limit: null, signal: new AbortController().signal };
  expect(await api.instant({ query: "42", timeMs: 1 }, options)).toMatchObject({ value: 42 });
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
  await expect(
    startGrpcServer(deps, { listen: { host: "127.0.0.1", port } }),
  ).rejects.toMatchObject({
    code: "IN_USE",
    message: expect.stringMatching(/^127\.0\.0\.1:\d+ is in use by another process: stop it, or/),
  });
});

test("stopping waits for a call that runs, but not for ever", async () => {
  const bed = createApiBed();
  const query = createQueryService(bed.api, bed.logger);
  const ingest = { Stream: () => {} };
  const sleep = (ms: number, signal?: AbortSignal) => bed.clock.sleep(ms / 20, signal);
  const clock = { ...bed.clock, sleep };
  const server = await startGrpcServer(
    { ingest, query, clock, access: null },
    { listen: LOOPBACK },
  );
  const client = new (loadTelltale().v1.Query)(server.address, credentials.createInsecure());
  const running = call(client, client.instant, { query: "endless" });
  const outcome = expect(running).rejects.toMatchObject({ code: expect.any(Number) });
  await new Promise((resolve) => setTimeout(resolve, 100));
  const beganMs = performance.now();
  await server[Symbol.asyncDispose]();
  expect(performance.now() - beganMs).toBeGreaterThan(200);
  await outcome;
  client.close();
});
