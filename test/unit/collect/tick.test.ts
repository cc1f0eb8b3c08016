import { AssertionError } from "node:assert";
import { describe, expect, test } from "vitest";
import type { Collector } from "../../../agent/collect/collector.ts";
import { TickRunner } from "../../../agent/collect/tick.ts";
import { OperationalError } from "../../../shared/errors.ts";
import { MemoryLogger } from "../../support/memory-logger.ts";
import { RecordingSink } from "./recording-sink.ts";

function collector(name: string, collect: (nowMs: number) => void): Collector {
  return { name, families: [], collect, close: () => undefined };
}

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
        collector("bad", () => {
          if (isBroken) throw new OperationalError("NOT_FOUND", "/proc/x is not there");
        }),
        collector("good", (nowMs) => {
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
    expect(sink.values()).toEqual(
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
        collector("wrong", () => {
          throw new AssertionError({ message: "never" });
        }),
      ],
      new RecordingSink(),
      { nowMs: () => 0, monotonicMs: () => 0, sleep: () => Promise.resolve() },
      new MemoryLogger(),
    );
    expect(() => runner.run(1000)).toThrow(AssertionError);
  });
});
