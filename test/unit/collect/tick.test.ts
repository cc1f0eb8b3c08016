import { AssertionError } from "node:assert";
import { describe, expect, test } from "vitest";
import { type ScheduledCollector, TickRunner } from "../../../agent/collect/tick.ts";
import { OperationalError } from "../../../shared/errors.ts";
import { MemoryLogger } from "../../support/memory-logger.ts";
import { RecordingSink } from "./recording-sink.ts";

function scheduled(
  name: string,
  collect: (nowMs: number) => void,
  options: Partial<ScheduledCollector> = {},
): ScheduledCollector {
  const collector = { name, families: [], collect, close: () => undefined };
  return { collector, intervalMs: 0, isSheddable: false, keep: () => undefined, ...options };
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
      sink,
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
      new RecordingSink(),
      NEVER_LATE,
      new MemoryLogger(),
    );
    expect(() => runner.run(1000)).toThrow(AssertionError);
  });

  test("runs a collector at its interval and lets its values stand in between", () => {
    const runs: number[] = [];
    let kept = 0;
    const slow = scheduled("slow", (nowMs) => void runs.push(nowMs), {
      intervalMs: 5000,
      keep: () => {
        kept += 1;
      },
    });
    const runner = new TickRunner([slow], new RecordingSink(), NEVER_LATE, new MemoryLogger());
    for (let second = 1; second <= 11; second += 1) runner.run(second * 1000);
    expect(runs).toEqual([1000, 6000, 11_000]);
    expect(kept).toBe(8);
    runner.run(3000); // the clock was set back
    expect(runs.at(-1)).toBe(3000);
  });

  test("slows down what may be slowed down, and says so", () => {
    const runs: number[] = [];
    const optional = scheduled("optional", (nowMs) => void runs.push(nowMs), {
      isSheddable: true,
    });
    const sink = new RecordingSink();
    const runner = new TickRunner([optional], sink, NEVER_LATE, new MemoryLogger());
    expect([...runner.sheddable()]).toEqual([{ name: "optional", totalMs: 0, factor: 1 }]);
    runner.setFactor("optional", 4);
    for (let second = 1; second <= 9; second += 1) runner.run(second * 1000);
    expect(runs).toEqual([1000, 5000, 9000]);
    const interval = `telltale_agent_collector_interval_seconds`;
    expect(sink.values().get(`${interval}{collector="optional", job="telltale-agent"}`)).toBe(4);
  });

  test("leaves a collector alone that keeps failing, and has no series of it meanwhile", () => {
    const runs: number[] = [];
    let kept = 0;
    const bad = scheduled(
      "bad",
      (nowMs) => {
        runs.push(nowMs);
        throw new OperationalError("UNAVAILABLE", "no answer");
      },
      {
        keep: () => {
          kept += 1;
        },
      },
    );
    const runner = new TickRunner([bad], new RecordingSink(), NEVER_LATE, new MemoryLogger());
    for (let second = 1; second <= 40; second += 1) runner.run(second * 1000);
    expect(runs).toEqual([1, 2, 3, 4, 5, 15, 35].map((second) => second * 1000));
    expect(kept).toBe(0);
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
      new RecordingSink(),
      clock,
      new MemoryLogger(),
    );
    for (let second = 1; second <= 12; second += 1) runner.run(second * 1000);
    expect(counts).toEqual({ core: 12, optional: 5 });
  });
});
