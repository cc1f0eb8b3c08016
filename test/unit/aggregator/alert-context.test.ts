import { Readable } from "node:stream";
import { expect, test } from "vitest";
import {
  AlertContext,
  type AlertContextDeps,
  CONTEXT_LIMITS,
} from "../../../aggregator/alert-context.ts";
import { DEFAULT_LOGQL_OPTIONS, LogqlEngine } from "../../../aggregator/logql/engine.ts";
import type { LogSource, LogStream, TimeRange } from "../../../aggregator/model/log-lines.ts";
import type { Notification, NotifiedAlert } from "../../../aggregator/model/notification.ts";
import type { SampleSource } from "../../../aggregator/promql/context.ts";
import { DEFAULT_ENGINE_OPTIONS, PromqlEngine } from "../../../aggregator/promql/engine.ts";
import type { SeriesColumns } from "../../../shared/model/columns.ts";
import { labelsOf, labelsRecord } from "../../../shared/model/labels.ts";
import { Metrics } from "../../../shared/telemetry/metrics.ts";
import { FAKE_START_MS, FakeClock } from "../../support/fake-clock.ts";
import { MemoryLogger } from "../../support/memory-logger.ts";
import { metricTotal } from "../../support/metric-total.ts";

const SIGNAL = new AbortController().signal;
const LINK = "http://t/graph?g0.expr=load+%3E+5&g0.tab=1";

function alert(instance: string, more: Partial<NotifiedAlert> = {}): NotifiedAlert {
  return {
    status: "firing",
    labels: labelsOf({ alertname: "Load", instance }),
    annotations: labelsOf({ summary: "s" }),
    startsAtMs: FAKE_START_MS,
    endsAtMs: null,
    generatorUrl: LINK,
    ...more,
  };
}

function notification(...alerts: readonly NotifiedAlert[]): Notification {
  return { timeMs: FAKE_START_MS, groupKey: "{}:{}", groupLabels: [], alerts };
}

class Bed {
  readonly clock = new FakeClock();
  readonly metrics = new Metrics();
  readonly logger = new MemoryLogger();
  asked = 0;
  select: SampleSource["select"] = async () => [];
  selectLines: (range: TimeRange) => Promise<readonly LogStream[]> = async () => [];
  readonly context: AlertContext;

  constructor() {
    const samples: SampleSource = {
      select: (...query) => {
        this.asked += 1;
        return this.select(...query);
      },
    };
    const lines: LogSource = { select: (_, range) => this.selectLines(range) };
    const { clock, metrics, logger } = this;
    const deps: AlertContextDeps = {
      series: new PromqlEngine(samples, { ...DEFAULT_ENGINE_OPTIONS, ...CONTEXT_LIMITS }),
      lines: new LogqlEngine(lines, { ...DEFAULT_LOGQL_OPTIONS, ...CONTEXT_LIMITS }),
      ...{ clock, metrics, logger, externalUrl: "http://t" },
    };
    this.context = new AlertContext(deps);
  }

  /** Resolves to the annotations of each alert, and how long it took. */
  async add(about: Notification, signal = SIGNAL) {
    const beginMs = this.clock.monotonicMs();
    let doneMs = Number.NaN;
    const adding = this.context.add(about, signal).then((result) => {
      doneMs = this.clock.monotonicMs();
      return result;
    });
    await this.clock.advanceWhile(10_000, () => Number.isNaN(doneMs));
    const { alerts } = await adding;
    return {
      tookMs: doneMs - beginMs,
      annotations: alerts.map((one) => labelsRecord(one.annotations)),
    };
  }
}

/** A sample a minute of the value, up to now. */
function loadOf(instance: string, value: (minutesAgo: number) => number): SeriesColumns {
  const times = Float64Array.from({ length: 30 }, (_, i) => FAKE_START_MS - (29 - i) * 60_000);
  const values = times.map((_, i) => value(29 - i));
  return { labels: labelsOf({ __name__: "load", instance }), times, values };
}

test("a question that hangs delays no message by more than 300 ms, and the others are answered", async () => {
  const bed = new Bed();
  bed.selectLines = () => new Promise(() => {});
  bed.select = async ([first, ...more]) => {
    const isLoad = [first, ...more].some((one) => one?.value === "load");
    return isLoad ? [loadOf("n1", (ago) => (ago < 2 ? 9 : 1))] : [];
  };
  const { tookMs, annotations } = await bed.add(notification(alert("n1")));
  expect(tookMs).toBe(300);
  expect(annotations).toEqual([
    {
      summary: "s",
      telltale_sparkline: `${"▁".repeat(28)}██ 1 to 9, last 9, in 30m`,
      telltale_link: "http://t/#/alerts?filter=%7Balertname%3D%22Load%22%2Cinstance%3D%22n1%22%7D",
    },
  ]);
  expect(metricTotal(bed.metrics, "telltale_alert_context_missing_total")).toBe(1);
});

test("where every question hangs the message goes as it is, but for its link", async () => {
  const bed = new Bed();
  bed.select = () => new Promise(() => {});
  bed.selectLines = () => new Promise(() => {});
  const { tookMs, annotations } = await bed.add(notification(alert("n1"), alert("n2")));
  expect(tookMs).toBe(300);
  expect(annotations.flatMap((one) => Object.keys(one))).toEqual([
    ...["summary", "telltale_link"],
    ...["summary", "telltale_link"],
  ]);
});

test("a failure costs the message nothing but that text", async () => {
  const bed = new Bed();
  bed.select = () => Promise.reject(new TypeError("a bug"));
  bed.selectLines = () => Promise.reject(new TypeError("another"));
  const { tookMs, annotations } = await bed.add(notification(alert("n1")));
  expect(tookMs).toBe(0);
  expect(Object.keys(annotations[0] ?? {})).toEqual(["summary", "telltale_link"]);
  expect(bed.logger.lines.length).toBeGreaterThan(0);
});

test("the first five alerts that fire get it, and no resolved one", async () => {
  const bed = new Bed();
  const ended = alert("n0", { status: "resolved", endsAtMs: FAKE_START_MS });
  const firing = ["n1", "n2", "n3", "n4", "n5", "n6"].map((instance) => alert(instance));
  const { annotations } = await bed.add(notification(ended, ...firing));
  expect(annotations.map((one) => "telltale_link" in one)).toEqual([
    ...[false, true, true, true],
    ...[true, true, false],
  ]);
  const over = notification(ended);
  expect(await bed.context.add(over, SIGNAL)).toBe(over);
});

test("within a minute all messages say the same; later they say what is newer", async () => {
  const bed = new Bed();
  let last = 9;
  bed.select = async (matchers) =>
    matchers.some(({ value }) => value === "load") ? [loadOf("n1", (ago) => (ago ? 1 : last))] : [];
  const told = async () => {
    const { annotations } = await bed.add(notification(alert("n1")));
    return annotations[0]?.["telltale_sparkline"]?.slice(29);
  };
  expect(await told()).toBe("█ 1 to 9, last 9, in 30m");
  const { asked } = bed;
  last = 5;
  await bed.clock.advance(50_000);
  expect(await told()).toBe("█ 1 to 9, last 9, in 30m");
  expect(bed.asked).toBe(asked);
  await bed.clock.advance(10_000);
  expect(await told()).toContain("last 5");
  bed.select = () => new Promise(() => {});
  await bed.clock.advance(60_000);
  expect(await told()).toContain("last 5"); // the one before is better than none
});

test("an answer that came too late for one message is there for the next", async () => {
  const bed = new Bed();
  bed.select = async (matchers) => {
    await bed.clock.sleep(400);
    return matchers.some(({ value }) => value === "load") ? [loadOf("n1", () => 7)] : [];
  };
  const first = await bed.add(notification(alert("n1")));
  expect(first.annotations[0]).not.toHaveProperty("telltale_sparkline");
  await bed.clock.advance(2000);
  const second = await bed.add(notification(alert("n1")));
  expect(second.tookMs).toBe(0);
  expect(second.annotations[0]).toHaveProperty("telltale_sparkline");
});

test("a rule over all nodes reads the series of the alert's node alone", async () => {
  const bed = new Bed();
  const nodes = new Set<string>();
  bed.select = async (matchers) => {
    nodes.add(matchers.find(({ name }) => name === "instance")?.value ?? "all");
    return [];
  };
  await bed.add(notification(alert("n1")));
  expect([...nodes]).toEqual(["n1"]);
});

test("an alert that was posted from outside is told as it was posted", async () => {
  const bed = new Bed();
  bed.select = async () => [loadOf("n1", () => 7)];
  const generatorUrl = LINK.replace("http://t", "http://elsewhere");
  const { annotations } = await bed.add(notification(alert("n1", { generatorUrl })));
  expect(Object.keys(annotations[0] ?? {}).filter((name) => name.startsWith("telltale_"))).toEqual(
    [],
  );
});

test("a message whose loop has ended does not wait", async () => {
  const bed = new Bed();
  bed.selectLines = () => new Promise(() => {});
  const { tookMs } = await bed.add(notification(alert("n1")), AbortSignal.abort());
  expect(tookMs).toBe(0);
});

test("in a storm no more than a few questions run at once", async () => {
  const bed = new Bed();
  let [running, most] = [0, 0];
  bed.selectLines = async () => {
    running += 1;
    most = Math.max(most, running);
    await bed.clock.sleep(100);
    running -= 1;
    return [];
  };
  const storm = Array.from({ length: 200 }, (_, i) =>
    bed.context.add(notification(alert(`n${i}`)), new AbortController().signal),
  );
  await bed.clock.advance(1000);
  await Promise.all(storm);
  expect(most).toBeGreaterThan(1);
  expect(most).toBeLessThanOrEqual(32);
});

test("of a log too busy to be read through, the newest lines are there", async () => {
  const bed = new Bed();
  const newestUs = FAKE_START_MS * 1000;
  bed.selectLines = async ({ startUs, endUs }) => {
    const isNewest = startUs <= newestUs && newestUs < endUs;
    const error = { timeUs: newestUs, line: "boom", metadata: ["detected_level", "error"] };
    const usual = { timeUs: endUs - 1, line: "usual", metadata: ["detected_level", "info"] };
    const entries = [isNewest ? [error] : Array.from({ length: 30_000 }, () => usual)];
    const labels = labelsOf({ instance: "n1", container: "web" });
    return [{ labels, frontUs: endUs - 1, entries: Readable.from(entries) }];
  };
  const { annotations } = await bed.add(notification(alert("n1")));
  expect(annotations[0]?.["telltale_logs"]).toBe("12:00:00Z web: boom");
});
