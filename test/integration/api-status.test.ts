import { expect, onTestFinished, test } from "vitest";
import { createHttpServer } from "../../aggregator/api/http-server.ts";
import { createApiBed } from "./api-bed.ts";

function createBed(corsOrigins: string[] = []) {
  const bed = createApiBed();
  const deps = { ...bed, corsOrigins, readiness: { isReady: () => true } };
  const server = createHttpServer(deps);
  onTestFinished(() => server.close());
  return server;
}

const data = async (url: string) => {
  const response = await createBed().inject({ method: "GET", url: `/api/v1/${url}` });
  expect(response.json()).toMatchObject({ status: "success" });
  return response.json().data;
};

test.each<[string, unknown]>([
  ["metadata", {}],
  ["metadata?metric=up", { up: [{ type: "gauge", help: "Is it up.", unit: "" }] }],
  ["targets/metadata", []],
  ["query_exemplars?query=up&start=0&end=1", []],
  ["format_query?query=up", "formatted up"],
  ["parse_query?query=up", { type: "vectorSelector", name: "up" }],
  ["alertmanagers", { activeAlertmanagers: [], droppedAlertmanagers: [] }],
  ["status/config", { yaml: "retention: 1000\n" }],
  ["status/flags", { "query.timeout": "2m" }],
  ["status/walreplay", { min: 0, max: 0, current: 0 }],
])("%s", async (url, expected) => {
  expect(await data(url)).toEqual(expected);
});

test("the state of the store and of the program have Prometheus' fields", async () => {
  expect(await data("status/tsdb?limit=3")).toEqual({
    headStats: { numSeries: 2, numLabelPairs: 4, chunkCount: 2, minTime: 1, maxTime: 2 },
    seriesCountByMetricName: [{ name: "up", value: 2 }],
    labelValueCountByLabelName: [{ name: "instance", value: 2 }],
    memoryInBytesByLabelName: [{ name: "instance", value: 7 }],
    seriesCountByLabelValuePair: [{ name: "job=node", value: 2 }],
  });
  expect(await data("status/runtimeinfo")).toMatchObject({
    startTime: "2026-01-06T11:46:40Z",
    reloadConfigSuccess: true,
    storageRetention: "15d",
  });
});

test.each([
  "query_exemplars?query=",
  "query_exemplars?query=up&start=x",
  "format_query",
  "metadata?limit=x",
  "metadata?limit_per_metric=-1",
  "status/tsdb?limit=10001",
])("%s is refused as bad data", async (url) => {
  const response = await createBed().inject({ method: "GET", url: `/api/v1/${url}` });
  expect([response.statusCode, response.json().errorType]).toEqual([400, "bad_data"]);
});

test("statistics come with a result when they are asked for", async () => {
  const { stats } = await data("query?query=up&stats=all");
  expect(Object.keys(stats)).toEqual(["timings", "samples"]);
  expect(await data("query?query=up")).not.toHaveProperty("stats");
});

test("Prometheus' smallest and largest times mean ever", async () => {
  const span = "start=-292273086-05-16T16:47:06Z&end=292277025-08-18T07:12:54.999999999Z";
  expect(await data(`series?match[]=up&${span}`)).toHaveLength(2);
  expect(await data("series?match[]=up&start=2&end=1")).toEqual([]);
});

test("federation gives the newest samples with their times, and external labels where there is none", async () => {
  const server = createBed();
  const response = await server.inject({ method: "GET", url: "/federate?match[]=up" });
  expect(response.headers["content-type"]).toBe("text/plain; version=0.0.4; charset=utf-8");
  expect(response.body).toBe(`# TYPE up untyped
up{instance="db1",job="node",site="a"} 0 1767700000000
up{instance="web1",job="node",site="a"} 1e-07 1767700000001
`);
  expect((await server.inject({ method: "GET", url: "/federate" })).body).toBe("");
  expect((await server.inject({ method: "GET", url: "/federate?match[]=}" })).statusCode).toBe(400);
});

test("pages of the origins that are named may ask, others may not", async () => {
  const ask = (origins: string[], method: "GET" | "OPTIONS", url: string) =>
    createBed(origins).inject({ method, url, headers: { origin: "https://g.example" } });
  const allowed = async (...call: Parameters<typeof ask>) => {
    const { statusCode, headers } = await ask(...call);
    return [statusCode, headers["access-control-allow-origin"]];
  };
  const url = "/api/v1/query?query=up";
  expect(await allowed([], "GET", url)).toEqual([200, undefined]);
  expect(await allowed(["https://other.example"], "GET", url)).toEqual([200, undefined]);
  expect(await allowed(["https://g.example"], "GET", url)).toEqual([200, "https://g.example"]);
  expect(await allowed(["https://g.example"], "OPTIONS", url)).toEqual([204, "https://g.example"]);
  expect(await allowed(["*"], "GET", url)).toEqual([200, "*"]);
  expect(await allowed(["*"], "GET", "/api/v2/alerts")).toEqual([200, undefined]);
});
