import { expect, test } from "vitest";
import type { OneSeries } from "../../../agent/receive/pushed-one.ts";
import type { Reading, Sender } from "../../../agent/receive/pushed-sender.ts";
import { PushedSeries } from "../../../agent/receive/pushed-series.ts";
import { labelsOf } from "../../../shared/model/labels.ts";
import { Metrics } from "../../../shared/telemetry/metrics.ts";
import { TableSink } from "../../support/table-sink.ts";

const START_MS = 1_700_000_000_000;

/** A sender whose samples are written as { name: value }. */
class Bed {
  nowMs = START_MS;
  sink = new TableSink();
  readonly metrics = new Metrics();
  readonly pushed: PushedSeries;
  readonly sender: Sender;

  constructor(limits = { senders: 10, series: 100 }) {
    const clock = { nowMs: () => this.nowMs, monotonicMs: () => this.nowMs };
    this.pushed = new PushedSeries("test", this.sink, limits, { clock, metrics: this.metrics });
    const sender = this.pushed.sender("app");
    if (sender === null) throw new Error("no room for a sender");
    this.sender = sender;
  }

  one(name: string, isHeld = false): OneSeries {
    const one = this.sender.series(labelsOf({ __name__: name }), isHeld);
    if (typeof one === "string") throw new Error(one);
    return one;
  }

  /** @param atMs from the start on */
  take(values: Record<string, number | null>, atMs: number, isHeld = false): Reading | null {
    const series = Object.keys(values).map((name) => this.one(name, isHeld));
    return this.sender.take({ timeMs: START_MS + atMs, series, values: Object.values(values) });
  }

  /** The tick at `atMs`. */
  tick(atMs: number): void {
    this.nowMs = START_MS + atMs;
    this.pushed.tick(this.nowMs);
  }

  /** By name, [time from the start, value]; null: ended. */
  told(name: string): (number | null)[][] {
    const samples = this.sink.series.get(`${name}{}`)?.samples ?? [];
    return samples.map(([timeMs, value]) => [timeMs - START_MS, value]);
  }

  leftOut(): Record<string, number> {
    const samples = this.metrics.samples().filter(({ type }) => type === "counter");
    return Object.fromEntries(
      samples.map(({ labels, value }) => [labels[labels.indexOf("reason") + 1] ?? "", value]),
    );
  }
}

test("a reading has its own time, and one that is not sent anew is not stamped anew", () => {
  const bed = new Bed();
  bed.take({ a: 1, b: 2.5 }, 730);
  bed.tick(1000);
  bed.tick(2000);
  bed.take({ a: 3, b: 2 }, 2730);
  bed.tick(3000);
  expect(bed.told("a")).toEqual([[700, 1], [2700, 3]]); // biome-ignore format: rows
  expect(bed.told("b")).toEqual([[700, 2.5], [2700, 2]]); // biome-ignore format: rows
  expect(bed.sink.groups).toBe(1);
});

test("a second reading of the same series waits for the next tick", () => {
  const bed = new Bed();
  expect(bed.take({ a: 1, b: 1 }, 100)).toBeNull();
  const rest = bed.take({ a: 2, b: 2, c: 2 }, 600);
  expect(rest).toMatchObject({ timeMs: START_MS + 600, values: [2, 2] });
  bed.tick(1000);
  expect(rest === null ? rest : bed.sender.take(rest)).toBeNull();
  bed.tick(2000);
  expect(bed.told("a")).toEqual([[100, 1], [600, 2]]); // biome-ignore format: rows
});

test("who is missing ends, and comes back in a cohort of its own", () => {
  const bed = new Bed();
  bed.take({ a: 1, b: 1 }, 0);
  bed.tick(1000);
  bed.take({ a: 2 }, 10_000);
  bed.tick(10_000);
  bed.take({ a: 3, b: 3 }, 20_000);
  bed.tick(20_000);
  bed.take({ a: 4 }, 30_000);
  bed.tick(30_000);
  expect(bed.told("b")).toEqual([
    [0, 1],
    [10_000, null],
    [20_000, 3],
  ]);
  expect(bed.told("a").length).toBe(4);
});

test("a held series counts as read with its cohort, also where it came too late for a reading", () => {
  const bed = new Bed();
  bed.take({ a: 1, b: 1 }, 0, true);
  bed.tick(1000);
  bed.take({ a: 2 }, 10_000, true);
  bed.tick(10_000);
  bed.take({ b: 5 }, 9000, true);
  bed.tick(11_000);
  bed.take({ a: 3 }, 20_000, true);
  bed.tick(20_000);
  expect(bed.told("b")).toEqual([
    [0, 1],
    [10_000, 1],
    [20_000, 5],
  ]);
});

test("series go on in another encoder with the sample that they had", () => {
  const bed = new Bed();
  bed.take({ a: 1.5 }, 0);
  bed.tick(1000);
  bed.take({ p: 7 }, 1100);
  bed.sink = new TableSink();
  bed.pushed.useSink(bed.sink);
  expect(bed.take({ a: 2 }, 1200)).not.toBeNull(); // the tick has a reading of it
  bed.tick(2000);
  bed.take({ a: 3 }, 3000);
  bed.tick(3000);
  expect(bed.told("a")).toEqual([
    [0, 1.5],
    [3000, 3],
  ]);
  expect(bed.told("p")).toEqual([[1100, 7]]);
});

test("who was not heard of for five minutes is retired, and the sender is forgotten", () => {
  const bed = new Bed();
  bed.take({ a: 1, b: 1 }, 0);
  const a = bed.one("a");
  bed.tick(1000);
  bed.tick(299_000);
  expect(a.isRetired).toBe(false);
  bed.tick(310_000);
  expect(a.isRetired).toBe(true);
  expect(bed.told("a").at(-1)).toEqual([Number.NaN, null]);
  expect(bed.sink.groups).toBe(0);
  expect(bed.pushed.sender("app")).not.toBe(bed.sender);
});

test("what cannot be taken is counted by its reason", () => {
  const bed = new Bed({ senders: 1, series: 3 });
  bed.take({ a: 1 }, 0);
  bed.tick(1000);
  bed.take({ a: 1 }, 0);
  bed.take({ a: 1 }, -500);
  bed.take({ a: 1 }, 6 * 60_000 + 1000);
  bed.take({ a: 1 }, -3_700_000);
  const a = bed.one("a");
  const twice = { timeMs: START_MS + 900, series: [a, a], values: [1, 2] };
  expect(bed.sender.take(twice)).toBeNull();
  expect(bed.leftOut()).toEqual({ duplicate: 2, out_of_order: 1, future: 1, old: 1 });
  expect(bed.pushed.sender("other")).toBeNull();
  const series = (labels: Record<string, string>) => bed.sender.series(labelsOf(labels), false);
  expect(series({ __name__: "no name" })).toBe("label_text");
  expect(series({ __name__: "a", "b.c": "d" })).toBe("label_text");
  expect(series({ __name__: "a", b: "\ud800" })).toBe("label_text");
  expect(series({ __name__: "a", b: "c".repeat(4097) })).toBe("label_length");
  const many = Object.fromEntries(Array.from({ length: 48 }, (_, i) => [`l${i}`, "x"]));
  expect(series({ __name__: "a", ...many })).toBe("labels");
  bed.one("b");
  bed.one("c");
  expect(series({ __name__: "d" })).toBe("sender_series");
});

test("all senders together have so many series, and room comes back", () => {
  const bed = new Bed({ senders: 3, series: 60_000 });
  const other = bed.pushed.sender("other");
  const fill = (sender: Sender | null, from: number) => {
    for (let i = from; i < from + 60_000; i += 1) {
      const one = sender?.series(labelsOf({ __name__: `s${i}` }), false);
      if (typeof one === "string") return [one, i - from];
    }
    return ["all", 60_000];
  };
  expect(fill(bed.sender, 0)).toEqual(["all", 60_000]);
  expect(fill(other, 0)).toEqual(["agent_series", 40_000]);
  bed.tick(310_000);
  expect(fill(bed.pushed.sender("app"), 0)).toEqual(["all", 60_000]);
});

test("a series that is said to have ended ends, and may begin again in its place", () => {
  const bed = new Bed();
  bed.take({ a: 1, b: 1 }, 0);
  bed.tick(1000);
  bed.take({ a: 2, b: null }, 10_000);
  bed.tick(10_000);
  bed.take({ a: 3, b: 3 }, 20_000);
  bed.tick(20_000);
  expect(bed.told("b")).toEqual([
    [0, 1],
    [10_000, null],
    [20_000, 3],
  ]);
  expect(bed.sink.groups).toBe(1);
});

test("the clock of a sender may be ahead, and that of the agent may be set back", () => {
  const bed = new Bed();
  bed.take({ a: 1 }, 5000);
  bed.tick(1000);
  bed.take({ a: 2 }, 6000);
  bed.tick(2000);
  bed.tick(-60_000);
  bed.take({ a: 3 }, -59_500);
  bed.tick(-59_000);
  expect(bed.told("a")).toEqual([
    [1000, 1],
    [2000, 2],
    [-59_500, 3],
  ]);
});
