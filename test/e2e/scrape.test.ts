import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { ContainerBed, whyNoContainers } from "../support/container-bed.ts";
import { Bed, eventually, Program } from "../support/programs.ts";
import { hasPrometheus, startPrometheus } from "../support/prometheus.ts";

type Page = { readonly type: string; readonly text: string };

const TEXT = { type: "text/plain; version=0.0.4" };
const METRICS: Page = {
  ...TEXT,
  text: `# HELP requests_total Requests.
# TYPE requests_total counter
requests_total{code="200",path="/a b\\"c\\\\d\\n"} 1027
requests_total{code="500",job="own",instance="elsewhere"} 3
# TYPE latency_seconds histogram
latency_seconds_bucket{le="0.1"} 5
latency_seconds_bucket{le="+Inf"} 7
latency_seconds_sum 1.5e-3
latency_seconds_count 7
temperature{sensor="é"} -12.75
large 18446744073709551615
zero -0
limit +Inf
quantile{quantile="0.5"} NaN
dropped_by_rule 1
secret{token="x",kept="y"} 1
`,
};
const OPEN: Page = {
  type: "application/openmetrics-text; version=1.0.0",
  text: `# TYPE jobs counter
# UNIT jobs_seconds seconds
jobs_total{kind="a"} 17.0 # {trace_id="abc"} 0.67
jobs_created{kind="a"} 1520872607.123
# TYPE build info
build_info{version="1"} 1
# EOF
`,
};

async function exporter(pages: Readonly<Record<string, Page>>): Promise<number> {
  const server = createServer((request, response) => {
    const page = pages[new URL(request.url ?? "", "http://x").pathname];
    if (page === undefined) {
      response.statusCode = 404;
      response.end();
      return;
    }
    response.setHeader("content-type", page.type);
    response.end(page.text);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

const configOf = (port: number) => `
global: { scrape_interval: 1s, scrape_timeout: 1s }
scrape_configs:
  - job_name: app
    static_configs: [{ targets: ["127.0.0.1:${port}"], labels: { team: shop } }]
    metric_relabel_configs:
      - { source_labels: [__name__], regex: dropped_.*, action: drop }
      - { regex: token, action: labeldrop }
      - { source_labels: [code], regex: (.)(.*), target_label: class, replacement: "\${1}xx" }
  - job_name: open
    metrics_path: /open
    honor_labels: true
    params: { module: [a, b] }
    static_configs: [{ targets: ["127.0.0.1:${port}"] }]
    relabel_configs:
      - { source_labels: [__address__], target_label: place, regex: "(.*):.*" }
  - job_name: missing
    metrics_path: /nothing
    static_configs: [{ targets: ["127.0.0.1:${port}"] }]
  - job_name: limited
    sample_limit: 3
    static_configs: [{ targets: ["127.0.0.1:${port}"] }]
`;

/** Series with their values, but for how long a scrape took. */
async function seriesOf(url: string): Promise<Record<string, string>> {
  const query = encodeURIComponent('{job=~"app|open|missing|limited|own"}');
  const answer = await fetch(`${url}/api/v1/query?query=${query}`);
  const { data } = (await answer.json()) as {
    data: { result: { metric: Record<string, string>; value: [number, string] }[] };
  };
  const all = data.result
    .filter(({ metric }) => metric["__name__"] !== "scrape_duration_seconds")
    .map(({ metric, value }) => [JSON.stringify(Object.entries(metric).sort()), value[1]]);
  return Object.fromEntries(all.sort());
}

const name = `the same file gives the series, labels and values that Prometheus has${
  hasPrometheus ? "" : " (skipped: no Prometheus)"
}`;
test.skipIf(!hasPrometheus).concurrent(name, async () => {
  await using bed = await Bed.open();
  const port = await exporter({ "/metrics": METRICS, "/open": OPEN });
  const jobs = bed.write("prometheus.yml", configOf(port));
  await using prometheus = await startPrometheus(jobs);
  await bed.startReadyAggregator();
  const file = bed.write("agent.yaml", `scrape_config_files: ["${jobs}"]\n`);
  bed.start("agent", [`--config=${file}`]);
  const ours = `http://127.0.0.1:${bed.httpPort}`;
  // From the second scrape on nothing is new any more.
  await eventually(async () => {
    const [a, b] = await Promise.all([seriesOf(prometheus.url), seriesOf(ours)]);
    expect(b).toEqual(a);
    expect(Object.keys(a).length).toBe(31);
    return true;
  }, 60_000);
});

const ANSWER = "HTTP/1.0 200 OK\\r\\nContent-Type: text/plain\\r\\n\\r\\norders_total 5\\n";
const SERVE = `printf '#!/bin/sh\\nprintf "${ANSWER}"\\n' > /answer; chmod +x /answer
  while :; do nc -l -p 9100 -e /answer; done`;
const ASK = ["--label=prometheus.io/scrape=true", "--label=prometheus.io/port=9100"];
/** Which of the networks each is on. */
const CONTAINERS: Readonly<Record<string, readonly string[]>> = {
  c1: ["n1"],
  c2: ["n1", "n2"],
  c3: ["n1", "n2", "n3"],
  c4: ["n3"],
  c5: ["n2", "n3"],
};

const why = whyNoContainers();
const found = `containers that ask for it are scraped once each, on however many networks, until they end${
  why === null ? "" : ` (skipped: ${why})`
}`;
test.skipIf(why !== null).concurrent(found, async () => {
  await using containers = await ContainerBed.open();
  await using bed = await Bed.open();
  const { launcher } = containers;
  await using _aggregator = new Program("aggregator", bed.aggregatorArgs(), launcher);
  const agentArgs = [...bed.agentArgs(), `--host-root=${containers.hostRoot}`];
  await using _agent = new Program("agent", agentArgs, launcher);
  /** The containers whose series this is, by the value of each. */
  const jobsOf = async (series: string, ...options: string[]) => {
    const args = [`--server=${bed.address}`, "--output=json", "query", series, ...options];
    await using cli = new Program("cli", args, launcher);
    await cli.exited();
    const { result } = JSON.parse(cli.output) as Answer;
    return Object.fromEntries(result.map(({ metric, value }) => [metric["job"], value[1]]));
  };
  await eventually(async () => (await jobsOf("up"))["node"] === "1", 60_000);
  for (const network of ["n1", "n2", "n3"]) await containers.docker("network", "create", network);
  for (const [name, [first = "", ...others]] of Object.entries(CONTAINERS)) {
    await containers.run(name, SERVE, [...ASK, `--network=${first}`]);
    for (const network of others) await containers.docker("network", "connect", network, name);
  }
  const all = Object.fromEntries(Object.keys(CONTAINERS).map((name) => [name, "5"]));
  await eventually(async () => {
    expect(await jobsOf("orders_total")).toEqual(all);
    return true;
  }, 60_000);
  const targets = await jobsOf('count by (job) (up{job=~"c[0-9]"})');
  expect(targets).toEqual({ c1: "1", c2: "1", c3: "1", c4: "1", c5: "1" });
  /** What the engine says of it, later by so much. */
  const timeOf = async (name: string, of: "StartedAt" | "FinishedAt", laterMs: number) => {
    const text = await containers.docker("inspect", `--format={{.State.${of}}}`, name);
    return `--time=${new Date(Date.parse(text.trim()) + laterMs).toISOString()}`;
  };
  for (const name of Object.keys(CONTAINERS)) {
    const soon = await timeOf(name, "StartedAt", 3000);
    expect(await jobsOf(`up{job="${name}"}`, soon), `${name} 3 s after its start`).not.toEqual({});
  }
  await containers.docker("kill", "c3");
  const { c3: _ended, ...left } = all;
  await eventually(async () => {
    expect(await jobsOf("orders_total")).toEqual(left);
    return true;
  }, 60_000);
  const ended = (laterMs: number) => timeOf("c3", "FinishedAt", laterMs);
  expect(await jobsOf('orders_total{job="c3"}', await ended(-100))).toEqual({ c3: "5" });
  expect(await jobsOf('orders_total{job="c3"}', await ended(2000))).toEqual({});
});

type Answer = {
  readonly result: readonly {
    readonly metric: Readonly<Record<string, string>>;
    readonly value: readonly [number, string];
  }[];
};
