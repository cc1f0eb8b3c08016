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

/** A runner, what it sets and logs, and how long collectors have worked. */
function bed(...collectors: ScheduledCollector[]) {
  const sink = new RecordingSink();
  const logger = new MemoryLogger();
  const worked = { ms: 0 };
  const clock = { ...NEVER_LATE, monotonicMs: () => worked.ms };
  const runner = new TickRunner(collectors, sink.groups, clock, logger);
  const runSeconds = (count: number) => {
    for (let second = 1; second <= count; second += 1) runner.run(second * 1000);
  };
  return { sink, logger, worked, runner, runSeconds };
}

describe("a tick", () => {
  test("runs every collector though one fails, tells of it, and logs once until it recovers", () => {
    let isBroken = true;
    const seen: number[] = [];
    const bad = scheduled("bad", () => {
      if (isBroken) throw new OperationalError("NOT_FOUND", "/proc/x is not there");
    });
    const good = scheduled("good", (nowMs) => {
      seen.push(nowMs);
      worked.ms += 1.5;
    });
    const { sink, logger, worked, runner } = bed(bad, good);
    runner.run(1000);
    runner.run(2000);
    expect(seen).toEqual([1000, 2000]);
    const told = [...sink.values()].filter(([name]) => name.startsWith("node_scrape"));
    expect(Object.fromEntries(told)).toEqual({
      'node_scrape_collector_duration_seconds{collector="bad", job="node"}': 0,
      'node_scrape_collector_success{collector="bad", job="node"}': 0,
      'node_scrape_collector_duration_seconds{collector="good", job="node"}': 0.0015,
      'node_scrape_collector_success{collector="good", job="node"}': 1,
    });
    expect(logger.messages("warn")).toEqual(["collector failed"]);
    isBroken = false;
    runner.run(3000);
    runner.run(4000);
    expect(logger.messages()).toEqual(["collector failed", "collector recovered"]);
  });

  test("a programmer's error is not hidden", () => {
    const wrong = scheduled("wrong", () => {
      throw new AssertionError({ message: "never" });
    });
    expect(() => bed(wrong).runner.run(1000)).toThrow(AssertionError);
  });

  test("runs a collector at its interval", () => {
    const runs: number[] = [];
    const slow = scheduled("slow", (nowMs) => void runs.push(nowMs), { intervalMs: 5000 });
    const { runner, runSeconds } = bed(slow);
    runSeconds(11);
    expect(runs).toEqual([1000, 6000, 11_000]);
    runner.run(3000); // the clock was set back
    expect(runs.at(-1)).toBe(3000);
  });

  test("slows down what may be slowed down, and says so", () => {
    const runs: number[] = [];
    const collect = (nowMs: number) => void runs.push(nowMs);
    const { sink, runner, runSeconds } = bed(scheduled("optional", collect, { isSheddable: true }));
    expect([...runner.sheddable()]).toEqual([{ name: "optional", totalMs: 0, factor: 1 }]);
    runner.setFactor("optional", 4);
    runSeconds(9);
    expect(runs).toEqual([1000, 5000, 9000]);
    const interval = "telltale_agent_collector_interval_seconds";
    expect(sink.value(interval, 'collector="optional", job="telltale-agent"')).toBe(4);
  });

  test("a collector that keeps failing does not run for a while", () => {
    const runs: number[] = [];
    const bad = scheduled("bad", (nowMs) => {
      runs.push(nowMs / 1000);
      throw new OperationalError("UNAVAILABLE", "no answer");
    });
    bed(bad).runSeconds(40);
    expect(runs).toEqual([1, 2, 3, 4, 5, 15, 35]);
  });

  test("a collector that takes too long is left alone, unless nobody can do without it", () => {
    const counts = { core: 0, optional: 0 };
    const slow = (name: "core" | "optional") => {
      const collect = () => {
        counts[name] += 1;
        worked.ms += 150;
      };
      return scheduled(name, collect, { isSheddable: name === "optional" });
    };
    const { worked, runSeconds } = bed(slow("core"), slow("optional"));
    runSeconds(12);
    expect(counts).toEqual({ core: 12, optional: 5 });
  });
});

describe("samples of a collector that does not run in every tick", () => {
  /** Ticks 1 to 12; gives the seconds of the samples of the series `x`, and where it ended. */
  function samplesOf(make: (group: SeriesGroup, row: SeriesRow) => ScheduledCollector): string[] {
    const encoder = new FrameEncoder(1, { keyframeEvery: 5 });
    const decoder = new StreamDecoder();
    const group = new SeriesGroup(encoder);
    const one = make(group, new SeriesRow(group, [counter("x", "")], {}));
    const runner = new TickRunner([one], encoder, NEVER_LATE, new MemoryLogger());
    const samples: string[] = [];
    for (let second = 1; second <= 12; second += 1) {
      runner.run(second * 1000);
      const frame = encoder.encodeTick(second * 1000);
      decoder.define(1, frame.definitions);
      decoder.apply(parseFrame(frame.bytes));
      const isX = (id: number) =>
        labelValue(decoder.definitions[id]?.labels ?? [], "__name__") === "x";
      for (const { group, timeMs } of decoder.readings) {
        for (const id of decoder.aliveOfGroup(group).filter(isX))
          samples.push(`${timeMs / 1000}: ${decoder.values[id]}`);
      }
      if (decoder.ended.some(isX)) samples.push(`${second}: ended`);
    }
    return samples;
  }

  test("stand at its readings only, so that irate and resets do not see plateaus", () => {
    const samples = samplesOf((group, row) => {
      const collect = (nowMs: number) => row.set(0, nowMs);
      return scheduled("slow", collect, { intervalMs: 5000, group });
    });
    expect(samples).toEqual(["1: 1000", "6: 6000", "11: 11000"]);
  });

  test("have the time of the reading when it is read in the background", () => {
    const samples = samplesOf((group, row) => {
      let readAtMs: number | null = null;
      const collect = (nowMs: number) => {
        readAtMs = nowMs % 4000 === 0 ? nowMs - 350 : null;
        if (readAtMs !== null) row.set(0, nowMs);
      };
      const { collector, ...rest } = scheduled("background", collect, { isSheddable: true, group });
      const inBackground = {
        ...collector,
        get readAtMs() {
          return readAtMs;
        },
      };
      return { ...rest, collector: inBackground };
    });
    expect(samples).toEqual(["3.65: 4000", "7.65: 8000", "11.65: 12000"]);
  });

  test("end at once when it fails, and come back with its next reading", () => {
    const samples = samplesOf((group, row) => {
      const collect = (nowMs: number) => {
        if (nowMs === 4000) throw new OperationalError("NOT_FOUND", "/proc/x is not there");
        row.set(0, nowMs);
      };
      return scheduled("failing", collect, { intervalMs: 3000, group });
    });
    expect(samples).toEqual(["1: 1000", "4: ended", "7: 7000", "10: 10000"]);
  });
});
