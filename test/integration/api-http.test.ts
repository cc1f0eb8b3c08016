import { execFile } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { connect } from "node:net";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { createHttpServer, startHttpServer } from "../../aggregator/api/http-server.ts";
import { OperationalError } from "../../shared/errors.ts";
import { nodeClock } from "../../shared/platform/node.ts";
import type { Clock } from "../../shared/platform/ports.ts";
import { VERSION } from "../../shared/version.ts";
import { eventually } from "../support/programs.ts";
import { createApiBed, LOOPBACK } from "./api-bed.ts";

const PROMTOOL = "/usr/bin/promtool";
const DB1 = { __name__: "up", instance: "db1", job: "node" };
const WEB1 = { __name__: "up", instance: "web1", job: "node" };
const CUT = "results truncated due to limit";
const FORM = { "content-type": "application/x-www-form-urlencoded" };

function createBed(options: { timeoutMs?: number } = {}) {
  const bed = createApiBed(options);
  const readiness = { isReady: () => true };
  const deps = { ...bed, readiness };
  const server = createHttpServer(deps);
  onTestFinished(() => server.close());
  const get = async (url: string) => {
    const response = await server.inject({ method: "GET", url });
    return { status: response.statusCode, body: response.json(), headers: response.headers };
  };
  return { ...bed, readiness, server, get };
}

async function startBed(clock: Clock = nodeClock) {
  const bed = createApiBed();
  const deps = { ...bed, clock, readiness: { isReady: () => true } };
  const server = await startHttpServer(deps, LOOPBACK);
  onTestFinished(() => server[Symbol.asyncDispose]());
  const port = Number(server.address.split(":")[1]);
  return { ...bed, server, deps, port, url: `http://${server.address}` };
}

const range = "start=1435781451.5&end=2015-07-01T20:10:53Z&step=500ms";
const points = [
  [1435781451.5, "0"],
  [1435781452, "0.5"],
  [1435781452.5, "1"],
  [1435781453, "1.5"],
];
const vector = (...result: object[]) => ({ resultType: "vector", result });

test.each<[string, string, { data: unknown; warnings?: string[] }]>([
  [
    "an instant query gives a vector at the time asked for",
    "query?query=up&time=1435781451.781",
    {
      data: vector(
        { metric: DB1, value: [1435781451.781, "1"] },
        { metric: WEB1, value: [1435781451.781, "0"] },
      ),
      warnings: ["a warning"],
    },
  ],
  [
    "a query's result is cut to the limit, and says so",
    "query?query=up&time=1&limit=1",
    { data: vector({ metric: DB1, value: [1, "1"] }), warnings: ["a warning", CUT] },
  ],
  [
    "a range query gives a matrix from start to end",
    `query_range?query=up&${range}`,
    {
      data: {
        resultType: "matrix",
        result: [DB1, WEB1].map((metric) => ({ metric, values: points })),
      },
    },
  ],
  ["series are listed once each, sorted", "series?match[]=up", { data: [DB1, WEB1] }],
  [
    "series are those of any selector",
    'series?match[]=up{instance="web1"}&match[]=none',
    { data: [WEB1] },
  ],
  ["series are cut to the limit", "series?match[]=up&limit=1", { data: [DB1], warnings: [CUT] }],
  ["labels are sorted", "labels", { data: ["__name__", "instance", "job"] }],
  ["labels of no series are none", "labels?match[]=none", { data: [] }],
  ["a label's values are sorted", "label/instance/values", { data: ["db1", "web1"] }],
  [
    "a label's values can be narrowed",
    'label/instance/values?match[]=up{instance="db1"}',
    { data: ["db1"] },
  ],
  ["metadata is an empty object", "metadata", { data: {} }],
  [
    "buildinfo names the version",
    "status/buildinfo",
    { data: expect.objectContaining({ version: VERSION }) },
  ],
])("%s", async (_name, path, expected) => {
  const { get } = createBed();
  const { status, body, headers } = await get(`/api/v1/${path}`);
  expect(status).toBe(200);
  expect(headers["content-type"]).toBe("application/json; charset=utf-8");
  expect(body).toEqual({ status: "success", ...expected });
});

test("without a time it is now", async () => {
  const { get } = createBed();
  const beforeS = Date.now() / 1000;
  const { body } = await get("/api/v1/query?query=42");
  expect(body.data.resultType).toBe("scalar");
  expect(body.data.result[0]).toBeGreaterThanOrEqual(Math.floor(beforeS));
  expect(body.data.result[1]).toBe("42");
});

test("a form in a POST is read, also together with the address", async () => {
  const { server } = createBed();
  const response = await server.inject({
    method: "POST",
    url: "/api/v1/query?time=1",
    headers: FORM,
    payload: "query=%22text%22",
  });
  expect(response.json().data).toEqual({ resultType: "string", result: [1, "text"] });
});

test.each([
  ["no query", "query", 400, "bad_data", /invalid parameter "query"/],
  ["a query that cannot be read", "query?query=nonsense(", 400, "bad_data", /1:1: unknown/],
  ["a time that is none", "query?query=up&time=soon", 400, "bad_data", /"time": cannot parse/],
  ["a timeout that is none", "query?query=up&timeout=soon", 400, "bad_data", /"timeout"/],
  ["a limit that is none", "query?query=up&limit=-1", 400, "bad_data", /"limit"/],
  ["an evaluation that fails", "query?query=many%20to%20many", 422, "execution", /both sides/],
  ["too many samples", "query?query=huge", 422, "execution", /1000 samples/],
  ["a disk that fails", "query?query=disk", 500, "internal", /Read error/],
  ["no start", "query_range?query=up&end=1&step=1", 400, "bad_data", /"start"/],
  ["end before start", "query_range?query=up&start=2&end=1&step=1", 400, "bad_data", /"end"/],
  ["a step of zero", "query_range?query=up&start=1&end=2&step=0", 400, "bad_data", /"step"/],
  ["a negative step", "query_range?query=up&start=1&end=2&step=-1", 400, "bad_data", /"step"/],
  ["too many points", "query_range?query=up&start=0&end=11001&step=1", 400, "bad_data", /11,000/],
  [
    "a range of ranges",
    "query_range?query=up[1m]&start=0&end=1&step=1",
    400,
    "bad_data",
    /range vector/,
  ],
  ["series without match", "series", 400, "bad_data", /no match\[\] parameter/],
  ["a selector that is none", "series?match[]=%7B", 400, "bad_data", /"match\[\]"/],
  ["a label name that is none", "label/a-b/values", 400, "bad_data", /invalid label name/],
  ["a type of rule that is none", "rules?type=x", 400, "bad_data", /"type"/],
  ["a path that is none", "no_query?query=up", 404, "not_found", /no_query/],
])("%s is refused", async (_name, path, status, errorType, error) => {
  const { get } = createBed();
  const answer = await get(`/api/v1/${path}`);
  expect(answer.status).toBe(status);
  expect(answer.body).toEqual({ status: "error", errorType, error: expect.stringMatching(error) });
});

test("exactly 11,000 steps are allowed", async () => {
  const { get } = createBed();
  const { body } = await get("/api/v1/query_range?query=up&start=0&end=11000&step=1");
  expect(body.data.result[0].values).toHaveLength(11_001);
});

test("a fault of ours is logged with its cause, and the client is told nothing of it", async () => {
  const { get, logger } = createBed();
  const { status, body } = await get("/api/v1/query?query=bug");
  expect(status).toBe(500);
  expect(JSON.stringify(body)).not.toContain("secret");
  expect(JSON.stringify(logger.lines)).toContain("secret inner detail");
});

test("a query that takes longer than its timeout is 503 timeout", async () => {
  const { get } = createBed();
  const { status, body } = await get("/api/v1/query?query=endless&timeout=50ms");
  expect(status).toBe(503);
  expect(body.errorType).toBe("timeout");
});

test("no request can ask for more time than the aggregator allows", async () => {
  const { get } = createBed({ timeoutMs: 50 });
  expect((await get("/api/v1/query?query=endless&timeout=1h")).status).toBe(503);
});

test("times that mean ever become times that a store can hold", async () => {
  const { get, listing } = createBed();
  await get("/api/v1/series?match[]=up&start=-9223309901257974&end=9223309901257974");
  expect(listing).toEqual({ startMs: 0, endMs: 8.64e15 });
});

test("rules and alerts are listed", async () => {
  const { get } = createBed();
  const { body } = await get("/api/v1/rules?type=alert");
  expect(body.data.groups[0].rules).toHaveLength(1);
  const alerts = await get("/api/v1/alerts");
  expect(alerts.body.data.alerts[0]).toMatchObject({
    state: "firing",
    activeAt: "2026-01-06T11:46:40Z",
    value: "0e+00",
  });
});

test("the aggregator's own metrics are in the text format", async () => {
  const { server, metrics } = createBed();
  metrics.counter("telltale_things_total", "Things").add(3, { kind: "x" });
  const response = await server.inject("/metrics");
  expect(response.headers["content-type"]).toBe("text/plain; version=0.0.4; charset=utf-8");
  expect(response.body).toContain('telltale_things_total{kind="x"} 3\n');
});

test("errors are counted by their type", async () => {
  const { server, get } = createBed();
  await get("/api/v1/query?query=huge");
  const { body } = await server.inject("/metrics");
  expect(body).toContain('telltale_http_errors_total{type="execution"} 1');
});

test("ready is 503 until it is; healthy always answers", async () => {
  const { server, readiness } = createBed();
  expect((await server.inject("/-/ready")).statusCode).toBe(200);
  readiness.isReady = () => false;
  expect((await server.inject("/-/ready")).statusCode).toBe(503);
  expect((await server.inject("/-/healthy")).statusCode).toBe(200);
});

test("a body that is too large, of another type, or a broken address is refused in JSON", async () => {
  const { server } = createBed();
  const post = (headers: Record<string, string>, payload: string) =>
    server.inject({ method: "POST", url: "/api/v1/query", headers, payload });
  const large = await post(FORM, `query=${"x".repeat(1024 * 1024)}`);
  expect([large.statusCode, large.json().errorType]).toEqual([413, "bad_data"]);
  const json = await post({ "content-type": "application/json" }, '{"query":"up"}');
  expect([json.statusCode, json.json().errorType]).toEqual([415, "bad_data"]);
  const broken = await server.inject("/api/v1/label/%E0%A4%A/values");
  expect([broken.statusCode, broken.json().errorType]).toEqual([400, "bad_data"]);
  const long = await server.inject(`/api/v1/label/${"x".repeat(5000)}/values`);
  expect(long.statusCode).toBeGreaterThanOrEqual(400);
  expect(long.json().status).toBe("error");
});

test("a client that goes away ends its query", async () => {
  const { port, endless } = await startBed();
  const socket = connect(port, LOOPBACK.host);
  socket.write("GET /api/v1/query?query=endless HTTP/1.1\r\nHost: x\r\n\r\n");
  await eventually(() => endless.begun === 1);
  expect(endless.ended).toBe(0);
  socket.destroy();
  await eventually(() => endless.ended === 1);
});

test("a port that is taken is an error that says which and what to do", async () => {
  const { port, deps } = await startBed();
  const again = startHttpServer(deps, { ...LOOPBACK, port });
  await expect(again).rejects.toMatchObject({
    code: "IN_USE",
    message: expect.stringMatching(/^127\.0\.0\.1:\d+ is in use by another process: stop it, or/),
  });
});

test("stopping ends open connections that do nothing", async () => {
  const forEver = new Promise<never>(() => {}); // those that do something get their time
  const { server, port } = await startBed({ ...nodeClock, sleep: () => forEver });
  const socket = connect(port, LOOPBACK.host);
  const closed = once(socket, "close");
  socket.write("GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n"); // kept alive
  await once(socket, "data");
  await server[Symbol.asyncDispose]();
  await closed;
});

test.skipIf(!existsSync(PROMTOOL))("promtool's queries work against it", async () => {
  const { url } = await startBed();
  const promtool = async (...args: string[]) => {
    const { stdout } = await promisify(execFile)(PROMTOOL, ["query", ...args]);
    return stdout;
  };
  expect(await promtool("instant", url, "up")).toMatch(
    /up\{instance="db1", job="node"\} => 1 @\[\d+\.?\d*\]\nup\{instance="web1", job="node"\} => 0/,
  );
  expect(await promtool("range", "--start=100", "--end=102", "--step=1s", url, "up")).toContain(
    'up{instance="db1", job="node"} =>\n0 @[100]\n0.5 @[101]\n1 @[102]',
  );
  expect(await promtool("series", "--match=up", url)).toBe(
    '{__name__="up", instance="db1", job="node"}\n{__name__="up", instance="web1", job="node"}\n',
  );
  expect(await promtool("labels", url, "instance")).toBe("db1\nweb1\n");
  await expect(promtool("instant", url, "nonsense(")).rejects.toMatchObject({
    stderr: expect.stringContaining("bad_data"),
  });
});

test("a reload is asked for with a POST, and says what is wrong", async () => {
  const { server, reloads } = createBed();
  const post = async () => {
    const { statusCode, body, headers } = await server.inject({ method: "POST", url: "/-/reload" });
    return [statusCode, headers["content-type"], body];
  };
  const type = "text/plain; charset=utf-8";
  expect(await post()).toEqual([200, type, "Rules and routing are reloaded.\n"]);
  reloads.reload = async () => new OperationalError("CONFIG", "a.yaml:2: x\nb.yaml:7: y");
  expect(await post()).toEqual([500, type, "a.yaml:2: x\nb.yaml:7: y\n"]);
  reloads.reload = async () => new OperationalError("UNAVAILABLE", "Telltale is not ready yet");
  expect(await post()).toEqual([503, type, "Telltale is not ready yet\n"]);
  expect((await server.inject({ method: "GET", url: "/-/reload" })).statusCode).toBe(404);
});
