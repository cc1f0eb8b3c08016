import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { checkAccounts, EVERY_TICK, readAgentAccounts, sumOnPage } from "../support/accounts.ts";
import { Bed, eventually, type Program } from "../support/programs.ts";

test("mirrored to two, one dead for 20 s and the agent killed meanwhile: both have every tick, once", async () => {
  await using first = await Bed.open();
  await using second = await Bed.open();
  const beds = [first, second];
  const [, b] = await Promise.all(beds.map((bed) => bed.startReadyAggregator()));
  const addresses = beds.map(({ address }) => address).join(", ");
  const choice = `--aggregator={ addresses: [${addresses}], policy: mirror }`;
  const start = () => first.start("agent", [choice, "--log-level=debug"]);
  const killed = start();
  for (const bed of beds) {
    const connected = "telltale_agent_uplink_connected";
    const count = async () => sumOnPage(await first.agentPage(), connected, bed.destinationLabel);
    await eventually(async () => (await count()) === 1);
  }
  await delay(4000);

  await (b as Program).kill();
  const diedMs = performance.now();
  await delay(8000);
  expect((await readAgentAccounts(first, second)).waiting).toBeGreaterThanOrEqual(4);
  expect((await readAgentAccounts(first, first)).waiting).toBeLessThanOrEqual(4);
  await killed.kill();
  const agent = start();
  await delay(20_000 - (performance.now() - diedMs));
  await eventually(async () => (await readAgentAccounts(first, second)).waiting >= 10);
  await second.startReadyAggregator();

  for (const bed of beds)
    expect(await checkAccounts(bed, 60_000, first)).toMatchObject({ dropped: 0 });
  await agent.stop();
  for (const bed of beds) {
    const stored = new Set(await bed.sampleTimes(EVERY_TICK));
    const durable = [killed, agent].flatMap((one) => one.tickTimes("tick durable", bed.address));
    const made = new Set([killed, agent].flatMap((one) => one.tickTimes("tick made", bed.address)));
    expect(durable.length).toBeGreaterThan(20);
    expect(durable.filter((time) => !stored.has(time))).toEqual([]);
    expect([...stored].filter((time) => !made.has(time))).toEqual([]);
  }
}, 180_000);
