import { AssertionError } from "node:assert";
import { describe, expect, test } from "vitest";
import { counter, SeriesRow } from "../../../agent/collect/collector.ts";
import { SeriesGroup } from "../../../agent/collect/series-group.ts";
import { type ScheduledCollector, TickRunner } from "../../../agent/collect/tick.ts";
import { OperationalError } from "../../../shared/errors.ts";
import { labelValue } from "../../../shared/model/labels.ts";
import { parseFrame, StreamDecoder } from "../../../shared/wire/frame-decoder.ts";
import { FrameEncoder } from "../../../shared/wire/frame-encoder.ts";
import { MemoryLogger } from "../../support/memory-logger.ts";
import { RecordingSink } from "./recording-sink.ts";

function scheduled(
  name: string,
  collect: (nowMs: number) => void,
  options: Partial<ScheduledCollector> = {},
): ScheduledCollector {
  const collector = { name, families: [], collect, close: () => undefined };
  return { collector, intervalMs: 0, isSheddable: false, group: null, ...options };
}

const NEVER_LATE = { nowMs: () => 0, monotonicMs: () => 0, sleep: () => Promise.resolve() };

describe("a tick", () => {
  test("runs every collector though one fails, tells of it, and logs once until it recovers", () => {
    const sink = new RecordingSink();
    const logger = new MemoryLogger();
    let monotonicMs = 0;
    const clock = {
      nowMs: () => 0,
      monotonicMs: () => monotonicMs,
      sleep: () => Promise.resolve(),
    };
    let isBroken = true;
    const seen: number[] = [];
    const runner = new TickRunner(
      [
        scheduled("bad", () => {
          if (isBroken) throw new OperationalError("NOT_FOUND", "/proc/x is not there");
        }),
        scheduled("good", (nowMs) => {
          seen.push(nowMs);
          monotonicMs += 1.5;
        }),
      ],
      sink.groups,
      clock,
      logger,
    );
    runner.run(1000);
    runner.run(2000);
    expect(seen).toEqual([1000, 2000]);
    const told = [...sink.values()].filter(([name]) => name.startsWith("node_scrape"));
    expect(new Map(told)).toEqual(
      new Map([
        ['node_scrape_collector_duration_seconds{collector="bad", job="node"}', 0],
        ['node_scrape_collector_success{collector="bad", job="node"}', 0],
        ['node_scrape_collector_duration_seconds{collector="good", job="node"}', 0.0015],
        ['node_scrape_collector_success{collector="good", job="node"}', 1],
      ]),
    );
    expect(logger.messages("warn")).toEqual(["collector failed"]);
    isBroken = false;
    runner.run(3000);
    runner.run(4000);
    expect(logger.messages()).toEqual(["collector failed", "collector recovered"]);
  });

  test("a programmer's error is not hidden", () => {
    const runner = new TickRunner(
      [
        scheduled("wrong", () => {
          throw new AssertionError({ message: "never" });
        }),
      ],
      new RecordingSink().groups,
      NEVER_LATE,
      new MemoryLogger(),
    );
    expect(() => runner.run(1000)).toThrow(AssertionError);
  });

  test("runs a collector at its interval", () => {
    const runs: number[] = [];
    const slow = scheduled("slow", (nowMs) => void runs.push(nowMs), { intervalMs: 5000 });
    const runner = new TickRunner(
      [slow],
      new RecordingSink().groups,
      NEVER_LATE,
      new MemoryLogger(),
    );
    for (let second = 1; second <= 11; second += 1) runner.run(second * 1000);
    expect(runs).toEqual([1000, 6000, 11_000]);
    runner.run(3000); // the clock was set back
    expect(runs.at(-1)).toBe(3000);
  });

  test("slows down what may be slowed down, and says so", () => {
    const runs: number[] = [];
    const optional = scheduled("optional", (nowMs) => void runs.push(nowMs), {
      isSheddable: true,
    });
    const sink = new RecordingSink();
    const runner = new TickRunner([optional], sink.groups, NEVER_LATE, new MemoryLogger());
    expect([...runner.sheddable()]).toEqual([{ name: "optional", totalMs: 0, factor: 1 }]);
    runner.setFactor("optional", 4);
    for (let second = 1; second <= 9; second += 1) runner.run(second * 1000);
    expect(runs).toEqual([1000, 5000, 9000]);
    const interval = `telltale_agent_collector_interval_seconds`;
    expect(sink.values().get(`${interval}{collector="optional", job="telltale-agent"}`)).toBe(4);
  });

  test("a collector that keeps failing does not run for a while", () => {
    const runs: number[] = [];
    const bad = scheduled("bad", (nowMs) => {
      runs.push(nowMs);
      throw new OperationalError("UNAVAILABLE", "no answer");
    });
    const runner = new TickRunner(
      [bad],
      new RecordingSink().groups,
      NEVER_LATE,
      new MemoryLogger(),
    );
    for (let second = 1; second <= 40; second += 1) runner.run(second * 1000);
    expect(runs).toEqual([1, 2, 3, 4, 5, 15, 35].map((second) => second * 1000));
  });

  test("a collector that takes too long is left alone, unless nobody can do without it", () => {
    let monotonicMs = 0;
    const clock = { ...NEVER_LATE, monotonicMs: () => monotonicMs };
    const counts = { core: 0, optional: 0 };
    const slow = (name: "core" | "optional") =>
      scheduled(
        name,
        () => {
          counts[name] += 1;
          monotonicMs += 150;
        },
        { isSheddable: name === "optional" },
      );
    const runner = new TickRunner(
      [slow("core"), slow("optional")],
      new RecordingSink().groups,
      clock,
      new MemoryLogger(),
    );
    for (let second = 1; second <= 12; second += 1) runner.run(second * 1000);
    expect(counts).toEqual({ core: 12, optional: 5 });
  });
});

describe("samples of a collector that does not run in every tick", () => {
  /** Ticks 1 to 12; gives the seconds of the samples of the series `x`, and where it ended. */
  function samplesOf(make: (group: SeriesGroup) => ScheduledCollector): string[] {
    const encoder = new FrameEncoder(1, { keyframeEvery: 5 });
    const decoder = new StreamDecoder();
    const scheduledOne = make(new SeriesGroup(encoder));
    const runner = new TickRunner([scheduledOne], encoder, NEVER_LATE, new MemoryLogger());
    const samples: string[] = [];
    for (let second = 1; second <= 12; second += 1) {
      runner.run(second * 1000);
      const frame = encoder.encodeTick(second * 1000);
      decoder.define(1, frame.definitions);
      decoder.apply(parseFrame(frame.bytes));
      const isX = (id: number) =>
        labelValue(decoder.definitions[id]?.labels ?? [], "__name__") === "x";
      for (const { group, timeMs } of decoder.readings) {
        const ids = decoder.aliveOfGroup(group).filter(isX);
        for (const id of ids) samples.push(`${timeMs / 1000}: ${decoder.values[id]}`);
      }
      if (decoder.ended.some(isX)) samples.push(`${second}: ended`);
    }
    return samples;
  }

  test("stand at its readings only, so that irate and resets do not see plateaus", () => {
    const samples = samplesOf((group) => {
      const row = new SeriesRow(group, [counter("x", "")], {});
      const collect = (nowMs: number) => row.set(0, nowMs);
      return scheduled("slow", collect, { intervalMs: 5000, group });
    });
    expect(samples).toEqual(["1: 1000", "6: 6000", "11: 11000"]);
  });

  test("have the time of the reading when it is read in the background", () => {
    const samples = samplesOf((group) => {
      const row = new SeriesRow(group, [counter("x", "")], {});
      let readAtMs: number | null = null;
      const collector = {
        name: "background",
        families: [],
        collect: (nowMs: number) => {
          readAtMs = nowMs % 4000 === 0 ? nowMs - 350 : null;
          if (readAtMs !== null) row.set(0, nowMs);
        },
        get readAtMs() {
          return readAtMs;
        },
        close: () => undefined,
      };
      return { collector, intervalMs: 0, isSheddable: true, group };
    });
    expect(samples).toEqual(["3.65: 4000", "7.65: 8000", "11.65: 12000"]);
  });

  test("end at once when it fails, and come back with its next reading", () => {
    const samples = samplesOf((group) => {
      const row = new SeriesRow(group, [counter("x", "")], {});
      const collect = (nowMs: number) => {
        if (nowMs === 4000) throw new OperationalError("NOT_FOUND", "/proc/x is not there");
        row.set(0, nowMs);
      };
      return scheduled("failing", collect, { intervalMs: 3000, group });
    });
    expect(samples).toEqual(["1: 1000", "4: ended", "7: 7000", "10: 10000"]);
  });
});
