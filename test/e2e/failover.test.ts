import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { Bed, eventually, type Program } from "../support/programs.ts";

const SERIES = "node_load1[10m]";
/** Aimed at are 3 s; a machine that does much else at the same time may take longer. */
const FAILOVER_MAX_MS = 20_000;

/** Reads the agent's own page: a metric's value, all its label sets together; `labels` narrows. */
async function agentPage(bed: Bed): Promise<(name: string, labels?: string) => number> {
  const page = await (await fetch(`http://127.0.0.1:${bed.agentPort}/metrics`)).text();
  return (name, labels = "") =>
    page
      .split("\n")
      .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
      .filter((line) => line.includes(labels))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
}

/** Resolves when the aggregator answers with a tick that was made after now. */
async function untilFresh(bed: Bed): Promise<void> {
  const startedMs = Date.now();
  await eventually(async () => {
    const times = await bed.sampleTimes(SERIES);
    return times.some((time) => time * 1000 > startedMs);
  }, FAILOVER_MAX_MS);
}

async function isAt(agentBed: Bed, bed: Bed): Promise<boolean> {
  const metric = await agentPage(agentBed);
  const destination = `destination="127.0.0.1:${bed.grpcPort}"`;
  return metric("telltale_agent_uplink_destination_connected", destination) === 1;
}

test("of three aggregators one dies, the next hangs, the first comes back: no tick is lost, none is twice", async () => {
  await using first = await Bed.open();
  await using second = await Bed.open();
  await using third = await Bed.open();
  const beds = [first, second, third];
  const [a, b] = await Promise.all(beds.map((bed) => bed.startReadyAggregator()));
  const list = beds.map((bed) => `127.0.0.1:${bed.grpcPort}`).join(", ");
  const agent = first.start("agent", [`--aggregator=[${list}]`, "--log-level=debug"]);
  await eventually(() => isAt(first, first));
  await delay(5000);

  await (a as Program).kill();
  await untilFresh(second);
  await delay(4000);

  (b as Program).child.kill("SIGSTOP");
  await untilFresh(third);
  (b as Program).child.kill("SIGCONT");
  await delay(2000);

  await first.startReadyAggregator();
  await eventually(() => isAt(first, first), 60_000);
  await untilFresh(first);

  const metric = await agentPage(first);
  for (const reason of ["broken", "silent", "preferred"]) {
    expect(metric("telltale_agent_uplink_failovers_total", reason)).toBeGreaterThanOrEqual(1);
  }
  const frames = ["made", "stored"].map((what) => metric(`telltale_agent_frames_${what}_total`));
  const [made = 0, storedFrames = 0] = frames;
  expect(made).toBe(storedFrames + metric("telltale_agent_frames_waiting"));
  expect(metric("telltale_agent_frames_dropped_total")).toBe(0);
  await agent.stop();

  const durable = agent
    .log()
    .filter((line) => line["msg"] === "tick durable")
    .map((line) => Number(line["timeMs"]) / 1000);
  const stored = await Promise.all(beds.map((bed) => bed.sampleTimes(SERIES)));
  for (const times of stored) {
    expect(times.length).toBeGreaterThan(0);
    expect(times).toEqual([...new Set(times)].sort((one, other) => one - other));
  }
  expect([...new Set(stored.flat())].sort()).toEqual([...durable].sort());
});
