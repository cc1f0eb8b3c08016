import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { Bed, eventually, type Program } from "../support/programs.ts";

const SERIES = "node_load1[10m]";

/** What the agent's page says of the frames for one aggregator. */
async function booksFor(agentBed: Bed, bed: Bed) {
  const page = await (await fetch(`http://127.0.0.1:${agentBed.agentPort}/metrics`)).text();
  const lines = page.split("\n").filter((line) => line.includes(labelOf(bed)));
  const sum = (name: string) =>
    lines
      .filter((line) => line.startsWith(`${name}{`))
      .reduce((total, line) => total + Number(line.slice(line.lastIndexOf(" "))), 0);
  return {
    isConnected: sum("telltale_agent_uplink_connected") === 1,
    made: sum("telltale_agent_frames_made_total"),
    stored: sum("telltale_agent_frames_stored_total"),
    waiting: sum("telltale_agent_frames_waiting"),
    dropped: sum("telltale_agent_frames_dropped_total"),
  };
}

const labelOf = (bed: Bed) => `destination="127.0.0.1:${bed.grpcPort}"`;

/** At a moment at which nothing waits: all that was made is stored, and is there once. */
async function untilExact(agentBed: Bed, bed: Bed): Promise<void> {
  await eventually(async () => {
    const before = await booksFor(agentBed, bed);
    const times = await bed.sampleTimes(SERIES);
    const after = await booksFor(agentBed, bed);
    if (before.waiting > 0 || after.made !== before.made) throw new Error("some wait");
    expect(after.dropped).toBe(0);
    expect(after.stored).toBe(after.made);
    expect(times).toHaveLength(after.stored);
    expect(times).toEqual([...new Set(times)].sort((one, other) => one - other));
    return times.length > 0;
  }, 60_000);
}

function timesOf(agent: Program, message: string, bed: Bed): number[] {
  return agent
    .log()
    .filter((line) => line["msg"] === message)
    .filter((line) => `destination="${line["destination"]}"` === labelOf(bed))
    .map((line) => Number(line["timeMs"]) / 1000);
}

test("mirrored to two, one dead for 20 s and the agent killed meanwhile: both have every tick, once", async () => {
  await using first = await Bed.open();
  await using second = await Bed.open();
  const beds = [first, second];
  const [, b] = await Promise.all(beds.map((bed) => bed.startReadyAggregator()));
  const addresses = beds.map((bed) => `127.0.0.1:${bed.grpcPort}`).join(", ");
  const choice = `--aggregator={ addresses: [${addresses}], policy: mirror }`;
  const start = () => first.start("agent", [choice, "--log-level=debug"]);
  const killed = start();
  for (const bed of beds) {
    await eventually(async () => (await booksFor(first, bed)).isConnected);
  }
  await delay(4000);

  await (b as Program).kill();
  const diedMs = performance.now();
  await delay(8000);
  expect((await booksFor(first, second)).waiting).toBeGreaterThanOrEqual(4);
  expect((await booksFor(first, first)).waiting).toBeLessThanOrEqual(4);
  await killed.kill();
  const agent = start();
  await delay(20_000 - (performance.now() - diedMs));
  expect((await booksFor(first, second)).waiting).toBeGreaterThanOrEqual(10);
  await second.startReadyAggregator();

  for (const bed of beds) await untilExact(first, bed);
  await agent.stop();
  for (const bed of beds) {
    const stored = new Set(await bed.sampleTimes(SERIES));
    const durable = [killed, agent].flatMap((one) => timesOf(one, "tick durable", bed));
    const made = new Set([killed, agent].flatMap((one) => timesOf(one, "tick made", bed)));
    expect(durable.length).toBeGreaterThan(20);
    expect(durable.filter((time) => !stored.has(time))).toEqual([]);
    expect([...stored].filter((time) => !made.has(time))).toEqual([]);
  }
}, 180_000);
