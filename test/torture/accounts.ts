import type { Bed } from "../support/programs.ts";
import { eventually } from "../support/programs.ts";

/** What an agent's page says of its frames. */
export type AgentAccounts = {
  readonly made: number;
  readonly stored: number;
  readonly waiting: number;
  readonly dropped: number;
};

/** In every frame once. */
const EVERY_TICK = "node_load1[6h]";

export async function readAgentAccounts(bed: Bed): Promise<AgentAccounts> {
  const page = await (await fetch(`http://127.0.0.1:${bed.agentPort}/metrics`)).text();
  const sum = (name: string) => {
    let total = 0;
    for (const [, value] of page.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (.+)$`, "gm"))) {
      total += Number(value);
    }
    return total;
  };
  return {
    made: sum("telltale_agent_frames_made_total"),
    stored: sum("telltale_agent_frames_stored_total"),
    waiting: sum("telltale_agent_frames_waiting"),
    dropped: sum("telltale_agent_frames_dropped_total"),
  };
}

/**
 * Waits for a moment at which nothing waits, and checks that then everything is where it is said to
 * be: made = stored + dropped, the aggregator has each stored tick once and no other.
 * @throws Error that says what does not hold
 */
export async function checkAccounts(bed: Bed, withinMs: number): Promise<AgentAccounts> {
  let accounts: AgentAccounts | null = null;
  let times: number[] = [];
  await eventually(async () => {
    accounts = await readAgentAccounts(bed);
    checkBooks(accounts);
    if (accounts.waiting > 0 || accounts.made === 0) {
      throw new Error(`${accounts.waiting} of ${accounts.made} ticks wait`);
    }
    times = await bed.sampleTimes(EVERY_TICK);
    const after = await readAgentAccounts(bed);
    return after.made === accounts.made && after.waiting === 0;
  }, withinMs);
  if (accounts === null) throw new Error("There are no accounts");
  const { stored } = accounts as AgentAccounts;
  if (new Set(times).size !== times.length) throw new Error("A time is stored twice");
  if (times.length !== stored) {
    throw new Error(
      `The agent says that ${stored} ticks are stored, the aggregator has ${times.length}`,
    );
  }
  return accounts;
}

/** @throws Error when made is not stored + waiting + dropped */
export function checkBooks({ made, stored, waiting, dropped }: AgentAccounts): void {
  if (made === stored + waiting + dropped) return;
  throw new Error(`made ${made} is not stored ${stored} + waiting ${waiting} + dropped ${dropped}`);
}
