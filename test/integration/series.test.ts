import { cpSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openSeriesStore, type SeriesStore } from "../../aggregator/series/series-store.ts";
import { openLevelStore } from "../../shared/platform/level-store.ts";
import { Metrics } from "../../shared/telemetry/metrics.ts";
import { directoryForTest } from "../support/directory-for-test.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { MemoryLogger } from "../support/memory-logger.ts";
import { counter, everything, ModelAgent, type TickValue } from "../unit/series/model.ts";

const LIMITS = { cacheBytes: 1 << 20, writeBufferBytes: 256 * 1024 };
const OPTIONS = {
  retentionMs: 6 * 3_600_000,
  futureLimitMs: 60_000,
  chunkMs: 60_000,
  commitDelayMs: 0,
  pause: async () => {},
};

async function open(directory: string, clock: FakeClock): Promise<SeriesStore> {
  const fail = () => expect.unreachable("the store is not damaged");
  return await openLevelStore(directory, LIMITS, fail, (store) => {
    const deps = { store, clock, logger: new MemoryLogger(), metrics: new Metrics() };
    return openSeriesStore(deps, OPTIONS);
  });
}

const values = (tick: number): TickValue[] =>
  Array.from({ length: 100 }, (_, i) => counter(`metric_${i}`, i % 3, tick * i, i % 2));

async function run(store: SeriesStore, clock: FakeClock, agents: ModelAgent[], ticks: number) {
  for (let tick = 0; tick < ticks; tick += 1) {
    await clock.advance(1000);
    const items = agents.flatMap((agent) => {
      return agent.items(agent.tick(clock.nowMs(), [0, 1, 2], values(tick)));
    });
    await store.commit(items);
    if (tick % 20 === 0) await store.cutDue();
  }
}

test("a store on LevelDB gives the same after closing, and after its process ended at any moment", async () => {
  const clock = new FakeClock();
  const root = directoryForTest();
  const [db, copy] = [join(root, "db"), join(root, "killed")];
  const agents = ["alpha", "beta"].map((node) => new ModelAgent(node, 30));
  let store = await open(db, clock);
  await run(store, clock, agents, 400);
  const before = await everything(store);
  expect(before.size).toBe(200);
  for (const samples of before.values()) expect(samples.size).toBe(400);

  // The files as they are while it is open: what a process leaves that is killed.
  cpSync(db, copy, { recursive: true });
  const killed = await open(copy, clock);
  expect(await everything(killed)).toEqual(before);
  await killed.close();

  await store.close();
  store = await open(db, clock);
  expect(await everything(store)).toEqual(before);
  await run(store, clock, agents, 50);
  for (const samples of (await everything(store)).values()) expect(samples.size).toBe(450);
  await store.close();
});
