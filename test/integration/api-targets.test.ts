import { expect, test } from "vitest";
import { createHttpServer } from "../../aggregator/api/http-server.ts";
import { runCli } from "../../cli/program.ts";
import { createApiBed, startGrpcBed } from "./api-bed.ts";

const NOW_MS = 1_767_700_100_000;

async function run(...args: string[]) {
  const { server } = await startGrpcBed();
  let output = "";
  const code = await runCli([...args, "--server", server.address], {
    write: (text) => {
      output += text;
    },
    writeError: (text) => {
      output += text;
    },
    isInteractive: false,
    environment: {},
    nowMs: () => NOW_MS,
  });
  return { code, lines: output.split("\n").slice(0, -1) };
}

async function get(path: string) {
  const server = createHttpServer({ ...createApiBed(), readiness: { isReady: () => true } });
  const response = await server.inject({ url: path });
  await server.close();
  return response.json().data;
}

test("telltale targets: those that are down first, with the error, and what else there is", async () => {
  const { code, lines } = await run("targets");
  expect(code).toBe(1);
  expect(lines).toEqual([
    "NODE  JOB   TARGET                  STATE           LAST SCRAPE   TOOK  SAMPLES  LEFT OUT     ERROR",
    "web1  app   http://gone:80/metrics  down            never                     0               gone:80: refused\\u001b[31m",
    "db1   db    http://db:9187/metrics  up, 1m 44s ago  never                     0",
    "web1  shop  http://app:80/metrics   up              1s ago       250ms        3  duplicate 2",
    "web1: 7 more are scraped and not shown",
    "web1: 5 not scraped: --state dropped",
    "web1: 1 offer: --offers",
  ]);
});

test("telltale targets of one node, one job, one state", async () => {
  const named = async (...args: string[]) => {
    const { lines } = await run("targets", ...args, "--output", "json");
    return JSON.parse(lines.join("\n")).map(({ url }: { url: string }) => url);
  };
  expect(await named("--node", "db1")).toEqual(["http://db:9187/metrics"]);
  expect(await named("--job", "app", "--state", "up")).toEqual(["http://app:80/metrics"]);
  expect(await named("--state", "down")).toEqual(["http://gone:80/metrics"]);
  expect(await named("--node", "nobody")).toEqual([]);
});

test("telltale targets --state dropped says why, and of how many nothing is said", async () => {
  const { code, lines } = await run("targets", "--state", "dropped");
  expect(code).toBe(0);
  expect(lines).toEqual([
    "NODE  NOT SCRAPED  REASON",
    "web1  shop-db      it names no port, and exposes none",
    "web1  app: off:80  relabel_configs dropped it",
    "web1: 3 more are not shown",
  ]);
});

test("telltale targets --offers says what to write", async () => {
  const { lines } = await run("targets", "--offers");
  expect(lines).toEqual([
    "NODE  LISTENS ON    BY                         LOOKS LIKE         TO SCRAPE IT, WRITE",
    "web1  0.0.0.0:9187  postgres-exporter.service  postgres_exporter  X-Telltale-Scrape=:9187/metrics",
  ]);
});

test("/api/v1/targets has Prometheus' form, and says of which node", async () => {
  const { activeTargets, droppedTargets, droppedTargetCounts } = await get("/api/v1/targets");
  expect(activeTargets[1]).toEqual({
    discoveredLabels: { __address__: "app:80", job: "app" },
    labels: { instance: "app:80", job: "shop" },
    scrapePool: "app",
    scrapeUrl: "http://app:80/metrics",
    globalUrl: "http://app:80/metrics",
    lastError: "",
    lastScrape: "2026-01-06T11:48:19Z",
    lastScrapeDuration: 0.25,
    health: "up",
    scrapeInterval: "15s",
    scrapeTimeout: "10s",
    node: "web1",
  });
  expect(activeTargets[0]).toMatchObject({ node: "db1", asOf: "2026-01-06T11:46:36Z" });
  expect(droppedTargets).toEqual([
    { discoveredLabels: { __address__: "off:80", job: "app" }, scrapePool: "app", node: "web1" },
  ]);
  expect(droppedTargetCounts).toEqual({ app: 4 });
});

test.each([
  ["state=active", 3, 0],
  ["state=dropped", 0, 1],
  ["state=ANY&scrapePool=db", 1, 0],
  ["state=none", 0, 0],
])("/api/v1/targets?%s", async (query, active, dropped) => {
  const { activeTargets, droppedTargets } = await get(`/api/v1/targets?${query}`);
  expect([activeTargets.length, droppedTargets.length]).toEqual([active, dropped]);
});

test("/api/v1/scrape_pools names the jobs", async () => {
  expect(await get("/api/v1/scrape_pools")).toEqual({ scrapePools: ["app", "db"] });
});
