import { expect, onTestFinished, test } from "vitest";
import { startHttpServer } from "../../aggregator/api/http-server.ts";
import type { NodeStatus } from "../../aggregator/model/node.ts";
import type { Delivery } from "../../aggregator/model/notification.ts";
import { OverviewFeed } from "../../aggregator/web/overview-feed.ts";
import type { Overview, OverviewChange } from "../../aggregator/web/overview-shape.ts";
import type { PageFile } from "../../aggregator/web/page-files.ts";
import { addWebRoutes } from "../../aggregator/web/web-routes.ts";
import { metricTotal } from "../support/metric-total.ts";
import { eventually } from "../support/programs.ts";
import { createApiBed, LOOPBACK } from "./api-bed.ts";

function file(type: string, text: string): PageFile {
  const plain = Buffer.from(text);
  return { type, etag: `"${text}"`, plain, gzip: Buffer.from("zipped"), brotli: null };
}

const DOCUMENT = '<meta name="telltale-prefix" content="" /><script src="/assets/x.js">';
const FILES = new Map([
  ["index.html", file("text/html; charset=utf-8", DOCUMENT)],
  ["main-abc.js", file("text/javascript; charset=utf-8", "script")],
]);
const HTML = { accept: "text/html,*/*" };
const RAW = { "accept-encoding": "identity" };

/** The real server and feed; `world` is what there is to see. */
async function serve(prefix = "") {
  const bed = createApiBed();
  const { clock, logger, metrics } = bed;
  const world = { names: ["a"] };
  const feed = new OverviewFeed({
    compile: () => ({
      instant: async (timeMs) => ({ type: "vector", timeMs, samples: [], warnings: [] }),
      range: async () => ({ type: "matrix", series: [], warnings: [] }),
    }),
    nodes: () => world.names.map((name) => ({ name, state: "up", stateSinceMs: 1 }) as NodeStatus),
    alerts: () => [],
    silences: () => [],
    changes: () => [],
    ...{ clock, logger },
  });
  const open = { people: null, mayAsk: () => true };
  const containers = { text: async () => "{}" };
  const web = {
    ...{ files: FILES, feed, containers, alerts: bed.alerts, nodes: bed.api, ...open },
    ...{ prefix, clock, metrics },
  };
  const readiness = { isReady: () => true };
  const deps = {
    ...bed,
    prefix,
    readiness,
    addPage: (scope: object) => addWebRoutes(scope as never, web),
  };
  const server = await startHttpServer(deps, LOOPBACK);
  onTestFinished(async () => {
    await server[Symbol.asyncDispose]();
    await feed[Symbol.asyncDispose]();
  });
  return { url: `http://${server.address}`, world, metrics, alerts: bed.alerts };
}

test("the document is the same for every view, and nothing but our own files runs in it", async () => {
  const { url } = await serve();
  for (const path of ["/", "/alerts", "/nodes/web%2F1"]) {
    const response = await fetch(`${url}${path}`, { headers: { ...HTML, ...RAW } });
    expect(await response.text()).toBe(DOCUMENT);
    const policy = response.headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toContain("unsafe");
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
    expect(response.headers.get("referrer-policy")).toBe("no-referrer");
  }
  const curl = await fetch(url);
  expect(curl.headers.get("content-type")).toContain("text/plain");
  expect(await curl.text()).toContain("/api/v1/query?query=up");
});

test("files go out compressed, are kept for ever, and not sent twice", async () => {
  const { url } = await serve();
  const path = `${url}/assets/main-abc.js`;
  const plain = await fetch(path, { headers: RAW });
  expect(await plain.text()).toBe("script");
  expect(plain.headers.get("cache-control")).toContain("immutable");
  const head = await fetch(path, { method: "HEAD", headers: { "accept-encoding": "gzip" } });
  expect(head.headers.get("content-encoding")).toBe("gzip");
  expect(head.headers.get("content-length")).toBe("6");
  const again = await fetch(path, { headers: { "if-none-match": 'W/"script"' } });
  expect(again.status).toBe(304);
  for (const none of ["index.html", "main-other.js", "..%2findex.html", "main-abc.js.gz"]) {
    expect((await fetch(`${url}/assets/${none}`)).status, none).toBe(404);
  }
});

test("with a prefix all is under it, and nothing beside it", async () => {
  const { url } = await serve("/a/telltale");
  const paths = ["/", "/alerts", "/nodes/web%2F1", "/metrics", "/-/ready", "/api/v2/alerts"];
  for (const path of [
    ...paths,
    "/api/v1/query?query=up",
    "/api/telltale/v1/overview",
    "/session",
  ]) {
    expect((await fetch(`${url}/a/telltale${path}`, { headers: HTML })).status, path).toBe(200);
    if (path === "/") continue;
    expect((await fetch(`${url}${path}`, { headers: HTML })).status, path).toBe(404);
    expect((await fetch(`${url}/a/telltalex${path}`)).status, path).toBe(404);
  }
  const document = await fetch(`${url}/a/telltale/`, { headers: { ...HTML, ...RAW } });
  expect(await document.text()).toBe(
    '<meta name="telltale-prefix" content="/a/telltale" /><script src="/a/telltale/assets/x.js">',
  );
  const zipped = await fetch(`${url}/a/telltale/`, {
    headers: { ...HTML, "accept-encoding": "br" },
  });
  expect(zipped.headers.get("content-encoding")).toBe("br");
  expect(await zipped.text()).toContain("/a/telltale/assets/x.js");
  const front = await (await fetch(`${url}/a/telltale/`)).text();
  expect(front).toContain("\n/a/telltale/api/v1/query?query=up ");
});

test("the address without a path leads to the page, and to no other host", async () => {
  const { url } = await serve("/telltale");
  for (const path of ["/", "/telltale", "/?x=y", "/telltale?x=//evil.example"]) {
    const { status, headers } = await fetch(`${url}${path}`, { redirect: "manual" });
    expect(status).toBe(302);
    expect(headers.get("location")).toBe(`/telltale/${path.replace(/^[^?]*/, "")}`);
  }
  for (const path of ["//evil.example", "/\\evil.example", "//evil.example/telltale"]) {
    expect((await fetch(`${url}${path}`, { redirect: "manual" })).status, path).toBe(404);
  }
});

test("the other interfaces are where they were", async () => {
  const { url } = await serve();
  for (const path of ["/api/v1/query?query=up", "/api/v2/alerts", "/metrics", "/-/ready"]) {
    expect((await fetch(`${url}${path}`, { headers: HTML })).status, path).toBe(200);
  }
});

test("what another site's page sends changes nothing", async () => {
  const { url } = await serve();
  const forged = { "sec-fetch-site": "cross-site", origin: "https://evil.example" };
  for (const path of ["/-/reload", "/api/v2/silences", "/session", "/api/v2/alerts"]) {
    const response = await fetch(`${url}${path}`, { method: "POST", headers: forged });
    expect(response.status, path).toBe(403);
  }
});

test("an acknowledgement of an alert that is none, or of a body that is none, is refused", async () => {
  const { url } = await serve();
  const post = async (body: string) => {
    const headers = { "content-type": "application/json" };
    const path = `${url}/api/telltale/v1/acknowledgements`;
    return (await fetch(path, { method: "POST", headers, body })).status;
  };
  expect(await post('{"fingerprint":"none"}')).toBe(404);
  expect(await post("null")).toBe(404);
  expect(await post("{")).toBe(400);
  expect(await post(`"${"x".repeat(20_000)}"`)).toBe(413);
});

test("nodes, notifications and tests of receivers are as the client has them", async () => {
  const { url, alerts } = await serve();
  const nodes = (await (await fetch(`${url}/api/telltale/v1/nodes`)).json()) as object[];
  expect(nodes).toMatchObject([
    {
      ...{ name: "db1", state: "down", agentVersion: "0.1.0", clockAheadMs: -3250 },
      ...{ lastTick: "2026-01-06T11:46:36Z", frames: { stored: 12, missing: 3 } },
      accounting: { made: 20, dropped: { buffer_full: 3 }, unaccounted: 1 },
    },
    { name: "web1", isClockOff: false, accounting: null, clockAheadMs: null },
  ]);
  const delivery: Delivery = {
    ...{ timeMs: 1_767_700_000_000, receiver: "ops", integration: "webhook", groupKey: "{}" },
    ...{ outcome: "delivered", firing: 1, resolved: 0, answer: "HTTP 200", waitedMs: 1500 },
    attempts: 2,
  };
  alerts.deliveryList = [delivery, delivery, delivery];
  const read = async (search: string) => {
    return (await (
      await fetch(`${url}/api/telltale/v1/notifications${search}`)
    ).json()) as object[];
  };
  expect(await read("?limit=2")).toHaveLength(2);
  expect(await read("?limit=bad")).toHaveLength(3);
  const { timeMs, waitedMs, ...same } = delivery;
  expect((await read(""))[0]).toEqual({
    ...{ time: "2026-01-06T11:46:40Z", waitedSeconds: 1.5 },
    ...same,
  });
  const answer = { integration: "webhook[0]", outcome: "delivered", answer: "ok", tookMs: 3 };
  alerts.answers = [answer as never];
  const tryOut = async (body: string) => {
    const headers = { "content-type": "application/json" };
    const path = `${url}/api/telltale/v1/receivers/test`;
    return await fetch(path, { method: "POST", headers, body });
  };
  expect(await (await tryOut('{"receiver":"default","createdBy":"ann"}')).json()).toEqual([
    { integration: "webhook[0]", outcome: "delivered", answer: "ok", tookSeconds: 0.003 },
  ]);
  for (const body of ['{"receiver":"none"}', "null", '{"receiver":{}}']) {
    expect((await tryOut(body)).status, body).toBe(404);
  }
});

async function readOverview(url: string): Promise<Overview> {
  return (await (await fetch(`${url}/api/telltale/v1/overview`)).json()) as Overview;
}

test("changes follow the overview that was read, in order, until it has to be read anew", async () => {
  const { url, world } = await serve();
  await readOverview(url);
  await eventually(async () => (await readOverview(url)).traces.endMs > 0);
  const { seq } = await readOverview(url);
  const response = await fetch(`${url}/api/telltale/v1/overview/changes?after=${seq}`);
  expect(response.headers.get("content-type")).toContain("text/event-stream");
  let text = "";
  for await (const chunk of response.body ?? []) {
    text += Buffer.from(chunk as Uint8Array).toString();
    const changes = [...text.matchAll(/^data: (\{.*\})$/gm)];
    if (changes.length === 2) world.names = ["a", "b"];
  }
  const seqs = [...text.matchAll(/^data: (\{.*\})$/gm)].map(([, data = ""]) => {
    return (JSON.parse(data) as OverviewChange).seq;
  });
  expect(seqs).toEqual(seqs.map((_, i) => seq + 1 + i));
  expect(text).toMatch(/event: anew\ndata: \n\n$/);
  const late = await fetch(`${url}/api/telltale/v1/overview/changes?after=${seq}`);
  expect(await late.text()).toBe("event: anew\ndata: \n\n");
});

test("a page that goes away is forgotten", async () => {
  const { url, metrics } = await serve();
  await readOverview(url);
  await eventually(async () => (await readOverview(url)).traces.endMs > 0);
  const { seq } = await readOverview(url);
  const gone = new AbortController();
  const { signal } = gone;
  await fetch(`${url}/api/telltale/v1/overview/changes?after=${seq}`, { signal });
  expect(metricTotal(metrics, "telltale_page_streams")).toBe(1);
  gone.abort();
  await eventually(() => metricTotal(metrics, "telltale_page_streams") === 0);
});
