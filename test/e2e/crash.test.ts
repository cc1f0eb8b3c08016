import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { Bed, eventually, type Program } from "../support/programs.ts";

const KILLS = 10;
const BETWEEN_KILLS_MS = 3000;

test("every tick is stored once though both sides are killed ten times each", async () => {
  await using bed = await Bed.open();
  const agents: Program[] = [];
  const startAgent = () => agents.push(bed.start("agent", ["--log-level=debug"]));
  let aggregator = await bed.startReadyAggregator();
  startAgent();
  for (let kill = 0; kill < KILLS; kill += 1) {
    await delay(BETWEEN_KILLS_MS);
    await aggregator.kill();
    aggregator = await bed.startReadyAggregator();
    await delay(BETWEEN_KILLS_MS);
    await agents.at(-1)?.kill();
    startAgent();
  }
  await delay(2000);
  // It tells its last books with its goodbye.
  const isConnected = (line: Record<string, unknown>) => /^connected/.test(String(line["msg"]));
  await eventually(() => agents.at(-1)?.log().some(isConnected) ?? false);
  await agents.at(-1)?.stop();
  const made = agents.flatMap((agent) => agent.tickTimes("tick made"));
  const durable = agents.flatMap((agent) => agent.tickTimes("tick durable"));
  expect(durable.length).toBeGreaterThan(KILLS * 3);
  await eventually(async () => {
    const stored = await bed.sampleTimes("node_load1[10m]");
    return durable.every((time) => stored.includes(time));
  });
  const stored = await bed.sampleTimes("node_load1[10m]");
  expect(new Set(stored).size).toBe(stored.length);
  // A kill may fall between the sync of a tick and its line in the log: it is stored all the same.
  expect(stored.filter((time) => !made.includes(time))).toEqual([]);
  expect(stored.length).toBeGreaterThanOrEqual(durable.length);
  expect(stored.length).toBeLessThanOrEqual(durable.length + KILLS);
  // Nobody lost count: the agent's last books, and what the aggregator counted itself.
  const books = async (name: string) =>
    (await bed.query(`sum(telltale_node_frames_${name})`))[0]?.[1];
  // They are told once a second.
  await eventually(async () => (await books("stored_total")) === stored.length);
  expect(await books("made_total")).toBe(stored.length);
  expect(await books("unaccounted")).toBe(0);
  const [count] = await bed.query("count_over_time(node_load1[10m])");
  expect(count?.[1]).toBe(stored.length);
});
