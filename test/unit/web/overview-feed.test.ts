import { expect, test } from "vitest";
import type { NodeStatus } from "../../../aggregator/model/node.ts";
import { OverviewFeed } from "../../../aggregator/web/overview-feed.ts";
import type { Overview } from "../../../aggregator/web/overview-shape.ts";
import { labelsOf } from "../../../shared/model/labels.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { MemoryLogger } from "../../support/memory-logger.ts";

/** Half a minute after a full one. */
const START_MS = 1_800_000_030_000;

/** @param lookMs how long a question takes */
function bed(lookMs = 0) {
  const clock = new FakeClock(START_MS);
  const asked = { instants: 0, ranges: 0 };
  const world = { cpu: 0.5, failure: null as Error | null, names: ["a"] };
  const labels = labelsOf({ instance: "a" });
  const feed = new OverviewFeed({
    compile: () => ({
      instant: async (timeMs) => {
        asked.instants += 1;
        if (world.failure !== null) throw world.failure;
        if (lookMs > 0) await clock.sleep(lookMs);
        const samples = [{ labels, value: world.cpu }];
        return { type: "vector", timeMs, samples, warnings: [] };
      },
      range: async ({ startMs, endMs, stepMs }) => {
        asked.ranges += 1;
        const count = (endMs - startMs) / stepMs + 1;
        const times = Float64Array.from({ length: count }, (_, i) => startMs + i * stepMs);
        return {
          type: "matrix",
          series: [{ labels, times, values: times.map(() => 0.25) }],
          warnings: [],
        };
      },
    }),
    nodes: () => world.names.map((name) => ({ name, state: "up", stateSinceMs: 1 }) as NodeStatus),
    alerts: () => [],
    silences: () => [],
    changes: () => [],
    clock,
    logger: new MemoryLogger(),
  });
  return { clock, asked, world, feed };
}

test("nothing is asked while no page is open, and nothing any more once all are closed", async () => {
  const { clock, asked, feed } = bed();
  await clock.advance(60_000);
  expect(asked).toEqual({ instants: 0, ranges: 0 });
  const following = feed.follow(() => {});
  await clock.advance(10_000);
  expect(asked.instants).toBeGreaterThan(10);
  following[Symbol.dispose]();
  await clock.advance(60_000);
  const { instants } = asked;
  await clock.advance(60_000);
  expect(asked.instants).toBe(instants);
});

test("fifty pages cost as many questions as one", async () => {
  const [one, many] = [bed(), bed()];
  for (const { feed, clock, pages } of [
    { ...one, pages: 1 },
    { ...many, pages: 50 },
  ]) {
    for (let i = 0; i < pages; i += 1) feed.follow(() => {});
    await clock.advance(30_000);
  }
  expect(many.asked).toEqual(one.asked);
});

test("the first answer does not wait for the past, which comes after it, once", async () => {
  const { clock, asked, feed } = bed();
  const first = JSON.parse(await feed.text()) as Overview;
  expect(first.nodes.cpu).toEqual([0.5]);
  expect(first.traces.endMs).toBe(0);
  await clock.advance(10_000);
  const second = JSON.parse(await feed.text()) as Overview;
  expect(second.traces.cpu).toEqual(new Array(60).fill(0.25));
  expect(asked.ranges).toBe(4);
  feed.follow(() => {});
  await clock.advance(120_000);
  const third = JSON.parse(await feed.text()) as Overview;
  expect(third.traces.cpu.slice(-3)).toEqual([0.25, 0.5, 0.5]);
  expect(asked.ranges).toBe(4);
});

test("those who follow are told what changed, and to read it anew where that does not do", async () => {
  const { clock, world, feed } = bed();
  await feed.text();
  await clock.advance(3000);
  const told: (string | null)[] = [];
  feed.follow((text) => void told.push(text));
  world.cpu = 0.75;
  await clock.advance(2000);
  expect(JSON.parse(told.at(-1) ?? "")).toMatchObject({ nodes: { cpu: { at: [0], to: [0.75] } } });
  world.names = ["a", "b"];
  await clock.advance(2000);
  expect(told.at(-1)).toBeNull();
});

test("a look that fails is told to whoever waits for it, and the next one is as good as any", async () => {
  const { clock, world, feed } = bed();
  world.failure = new Error("disk");
  await expect(feed.text()).rejects.toThrow("disk");
  world.failure = null;
  await clock.advance(4000);
  expect(JSON.parse(await feed.text())).toMatchObject({ nodes: { cpu: [0.5] } });
});

test("where a question takes long it is asked less often, but not much", async () => {
  const { clock, asked, feed } = bed(100);
  feed.follow(() => {});
  await clock.advance(60_000);
  expect(asked.instants).toBeGreaterThan(20);
  expect(asked.instants).toBeLessThan(70);
});
