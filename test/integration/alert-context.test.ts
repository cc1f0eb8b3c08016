import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { AlertContext, CONTEXT_LIMITS } from "../../aggregator/alert-context.ts";
import { DEFAULT_LOGQL_OPTIONS, LogqlEngine } from "../../aggregator/logql/engine.ts";
import { DEFAULT_LINE_LOG_OPTIONS, openLineLog } from "../../aggregator/logs/line-log.ts";
import { LineSource } from "../../aggregator/logs/line-source.ts";
import { DEFAULT_ENGINE_OPTIONS, PromqlEngine } from "../../aggregator/promql/engine.ts";
import { openSeriesStore } from "../../aggregator/series/series-store.ts";
import { ServiceNamedLines } from "../../aggregator/service-names.ts";
import { labelsOf, labelsRecord } from "../../shared/model/labels.ts";
import { seqOf } from "../../shared/model/sequence.ts";
import { openLevelStore } from "../../shared/platform/level-store.ts";
import { nodeClock } from "../../shared/platform/node.ts";
import type { KeyValueStore } from "../../shared/platform/ports.ts";
import { Metrics } from "../../shared/telemetry/metrics.ts";
import { encodeBlock } from "../../shared/wire/line-block.ts";
import { directoryForTest } from "../support/directory-for-test.ts";
import { MemoryLogger } from "../support/memory-logger.ts";
import { LokiBed } from "./loki-bed.ts";

const LIMITS = { cacheBytes: 8 * 1024 * 1024, writeBufferBytes: 4 * 1024 * 1024 };
const SERIES = {
  retentionMs: 86_400_000,
  futureLimitMs: 60_000,
  chunkMs: 60_000,
  commitDelayMs: 0,
  pause: async () => {},
};

type Sample = readonly [labels: Record<string, string>, value: number];

/** Series and lines on a disk, and the context of alerts by them. */
async function openBed() {
  const directory = directoryForTest();
  const deps = { clock: nodeClock, logger: new MemoryLogger(), metrics: new Metrics() };
  const open = <T>(name: string, load: (store: KeyValueStore) => Promise<T>) =>
    openLevelStore(join(directory, name), LIMITS, () => {}, load);
  const series = await open("series", (store) => openSeriesStore({ ...deps, store }, SERIES));
  const log = await open("logs", (store) =>
    openLineLog({ ...deps, store }, DEFAULT_LINE_LOG_OPTIONS),
  );
  onTestFinished(async () => {
    await series.close();
    await log.close();
  });
  const limits = { ...CONTEXT_LIMITS, pause: nextTurn };
  const lines = new ServiceNamedLines(new LineSource(log));
  const context = new AlertContext({
    series: new PromqlEngine(series, { ...DEFAULT_ENGINE_OPTIONS, ...limits }),
    lines: new LogqlEngine(lines, { ...DEFAULT_LOGQL_OPTIONS, ...limits }),
    ...deps,
    externalUrl: "http://t",
  });
  let blocks = 0;
  return {
    context,
    write: (timeMs: number, samples: readonly Sample[]) =>
      series.write(
        "g",
        timeMs,
        samples.map(([labels, value]) => ({ labels: labelsOf(labels), value })),
      ),
    log: async (node: string, labels: Record<string, string>, texts: readonly string[]) => {
      blocks += 1;
      const timeUs = nodeClock.nowMs() * 1000;
      const own = texts.map((text, i) => {
        return { timeUs: timeUs + i, bytes: Buffer.from(text), isCut: false };
      });
      const sources = [{ labels: labelsOf(labels), lines: own }];
      const bytes = encodeBlock(seqOf(1, blocks), nodeClock.nowMs(), sources);
      await log.commit([{ kind: "block", node, streamId: "0".repeat(32), bytes }], {});
    },
  };
}

const NODE = { job: "node", instance: "n1" };

/** What the agent of `n1` sends at a time. */
function samplesAt(agoS: number, nowMs: number, load: number): Sample[] {
  const nowS = Math.floor(nowMs / 1000);
  const t = nowS - agoS;
  const group = (command: string, container: string, cores: number, bytes: number): Sample[] => [
    [
      { __name__: "telltale_process_group_cpu_seconds_total", ...NODE, command, container },
      cores * t,
    ],
    [
      { __name__: "telltale_process_group_resident_memory_bytes", ...NODE, command, container },
      bytes,
    ],
  ];
  const web = { job: "cadvisor", instance: "n1", name: "web", image: "web:2", id: "/docker/b" };
  const isRestarted = agoS < 600;
  return [
    [{ __name__: "node_load1", ...NODE }, load],
    [{ __name__: "node_load1", ...NODE, instance: "n2" }, 99],
    ...group("mysqld", "db", 1.5, 3 * 1024 ** 3),
    ...group("cron", "", 0.25, 1024 ** 2),
    [{ __name__: "container_cpu_usage_seconds_total", ...web, cpu: "total" }, 0.5 * t],
    [{ __name__: "container_memory_working_set_bytes", ...web }, 64 * 1024 ** 2],
    [{ __name__: "container_start_time_seconds", ...web }, isRestarted ? nowS - 600 : nowS - 9000],
    [{ __name__: "node_boot_time_seconds", ...NODE }, nowS - 90_000],
    [
      { __name__: "telltale_agent_ticks_total", instance: "n1", job: "telltale-agent" },
      agoS < 300 ? 300 - agoS : 90_000 - agoS,
    ],
  ];
}

const HOSTILE = [
  'level=error msg="<script>alert(1)</script>"',
  "\u001b[31mERROR\u001b[0m red\u0000\u202e mirrored",
  `ERROR ${"y".repeat(1024 * 1024)}`,
];

test("an alert of a node with series and lines gets all parts, bounded and clean", async () => {
  const bed = await openBed();
  const nowMs = nodeClock.nowMs();
  for (let agoS = 7200; agoS >= 0; agoS -= 30) {
    await bed.write(nowMs - agoS * 1000, samplesAt(agoS, nowMs, agoS < 120 ? 9 : 1));
  }
  await bed.log("n1", { job: "containers", container: "web" }, ["all is well", ...HOSTILE]);
  await bed.log("n1", { job: "journal", unit: "db.service", level: "critical" }, ["it is gone"]);
  await bed.log("n2", { job: "containers", container: "web" }, ["ERROR of another node"]);
  const notification = {
    ...{ timeMs: nowMs, groupKey: "{}:{}", groupLabels: [] },
    alerts: [
      {
        status: "firing" as const,
        labels: labelsOf({ alertname: "Load", ...NODE, name: "web" }),
        annotations: labelsOf({ summary: "s" }),
        ...{ startsAtMs: nowMs, endsAtMs: null },
        generatorUrl: "http://t/graph?g0.expr=node_load1+%3E+5&g0.tab=1",
      },
    ],
  };
  const { signal } = new AbortController();
  await bed.context.add(notification, signal); // on a busy machine the first may be late
  const { alerts } = await bed.context.add(notification, signal);
  const found = labelsRecord(alerts[0]?.annotations ?? []);
  const time = String.raw`\d\d:\d\d:\d\dZ`;
  expect(found).toEqual({
    summary: "s",
    telltale_top_processes: "mysqld in db: 1.50 cores, 3.0 GiB\ncron: 0.25 cores, 1.0 MiB",
    telltale_top_containers: "web: 0.50 cores, 64 MiB",
    telltale_logs: expect.stringMatching(
      new RegExp(
        `^${time} web: level=error msg="<script>alert\\(1\\)</script>"\n` +
          `${time} web: ERROR red  mirrored\n${time} web: ERROR y+…\n` +
          `${time} db.service: it is gone$`,
      ),
    ),
    telltale_changes: expect.stringMatching(
      new RegExp(`^${time} container web restarted\n${time} agent restarted$`),
    ),
    telltale_sparkline: expect.stringMatching(/^▁{27,28}█{2,3} 1 to 9, last 9, in 30m$/),
    telltale_link: expect.stringMatching(/^http:\/\/t\/#\/alerts\?filter=%7Balertname/),
  });
  for (const text of Object.values(found)) {
    expect(text.split("\n").every((line) => line.length <= 200 || line.startsWith("http"))).toBe(
      true,
    );
  }
});

test("the webhook of a rule on lines gets the lines that made it fire", async () => {
  const bed = await LokiBed.start(`
groups:
  - name: shop
    interval: 200ms
    rules:
      - alert: ShopFails
        expr: sum by (service) (count_over_time({service="shop"} |= "fails" [1m])) > 0
`);
  await bed.pushLines({ service: "shop" }, [[Date.now(), "ERROR payment fails"]]);
  await expect.poll(() => bed.posted.length, { timeout: 10_000 }).toBeGreaterThan(0);
  const [first] = bed.posted as unknown as { alerts: { annotations: Record<string, string> }[] }[];
  expect(first?.alerts[0]?.annotations).toMatchObject({
    telltale_logs: expect.stringMatching(/^\d\d:\d\d:\d\dZ shop: ERROR payment fails$/),
    telltale_sparkline: expect.stringMatching(/^·{28,29}▁+ 1, last 1, in 30m$/),
  });
});
