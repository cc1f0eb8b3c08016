import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { parseDuration } from "../../shared/model/duration.ts";
import { startAlertmanager } from "../support/alertmanager.ts";
import {
  differences,
  samplesOf,
  scrapesOfChange,
  seenDifferences,
} from "../support/exporters/compare-targets.ts";
import { ExporterBed } from "../support/exporters/exporter-bed.ts";
import { EXPORTERS, missingPackages } from "../support/exporters/exporters.ts";
import { PageRecorder } from "../support/exporters/page-recorder.ts";
import { scrapeJobs } from "../support/exporters/scrape-jobs.ts";
import {
  type AskedTarget,
  type Span,
  seenAt,
  storedTarget,
  storedUntilMs,
} from "../support/exporters/stored-samples.ts";
import { Bed, eventually } from "../support/programs.ts";
import { type ShownTargets, startPrometheus } from "../support/prometheus.ts";

/** Twelve real exporters, scraped by Prometheus and by us with one file: the same samples in both stores. */

const MINUTES = Number(process.env["EXPORTER_MINUTES"] ?? 10);
const ROUTING = "route: { receiver: nobody }\nreceivers: [{ name: nobody }]\n";
const PUSHED = `# TYPE orders counter
orders_total{shop="Zürich \\"1\\"",path="C:\\\\a\\nb"} 12345678901234567890
orders_total{shop="",path="x"} -0
# TYPE load gauge
load{kind="none",team="own"} NaN
load{kind="endless"} +Inf
load{kind="small"} 4.9406564584124654e-324
# TYPE wait histogram
wait_bucket{le="0.1"} 3
wait_bucket{le="+Inf"} 4
wait_sum 0.30000000000000004
wait_count 4
`;
const PUSHED_LATER = '# TYPE load gauge\nload{kind="none"} 1e21\nlater 0.1\n';

const missing = missingPackages();
const name = `every sample of twelve exporters is the one that Prometheus has${
  missing.length === 0 ? "" : ` (skipped: apt-get install ${missing.join(" ")})`
}`;
test.skipIf(missing.length > 0)(name, { timeout: MINUTES * 60_000 + 300_000 }, async () => {
  await using exporters = await ExporterBed.open();
  await using alertmanager = await startAlertmanager(ROUTING);
  const origins = new Map([["alertmanager", alertmanager.url]]);
  for (const [one, { start }] of Object.entries(EXPORTERS)) {
    origins.set(one, await start(exporters));
  }
  const batch = `${origins.get("pushgateway")}/metrics/job/batch/instance`;
  await push(`${batch}/a`, PUSHED);
  await push(`${batch}/b`, PUSHED);
  await using recorder = await PageRecorder.open(origins);
  await using bed = await Bed.open();
  const probed = [`${alertmanager.url}/-/ready`, "http://127.0.0.1:1/"];
  const jobs = bed.write("prometheus.yml", scrapeJobs(recorder.address, probed));
  await bed.startReadyAggregator();
  const fromMs = Date.now();
  await using prometheus = await startPrometheus(jobs);
  origins.set("prometheus", prometheus.url);
  const file = bed.write("agent.yaml", `scrape_config_files: ["${jobs}"]\n`);
  bed.start("agent", [`--config=${file}`]);

  await play(MINUTES * 60_000, [
    [0.25, () => fetch(`${batch}/a`, { method: "DELETE" })],
    [0.3, () => exporters.kill("redis")],
    [0.35, () => exporters.kill("mariadb-server")],
    [0.4, () => exporters.kill("sleeper")],
    [0.5, async () => exporters.restart("redis")],
    [0.55, async () => exporters.restart("sleeper")],
    [0.6, async () => exporters.restart("mariadb-server")],
    [0.65, () => push(`${batch}/a`, PUSHED_LATER)],
    [0.7, () => push(`${batch}/b`, PUSHED_LATER)],
  ]);

  const span = { fromMs, toMs: Date.now() };
  const urls = { ours: `http://127.0.0.1:${bed.httpPort}`, theirs: prometheus.url };
  await eventually(async () => {
    const times = await Promise.all([storedUntilMs(urls.ours), storedUntilMs(urls.theirs)]);
    return Math.min(...times) > span.toMs;
  }, 120_000);
  const targets = await shownTargets(prometheus.url);
  const faults: Record<string, string[]> = {};
  for (const { name, path, timeoutMs } of targets) {
    const { prometheus: theirs, telltale: ours } = recorder.askedMs(path);
    const target = {
      ours: { name, timeoutMs, askedMs: ours },
      theirs: { name, timeoutMs, askedMs: theirs },
    };
    const compared = await compare(urls, target, span);
    console.log(name, JSON.stringify({ ...compared, faults: compared.faults.length }));
    expect(compared.scrapes, name).toBeGreaterThan(compared.late * 2);
    if (compared.faults.length > 0) faults[name] = compared.faults.slice(0, 20);
  }
  expect(faults).toEqual({});
  expect(targets).toHaveLength(15);
});

type Compared = {
  readonly scrapes: number;
  /** Scrapes that either gave up. */
  readonly late: number;
  readonly series: number;
  readonly samples: number;
  /** Scrapes in which series came or went. */
  readonly changes: number;
  readonly faults: readonly string[];
};

type Both<T> = { readonly ours: T; readonly theirs: T };

async function compare(
  urls: Both<string>,
  target: Both<AskedTarget>,
  span: Span,
): Promise<Compared> {
  const [ours, theirs] = await Promise.all([
    storedTarget(urls.ours, target.ours, span),
    storedTarget(urls.theirs, target.theirs, span),
  ]);
  const { name, askedMs } = target.ours;
  const isAsked = (n: number) =>
    Math.max(askedMs[n] ?? span.toMs, target.theirs.askedMs[n] ?? 0) < span.toMs;
  const asked = [...theirs.scrapesMs.keys()].filter((n) => ours.scrapesMs.has(n) && isAsked(n));
  const scrapes = asked.filter((n) => !ours.late.has(n) && !theirs.late.has(n));
  const faults = differences(ours, theirs, scrapes);
  const changes = scrapesOfChange(theirs, scrapes);
  for (const n of changes) {
    const [seen, expected] = await Promise.all([
      seenAt(urls.ours, name, ours.scrapesMs.get(n) ?? 0),
      seenAt(urls.theirs, name, theirs.scrapesMs.get(n) ?? 0),
    ]);
    faults.push(...seenDifferences(seen, expected).map((one) => `seen at scrape ${n}: ${one}`));
  }
  return {
    scrapes: scrapes.length,
    late: asked.length - scrapes.length,
    series: theirs.series.size,
    samples: samplesOf(theirs, scrapes),
    changes: changes.length,
    faults,
  };
}

/** Does what has to be done at parts of the time. */
async function play(
  lastsMs: number,
  events: readonly (readonly [number, () => Promise<unknown>])[],
): Promise<void> {
  const startMs = Date.now();
  for (const [part, act] of [...events, [1, async () => {}] as const]) {
    await delay(Math.max(0, startMs + part * lastsMs - Date.now()));
    await act();
  }
}

async function push(url: string, text: string): Promise<void> {
  const response = await fetch(url, { method: "PUT", body: text });
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
}

/** The targets, with where their pages are. */
async function shownTargets(url: string) {
  const response = await fetch(`${url}/api/v1/targets`);
  const { data } = (await response.json()) as { readonly data: ShownTargets };
  return data.activeTargets.map(({ labels, scrapeUrl, scrapeTimeout }) => {
    const { pathname, search } = new URL(scrapeUrl);
    const timeoutMs = parseDuration(scrapeTimeout);
    return { name: labels["target"] ?? "", path: pathname + search, timeoutMs };
  });
}
