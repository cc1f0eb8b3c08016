import { describe, expect, test } from "vitest";
import { BodyRoom } from "../../../agent/model/body-room.ts";
import { TargetBook } from "../../../agent/model/target-book.ts";
import { readScrapeConfigs } from "../../../agent/scrape/config/read-scrape-configs.ts";
import type { ScrapeConfig } from "../../../agent/scrape/config/scrape-config.ts";
import type { Found } from "../../../agent/scrape/discovery/container-targets.ts";
import { Scraper } from "../../../agent/scrape/scraper.ts";
import type { PageAnswer, PageRequest } from "../../../agent/scrape/target-loop.ts";
import { OperationalError } from "../../../shared/errors.ts";
import { labelsOf } from "../../../shared/model/labels.ts";
import { Metrics } from "../../../shared/telemetry/metrics.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { MemoryLogger } from "../../support/memory-logger.ts";
import { metricTotal } from "../../support/metric-total.ts";
import { TableSink } from "../../support/table-sink.ts";

type Page = string | Partial<PageAnswer> | Error | "hangs";

/** A second before a scrape of a job with an interval of 2 s is due. */
const STARTED_MS = 1_767_700_801_000;

class Scene {
  readonly clock = new FakeClock(STARTED_MS);
  readonly sink = new TableSink();
  readonly metrics = new Metrics();
  readonly logger = new MemoryLogger();
  readonly book = new TargetBook();
  readonly requests: PageRequest[] = [];
  readonly bodies = new BodyRoom();
  readonly scraper: Scraper;
  readonly found = { jobName: "containers", changes: 0, find: () => this.asked };
  asked: Found = { groups: [], refused: [] };
  page: (url: string) => Page = () => "";
  /** Until a page comes. */
  takesMs = 0;
  takesRoom = async (_request: PageRequest) => {};

  constructor(lines: string) {
    this.scraper = new Scraper(configsOf(lines), {
      ...{ clock: this.clock, random: () => 0.25, logger: this.logger, metrics: this.metrics },
      sink: this.sink,
      found: [this.found],
      targets: this.book.open(labelsOf({ zone: "a" })),
      getPage: (request, signal) => this.#get(request, signal),
      bodies: this.bodies,
      discovery: {
        files: { list: async () => [], mark: async () => null, read: async () => "" },
        get: async () => ({ status: 404, contentType: "", body: "" }),
      },
    });
  }

  async #get(request: PageRequest, signal: AbortSignal): Promise<PageAnswer> {
    this.requests.push(request);
    await this.takesRoom(request);
    if (this.takesMs > 0) await this.clock.sleep(this.takesMs, signal);
    const page = this.page(request.url);
    if (page === "hangs") {
      await new Promise((_, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
      });
    }
    if (page instanceof Error) throw page;
    const body = Buffer.from(typeof page === "string" ? page : "");
    const answer = typeof page === "string" ? {} : page;
    return { status: 200, contentType: "text/plain; version=0.0.4", body, ...answer };
  }

  /** Seconds with a tick at the end of each. */
  async run(seconds: number): Promise<void> {
    for (let i = 0; i < seconds; i += 1) {
      await this.clock.advance(1000);
      this.scraper.tick();
    }
  }

  /** Values of a series, null where it ended. */
  values(key: string): (number | null)[] | undefined {
    return this.sink.series.get(key)?.samples.map(([, value]) => value);
  }
}

function configsOf(lines: string): readonly ScrapeConfig[] {
  const text = `scrape_configs:\n- job_name: app\n  scrape_interval: 2s\n  scrape_timeout: 1s\n  static_configs: [{ targets: ["app:80"] }]\n${lines}`;
  const { configs, faults } = readScrapeConfigs({ path: "/a.yaml", text }, () => []);
  expect(faults).toEqual([]);
  return configs;
}

const FAST =
  "- job_name: fast\n  scrape_interval: 1s\n  scrape_timeout: 1s\n  static_configs: [{ targets: ['fast:80'] }]\n";
const OF = "{instance:app:80,job:app}";

test("a page becomes series with the target's labels, and what is said of the scrape", async () => {
  const scene = new Scene("");
  scene.page = () => '# TYPE a counter\na 1\nb{x="y",job="own"} 2.5\n';
  await scene.run(4);
  expect(scene.values(`a${OF}`)).toEqual([1, 1]);
  expect(scene.values("b{exported_job:own,instance:app:80,job:app,x:y}")).toEqual([2.5, 2.5]);
  expect(scene.values(`up${OF}`)).toEqual([1, 1]);
  expect(scene.values(`scrape_samples_scraped${OF}`)).toEqual([2, 2]);
  expect(scene.values(`scrape_samples_post_metric_relabeling${OF}`)).toEqual([2, 2]);
  expect(scene.values(`scrape_series_added${OF}`)).toEqual([2, 0]);
  const times = scene.sink.series.get(`a${OF}`)?.samples.map(([ms]) => ms - STARTED_MS);
  expect(times).toEqual([950, 2950]); // just before the ticks, to 50 ms
  expect(scene.requests[0]?.headers["accept"]).toContain("openmetrics");
  expect(scene.requests[0]?.headers["x-prometheus-scrape-timeout-seconds"]).toBe("1");
});

test("what a page has no more ends, and all ends when the target does not answer", async () => {
  const scene = new Scene("");
  const pages: Page[] = [
    "a 1\nb 1\n",
    "a 2\n",
    new OperationalError("UNAVAILABLE", "away"),
    "a 3\n",
  ];
  scene.page = () => pages.shift() ?? "hangs";
  await scene.run(10);
  expect(scene.values(`a${OF}`)).toEqual([1, 2, null, 3, null]);
  expect(scene.values(`b${OF}`)?.slice(0, 2)).toEqual([1, null]);
  expect(scene.values(`up${OF}`)).toEqual([1, 1, 0, 1, 0]);
  expect(scene.logger.messages()).toEqual([
    "cannot scrape",
    "cannot scrape: works again",
    "cannot scrape",
  ]);
});

test.each<[string, string, Page]>([
  ["a page that cannot be read", "", "a 1\nb\n"],
  ["an answer that is no success", "", { status: 500 }],
  ["more samples than sample_limit", "  sample_limit: 1\n", "a 1\nb 1\n"],
  ["a label that is too long", "  label_value_length_limit: 8\n", 'a{x="123456789"} 1\n'],
  [
    "labels that leave no room for the agent's own",
    "",
    `a{${Array.from({ length: 46 }, (_, i) => `l${i}="1"`).join(",")}} 1\n`,
  ],
  ["too many labels, the target's included", "  label_limit: 3\n", 'a{x="1"} 1\n'],
  [
    "series without a name",
    "  metric_relabel_configs: [{ action: labeldrop, regex: __name__ }]\n",
    "a 1\n",
  ],
])("a scrape is refused as a whole: %s", async (_what, lines, page) => {
  const scene = new Scene(lines);
  const pages: Page[] = [page, page, "a 7\n"];
  scene.page = () => pages.shift() ?? "";
  await scene.run(4);
  expect(scene.values(`up${OF}`)).toEqual([0, 0]);
  expect(scene.values(`a${OF}`) ?? []).toEqual([]);
  if (lines.includes("labeldrop")) return;
  await scene.run(2);
  expect(scene.values(`up${OF}`)).toEqual([0, 0, 1]);
});

test("relabelling drops and renames; of two that become one the first stands", async () => {
  const scene = new Scene(`  metric_relabel_configs:
  - { source_labels: [__name__], regex: dropped, action: drop }
  - { regex: shard, action: labeldrop }
`);
  scene.page = () => 'dropped 1\na{shard="1"} 1\na{shard="2"} 2\n';
  await scene.run(2);
  expect(scene.values(`a${OF}`)).toEqual([1]);
  expect(scene.values(`dropped${OF}`)).toBeUndefined();
  expect(scene.values(`scrape_samples_scraped${OF}`)).toEqual([3]);
  expect(scene.values(`scrape_samples_post_metric_relabeling${OF}`)).toEqual([2]);
  expect(scene.values(`scrape_series_added${OF}`)).toEqual([2]);
});

test("of series that relabelling makes one the next is taken when the first goes", async () => {
  const scene = new Scene("  metric_relabel_configs: [{ regex: shard, action: labeldrop }]\n");
  const [one, two, three] = ['a{shard="1"} 1\n', 'a{shard="2"} 2\n', 'a{shard="3"} 3\n'];
  const pages = [one + two + three, two + three, three, two + three, "b 1\n", two];
  scene.page = () => pages.shift() ?? "";
  await scene.run(12);
  expect(scene.values(`a${OF}`)).toEqual([1, 2, 3, 3, null, 2]);
  const kept = scene.values(`scrape_samples_post_metric_relabeling${OF}`);
  expect(kept).toEqual([3, 2, 1, 2, 1, 1]); // as Prometheus counts them
});

test("what was over sample_limit counts as added when it is taken", async () => {
  const scene = new Scene("  sample_limit: 2\n");
  const pages = ["a 1\nb 1\nc 1\nd 1\n", "a 1\nb 1\nc 1\n", "a 1\nc 1\n", "a 1\nc 1\n", "e 1\n"];
  scene.page = () => pages.shift() ?? "";
  await scene.run(10);
  expect(scene.values(`up${OF}`)).toEqual([0, 0, 1, 1, 1]);
  expect(scene.values(`scrape_series_added${OF}`)).toEqual([2, 0, 1, 0, 1]);
});

test("honor_labels leaves a sample its own labels", async () => {
  const scene = new Scene("  honor_labels: true\n");
  scene.page = () => 'a{job="own",instance="x"} 1\n';
  await scene.run(2);
  expect(scene.values("a{instance:x,job:own}")).toEqual([1]);
});

test("counts travel as integers until a value is none, and the series goes on", async () => {
  const scene = new Scene("");
  const pages = ["a 1\n", "a 2.5\n", "a 3\n", "a NaN\n"];
  scene.page = () => pages.shift() ?? "";
  await scene.run(2);
  expect(scene.sink.series.get(`a${OF}`)?.scale).toBe(0);
  await scene.run(6);
  expect(scene.sink.series.get(`a${OF}`)?.scale).toBe(-1);
  const values = scene.values(`a${OF}`)?.filter((value) => value !== null);
  expect(values).toEqual([1, 2.5, 3, Number.NaN]);
});

test("samples with times of their own keep them, and are not told twice", async () => {
  const scene = new Scene("");
  const early = STARTED_MS - 60_000;
  const pages = [
    `a 1 ${early}\nb 5\n`,
    `a 1 ${early}\nb 5\n`,
    `a 2 ${early + 30_000}\nb 5\n`,
    "b 5\n",
  ];
  scene.page = () => pages.shift() ?? "";
  await scene.run(8);
  expect(scene.sink.series.get(`a${OF}`)?.samples.slice(0, 2)).toEqual([
    [early, 1],
    [early + 30_000, 2],
  ]);
  expect(scene.values(`b${OF}`)).toEqual([5, 5, 5, 5]);
});

describe("a series with times of its own that a page leaves out, or whose target fails,", () => {
  const early = STARTED_MS - 60_000;
  const play = async (lines: string) => {
    const scene = new Scene(lines);
    const pages = [
      `a 1 ${early}\nb 1 ${early}\n`,
      `a 2 ${early + 1000}\n`,
      "",
      `b 2 ${early + 2000}\n`,
    ];
    scene.page = () => pages.shift() ?? "no page";
    await scene.run(12);
    const samples = (name: string) => scene.sink.series.get(`${name}${OF}`)?.samples;
    return { scene, a: samples("a"), b: samples("b") };
  };

  test("does not end, and goes on when it is back", async () => {
    const { scene, a, b } = await play("");
    expect(a).toEqual([
      [early, 1],
      [early + 1000, 2],
    ]);
    expect(b).toEqual([
      [early, 1],
      [early + 2000, 2],
    ]);
    await scene.run(300);
    expect(scene.sink.series.get(`a${OF}`)?.samples.at(-1)).toEqual([early + 1000, 2]);
    scene.page = () => "c 1\n";
    await scene.run(4);
    expect(scene.sink.series.get(`a${OF}`)?.samples.at(-1)?.[1]).toBeNull(); // given back
  });

  test("ends with it where the job says so", async () => {
    const { a, b } = await play("  track_timestamps_staleness: true\n");
    expect(a?.map(([, value]) => value)).toEqual([1, 2, null]);
    expect(b?.map(([, value]) => value)).toEqual([1, null, 2, null]);
  });
});

test("samples from next year are left out and counted, and those of a clock that is a bit fast are taken", async () => {
  const scene = new Scene("");
  const nextYear = STARTED_MS + 365 * 86_400_000;
  scene.page = () => `a 1 ${nextYear}\nb 2 ${STARTED_MS + 300_000}\nc 3\n`;
  await scene.run(2);
  expect(scene.values(`a${OF}`)).toBeUndefined();
  expect(scene.sink.series.get(`b${OF}`)?.samples).toEqual([[STARTED_MS + 950, 2]]);
  expect(scene.values(`c${OF}`)).toEqual([3]);
  expect(scene.values(`up${OF}`)).toEqual([1]);
  expect(metricTotal(scene.metrics, "ahead")).toBe(1);
});

test("a page that takes long is asked for sooner, so that the tick has it", async () => {
  const scene = new Scene("");
  scene.page = () => "a 1\n";
  scene.takesMs = 200;
  await scene.run(6);
  const times = scene.sink.series.get(`a${OF}`)?.samples.map(([ms]) => ms - STARTED_MS);
  expect(times).toEqual([950, 2650, 4650]); // the first was too late for its tick
});

test("a target that was late for a tick is not late for all that follow", async () => {
  const scene = new Scene(FAST);
  const takenMs = new Map<number, number>();
  scene.page = () => "a 1\n";
  scene.takesMs = 200;
  const key = "a{instance:fast:80,job:fast}";
  for (let tick = 1; tick <= 30; tick += 1) {
    await scene.run(1);
    if (tick === 1) scene.takesMs = 10;
    const [ms = 0] = scene.sink.series.get(key)?.samples.at(-1) ?? [];
    if (!takenMs.has(ms)) takenMs.set(ms, STARTED_MS + tick * 1000);
  }
  const lateness = [...takenMs].map(([ms, tickMs]) => tickMs - ms);
  expect(Math.min(...lateness.slice(2, 8))).toBeGreaterThan(1000);
  expect(Math.max(...lateness.slice(-10))).toBeLessThan(100);
  expect(lateness.length).toBeGreaterThanOrEqual(28);
});

test("without honor_timestamps they have the scrape's time", async () => {
  const scene = new Scene("  honor_timestamps: false\n");
  scene.page = () => "a 1 5\n";
  await scene.run(2);
  expect(scene.sink.series.get(`a${OF}`)?.samples).toEqual([[STARTED_MS + 950, 1]]);
});

test("a target that hangs costs only itself", async () => {
  const lines =
    '  - job_name: other\n    scrape_interval: 2s\n    scrape_timeout: 1s\n    static_configs: [{ targets: ["other:80"] }]\n';
  const scene = new Scene(lines.replaceAll(/^ {2}/gm, ""));
  scene.page = (url) => (url.includes("app:80") ? "hangs" : "a 1\n");
  await scene.run(4);
  expect(scene.values("a{instance:other:80,job:other}")).toEqual([1, 1]);
  expect(scene.values(`up${OF}`)).toEqual([0, 0]);
});

test("a target that comes late is read twice in one tick by none", async () => {
  const scene = new Scene("");
  scene.page = () => "a 1\n";
  await scene.clock.advance(6000); // three scrapes, and no tick
  expect(scene.values(`a${OF}`)).toEqual([1]);
  await scene.run(4);
  expect(scene.values(`a${OF}`)?.length).toBeGreaterThanOrEqual(3);
});

test("all series end, and all groups are given back, when nothing is scraped any more", async () => {
  const scene = new Scene("");
  scene.page = () => `a 1\nb 2 ${STARTED_MS}\n`;
  await scene.run(2);
  expect(scene.sink.groups).toBe(2);
  scene.scraper.close();
  await scene.run(1);
  expect(scene.sink.groups).toBe(0);
  for (const { samples } of scene.sink.series.values()) expect(samples.at(-1)?.[1]).toBeNull();
});

test("targets that are found are scraped soon, and end when they are no more", async () => {
  const scene = new Scene("");
  scene.page = (url) => (url.includes("shop") ? "a 1\n" : "");
  const labels = { __address__: "shop:9100", instance: "n1:9100", job: "shop" };
  scene.asked = {
    groups: [{ targets: [labelsOf(labels)], labels: [] }],
    refused: [{ subject: "db", reason: "it names no port" }],
  };
  await scene.run(1);
  scene.found.changes += 1;
  await scene.run(2);
  const key = "a{instance:n1:9100,job:shop}";
  expect(scene.values(key)).toEqual([1]);
  scene.asked = { groups: [], refused: [] };
  scene.found.changes += 1;
  await scene.run(2);
  expect(scene.values(key)).toEqual([1, null]);
  expect(scene.logger.lines).toContainEqual({
    level: "warn",
    fields: { refusal: "db: it names no port" },
    message: "not scraped",
  });
});

test("what is left out of a page is counted", async () => {
  const scene = new Scene("");
  scene.page = () => "a 1\na 2\nb 1\n";
  await scene.run(2);
  expect(scene.values(`a${OF}`)).toEqual([1]);
  expect(metricTotal(scene.metrics, "duplicate")).toBe(1);
});

test("where there is no room for a target the others go on", async () => {
  const scene = new Scene("");
  scene.sink.groupsMax = 1;
  scene.page = () => `a 1 ${STARTED_MS}\n`;
  await scene.run(2);
  expect(scene.values(`up${OF}`)).toEqual([0]);
});

test("a page that says what failed is taken, and its target is shown as down with that", async () => {
  const scene = new Scene("");
  scene.page = () => ({ body: Buffer.from("probe_success 0\n"), finding: "refused" });
  await scene.run(3);
  const shown = () => [...scene.book.lists].flatMap(({ entries }) => [...entries]);
  expect(shown().map(({ health, error }) => ({ health, error }))).toEqual([
    { health: "down", error: "refused" },
  ]);
  expect(scene.values(`up${OF}`)?.at(-1)).toBe(1);
  scene.page = () => "probe_success 1\n";
  await scene.run(3);
  expect(shown()[0]?.health).toBe("up");
});

test("a page that came too late gives back its room", { timeout: 5000 }, async () => {
  const scene = new Scene("");
  scene.takesRoom = async ({ lease }) => {
    while (lease.bytes < 64 * 1024 ** 2) await lease.grow();
    await new Promise(() => {}); // it does not hear that its time is over
  };
  await scene.run(9);
  expect(scene.requests.length).toBeGreaterThanOrEqual(4);
  scene.scraper.close();
  await scene.run(1);
  const next = scene.bodies.lease();
  while (next.bytes < 64 * 1024 ** 2) await next.grow();
  expect(next.isWaiting).toBe(false);
});

test("a page that found no room in its time says so", async () => {
  const scene = new Scene("");
  const held = scene.bodies.lease();
  while (held.bytes < 64 * 1024 ** 2) await held.grow();
  scene.takesRoom = async ({ lease }) => {
    while (lease.bytes < 64 * 1024 ** 2) await lease.grow();
  };
  await scene.run(4);
  const [entry] = [...(scene.book.lists[Symbol.iterator]().next().value?.entries ?? [])];
  expect(entry?.error).toMatch(/^No room within 1000 ms for an answer over 8388608 bytes/);
});
