import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { DEFAULT_BUCKETS } from "../../aggregator/logs/understand/metric-table.ts";
import { type LoadReport, NginxServer, runWrk, WRK_SCRIPT } from "../support/nginx-server.ts";
import { Bed, eventually, type Program } from "../support/programs.ts";

const missing = ["nginx", "wrk"].filter((name) => spawnSync("which", [name]).status !== 0);

/** A load of some kind, and the route that its requests have. */
const LOADS = [
  {
    route: "/users/:id",
    isSlow: false,
    count: 500,
    seconds: 3,
    paths: ["/users/17?tab=1", "/users/18"],
  },
  { route: "/broken", isSlow: false, count: 100, seconds: 2, paths: ["/broken"] },
  { route: "other", isSlow: false, count: 100, seconds: 2, paths: ["/wp-login.php", "/cgi/4711"] }, // guessed
  { route: "/queued", isSlow: true, count: 40, seconds: 5, paths: ["/queued"] },
  { route: "/large", isSlow: true, count: 2, seconds: 5, paths: ["/large"] },
];

test.skipIf(missing.length > 0)(
  "metrics of a real nginx are what its load generator counted, to the request and the bucket",
  async () => {
    await using bed = await Bed.open();
    const logs = bed.path("nginx");
    const config = bed.write(
      "agent.yaml",
      `logs:\n  files:\n    - include: ${logs}/*.log\n      labels: {service: shop}\n`,
    );
    const metrics = bed.write(
      "aggregator.yaml",
      `logs:\n  metrics:\n    - {name: posts_total, type: counter, pattern: '"POST /(?P<what>\\w+)', labels: [what]}\n`,
    );
    const configured = [`--config=${metrics}`];
    const script = bed.write("report.lua", WRK_SCRIPT);
    let aggregator: Program = await bed.startReadyAggregator(configured);
    const agent = bed.start("agent", [`--config=${config}`]);
    await bed.untilUp();
    await using nginx = await NginxServer.start(logs);
    const reports: LoadReport[] = [];
    for (const [i, load] of LOADS.entries()) {
      reports.push(await runWrk(nginx, script, load));
      if (i !== 1) continue;
      await aggregator.kill(); // what was stored and not yet acknowledged comes again
      aggregator = await bed.startReadyAggregator(configured);
    }
    expect(reports.map(({ requests }) => requests)).toEqual(LOADS.map(({ count }) => count * 4));
    const total = reports.reduce((sum, { requests }) => sum + requests, 0);
    await eventually(async () => (await numberOf(bed, "sum(http_requests_total)")) === total).catch(
      async () => expect(await numberOf(bed, "sum(http_requests_total)"), agent.errors).toBe(total),
    );
    await expectCounts(bed, reports);
    await expectDurations(bed, readFileSync(nginx.log, "utf8"), reports);
  },
);

/** By status, by route, and by method. */
async function expectCounts(bed: Bed, reports: readonly LoadReport[]) {
  const statuses: Record<string, number> = {};
  for (const report of reports) {
    for (const [status, count] of Object.entries(report.statuses)) {
      statuses[status] = (statuses[status] ?? 0) + count;
    }
  }
  expect(await valuesBy(bed, "status", "http_requests_total")).toEqual(statuses);
  const routes = Object.fromEntries(LOADS.map(({ route }, i) => [route, reports[i]?.requests]));
  expect(await valuesBy(bed, "route", "http_requests_total")).toEqual(routes);
  const posts = ((LOADS[0]?.count ?? 0) * 4) / 4;
  expect((await valuesBy(bed, "method", "http_requests_total"))["POST"]).toBe(posts);
  expect(await valuesBy(bed, "what", "posts_total")).toEqual({ users: posts });
  expect(await valuesBy(bed, "service", "http_requests_total")).toEqual({
    shop: reports.reduce((sum, { requests }) => sum + requests, 0),
  });
  expect(await valuesBy(bed, "instance", "http_requests_total")).toHaveProperty("n1");
}

/** The log says each duration; quantiles are those that the load generator measured. */
async function expectDurations(bed: Bed, log: string, reports: readonly LoadReport[]) {
  const durations = log
    .trimEnd()
    .split("\n")
    .map((line) => Number(line.split(" ").at(-1)));
  for (const le of DEFAULT_BUCKETS) {
    const selector = `http_request_duration_seconds_bucket{le="${le}"}`;
    const count = durations.filter((duration) => duration <= le).length;
    expect(await numberOf(bed, `sum(${selector})`), selector).toBe(count);
  }
  expect(await numberOf(bed, "sum(http_request_duration_seconds_count)")).toBe(durations.length);
  const sum = durations.reduce((so, duration) => so + duration, 0);
  expect(await numberOf(bed, "sum(http_request_duration_seconds_sum)")).toBeCloseTo(sum, 6);
  for (const [i, { route, isSlow }] of LOADS.entries()) {
    if (!isSlow) continue; // of quick ones much is the machine's, and not nginx'
    for (const [quantile, measured] of [
      [0.5, reports[i]?.p50 ?? 0],
      [0.9, reports[i]?.p90 ?? 0],
    ] as const) {
      const buckets = `http_request_duration_seconds_bucket{route="${route}"}`;
      const found = await numberOf(
        bed,
        `histogram_quantile(${quantile}, sum by (le) (${buckets}))`,
      );
      expect(bucketOf(found), `${quantile} of ${route}: ${found}, wrk says ${measured}`).toBe(
        bucketOf(measured),
      );
    }
  }
}

function bucketOf(seconds: number): number {
  return DEFAULT_BUCKETS.find((le) => seconds <= le) ?? Number.POSITIVE_INFINITY;
}

async function numberOf(bed: Bed, expr: string): Promise<number> {
  return (await bed.query(expr))[0]?.[1] ?? Number.NaN;
}

async function valuesBy(bed: Bed, label: string, selector: string) {
  const samples = await bed.query(`sum by (${label}) (${selector})`);
  return Object.fromEntries(samples.map(([labels, value]) => [labels[label], value]));
}
