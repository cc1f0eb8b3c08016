import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { accountsOn, checkBooks, EVERY_TICK, isRising, sumOnPage } from "../support/accounts.ts";
import { Bed, eventually, type Program } from "../support/programs.ts";

/** Aimed at are 3 s; a machine that does much else at the same time may take longer. */
const FAILOVER_MAX_MS = 20_000;

/** Resolves when the aggregator answers with a tick that was made after now. */
async function untilFresh(bed: Bed): Promise<void> {
  const startedMs = Date.now();
  await eventually(async () => {
    const times = await bed.sampleTimes(EVERY_TICK);
    return times.some((time) => time * 1000 > startedMs);
  }, FAILOVER_MAX_MS);
}

async function isAt(agentBed: Bed, bed: Bed): Promise<boolean> {
  const name = "telltale_agent_uplink_destination_connected";
  return sumOnPage(await agentBed.agentPage(), name, bed.destinationLabel) === 1;
}

test("of three aggregators one dies, the next hangs, the first comes back: no tick is lost, none is twice", async () => {
  await using first = await Bed.open();
  await using second = await Bed.open();
  await using third = await Bed.open();
  const beds = [first, second, third];
  const [a, b] = await Promise.all(beds.map((bed) => bed.startReadyAggregator()));
  const list = beds.map(({ address }) => address).join(", ");
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

  const page = await first.agentPage();
  for (const reason of ["broken", "silent", "preferred"]) {
    const failovers = sumOnPage(page, "telltale_agent_uplink_failovers_total", reason);
    expect(failovers).toBeGreaterThanOrEqual(1);
  }
  const accounts = accountsOn(page);
  checkBooks(accounts);
  expect(accounts.dropped).toBe(0);
  await agent.stop();

  const durable = agent.tickTimes("tick durable");
  const stored = await Promise.all(beds.map((bed) => bed.sampleTimes(EVERY_TICK)));
  for (const times of stored) {
    expect(times.length).toBeGreaterThan(0);
    expect(isRising(times)).toBe(true);
  }
  expect([...new Set(stored.flat())].sort()).toEqual(durable.sort());
});
