import { type Bed, eventually } from "./programs.ts";

/** What an agent's page says of its frames. */
export type AgentAccounts = {
  readonly made: number;
  readonly stored: number;
  readonly waiting: number;
  readonly dropped: number;
};

/** In every frame once. */
export const EVERY_TICK = "node_load1[6h]";

/** The sum of a metric over its label sets on a page, or over those that contain `labels`. */
export function sumOnPage(page: string, name: string, labels = ""): number {
  return page
    .split("\n")
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .filter((line) => line.includes(labels))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
}

/** @param labels of one destination; otherwise all are counted together */
export function accountsOn(page: string, labels = ""): AgentAccounts {
  const frames = (what: string) => sumOnPage(page, `telltale_agent_frames_${what}`, labels);
  return {
    made: frames("made_total"),
    stored: frames("stored_total"),
    waiting: frames("waiting"),
    dropped: frames("dropped_total"),
  };
}

/** @param at the one aggregator whose frames count; otherwise those for all count */
export async function readAgentAccounts(bed: Bed, at?: Bed): Promise<AgentAccounts> {
  return accountsOn(await bed.agentPage(), at?.destinationLabel);
}

/**
 * Waits for a moment at which nothing waits, and checks that then everything is where it is said to
 * be: made = stored + dropped, the aggregator has each stored tick once and no other.
 * @param agentBed whose agent it is, where it sends to others than `bed` too
 * @throws Error that says what does not hold
 */
export async function checkAccounts(
  bed: Bed,
  withinMs: number,
  agentBed?: Bed,
): Promise<AgentAccounts> {
  let accounts: AgentAccounts | null = null;
  let times: number[] = [];
  const read = () => (agentBed ? readAgentAccounts(agentBed, bed) : readAgentAccounts(bed));
  await eventually(async () => {
    accounts = await read();
    checkBooks(accounts);
    if (accounts.waiting > 0 || accounts.made === 0) {
      throw new Error(`${accounts.waiting} of ${accounts.made} ticks wait`);
    }
    times = await bed.sampleTimes(EVERY_TICK);
    const after = await read();
    return after.made === accounts.made && after.waiting === 0;
  }, withinMs);
  if (accounts === null) throw new Error("There are no accounts");
  const { stored } = accounts as AgentAccounts;
  if (!isRising(times)) throw new Error("A time is stored twice, or out of order");
  if (times.length !== stored) {
    throw new Error(
      `The agent says that ${stored} ticks are stored, the aggregator has ${times.length}`,
    );
  }
  return accounts;
}

export function isRising(times: readonly number[]): boolean {
  return times.every((time, i) => i === 0 || time > (times[i - 1] ?? time));
}

/** @throws Error when made is not stored + waiting + dropped */
export function checkBooks({ made, stored, waiting, dropped }: AgentAccounts): void {
  if (made === stored + waiting + dropped) return;
  throw new Error(`made ${made} is not stored ${stored} + waiting ${waiting} + dropped ${dropped}`);
}
