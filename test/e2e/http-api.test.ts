import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { Bed, eventually } from "../support/programs.ts";
import { hasPrometheus, startPrometheus } from "../support/prometheus.ts";

/** What a value is made of: of a list its first element. */
function shape(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, 1).map(shape);
  if (typeof value !== "object" || value === null) return value === null ? null : typeof value;
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(fields.map(([name, field]) => [name, shape(field)]));
}

const QUERY = encodeURIComponent('prometheus_engine_query_duration_seconds{quantile="0.9"}');
const SPAN = (time: number) => `start=${time - 20}&end=${time}&step=1`;

/** Those whose data is compared as it is, and those of which the shape is. */
const SAME = (time: number) => [
  `query?query=${QUERY}&time=${time}`,
  `query?query=${QUERY}[10s]&time=${time}`,
  `query?query=scalar(sum(${QUERY}))&time=${time}`,
  `query_range?query=sum_over_time(${QUERY}[5s])&${SPAN(time)}`,
  `series?match[]=${QUERY}`,
  `series?match[]=${QUERY}&start=-292273086-05-16T16:47:06Z&end=292277025-08-18T07:12:54.999999999Z`,
  `series?match[]=${QUERY}&start=2&end=1`,
  `label/slice/values?match[]=${QUERY}`,
  "metadata?metric=prometheus_engine_query_duration_seconds",
  "query_exemplars?query=up&start=0&end=1",
  "format_query?query=sum(rate(x[5m]))by(job)",
  "alertmanagers",
  "status/walreplay",
  "alerts",
];
const ALIKE = (time: number) => [
  `query?query=${QUERY}&stats=all&time=${time}`,
  "status/buildinfo",
  "status/config",
  "status/runtimeinfo",
  "status/tsdb",
];
const REFUSED = [
  "query",
  "query?query=up(",
  "query?query=up&time=x",
  "query?query=up&timeout=x",
  "query_range?query=up&start=0&end=1",
  "query_range?query=up&start=0&end=1&step=0",
  "query_range?query=up&start=0&end=1&step=-1",
  "query_range?query=up&start=2&end=1&step=1",
  "query_range?query=up&start=0&end=100000&step=1",
  "query_range?query=up[5m]&start=0&end=1&step=1",
  "query?query=up%20*%20on()%20{__name__=~%22prometheus_http_requests_total|up%22}",
  "series",
  "series?match[]=up{",
  "labels?start=x",
  "label/9x/values",
  "format_query?query=up(",
  "query_exemplars?query=up(",
];

type Vector = { readonly result: readonly { readonly value: readonly [number, string] }[] };

test.skipIf(!hasPrometheus)(
  "answers of the HTTP API are those of a Prometheus with the same samples, to promtool too",
  async () => {
    await using bed = await Bed.open();
    await bed.startReadyAggregator();
    const own = `http://127.0.0.1:${bed.httpPort}`;
    await using other = await Bed.open();
    const config = bed.write(
      "prometheus.yml",
      `global: { scrape_interval: 500ms }
remote_write:
  - url: "${own}/api/v1/write"
    queue_config: { batch_send_deadline: 100ms }
    metadata_config: { send_interval: 1s }
scrape_configs: [{ job_name: prometheus, static_configs: [{ targets: ["127.0.0.1:${other.httpPort}"] }] }]
`,
    );
    await using prometheus = await startPrometheus(config, [], other.httpPort);
    const ask = async (url: string, path: string) => {
      const response = await fetch(`${url}/api/v1/${path}`);
      const body = await response.json();
      const { status, data, errorType } = body as Record<string, unknown>;
      return { code: response.status, status, data, errorType };
    };
    const arrived = async (time: number) => {
      const count = `query?query=count_over_time(up[1h])&time=${time}`;
      const counts = [own, prometheus.url].map(async (url) => {
        const { data } = (await ask(url, count)) as { readonly data: Vector };
        return Number(data.result[0]?.value[1]);
      });
      const [mine, its] = await Promise.all(counts);
      return Number(its) > 10 && mine === its;
    };
    let time = 0;
    await eventually(async () => {
      time = Math.floor(Date.now() / 1000);
      return await arrived(time - 1);
    }, 60_000);
    time -= 1;
    const metadata = "metadata?metric=prometheus_engine_query_duration_seconds";
    await eventually(async () => JSON.stringify((await ask(own, metadata)).data) !== "{}", 60_000);
    for (const path of SAME(time)) {
      expect(await ask(own, path), path).toEqual(await ask(prometheus.url, path));
    }
    for (const path of ALIKE(time)) {
      const [mine, its] = [await ask(own, path), await ask(prometheus.url, path)];
      expect(shape(mine), path).toEqual(shape(its));
    }
    const refusals = async (url: string) =>
      await Promise.all(REFUSED.map(async (path) => [path, await ask(url, path)]));
    expect(await refusals(own)).toEqual(await refusals(prometheus.url));
    await samePromtool(own, prometheus.url, time);
    await sameFederation(own, prometheus.url);
  },
);

async function samePromtool(own: string, its: string, time: number) {
  const query = decodeURIComponent(QUERY);
  const commands: ((url: string) => string[])[] = [
    (url) => ["instant", `--time=${time}`, url, query],
    (url) => ["range", `--start=${time - 5}`, `--end=${time}`, "--step=1s", url, query],
    (url) => ["series", `--match=${query}`, url],
    (url) => ["labels", url, "slice"],
  ];
  for (const command of commands) {
    const run = async (url: string) =>
      (await promisify(execFile)("promtool", ["query", ...command(url)])).stdout;
    const [mine, others] = [await run(own), await run(its)];
    expect(mine.length).toBeGreaterThan(10);
    expect(mine.split("\n").sort()).toEqual(others.split("\n").sort());
  }
}

/** Samples go on, so that values and times are left out. */
async function sameFederation(own: string, its: string) {
  const selector = '{__name__=~"prometheus_(http_requests|build).*|up"}';
  const run = async (url: string) => {
    const response = await fetch(`${url}/federate?match[]=${encodeURIComponent(selector)}`);
    const lines = (await response.text()).split("\n").map((line) => line.replace(/ \S+ \d+$/, ""));
    return [
      response.status,
      response.headers.get("content-type"),
      lines.filter((line) => !line.includes('handler="/')),
    ];
  };
  expect(await run(own)).toEqual(await run(its));
}
