import { sumOnPage } from "../support/accounts.ts";
import type { Bed } from "../support/programs.ts";

const LAG = "telltale_agent_log_lag_bytes";
const ASK_EVERY_MS = 1000;

/**
 * What the agent has not read yet, at most: its lag when it last told it, and all that was written
 * since. An agent that was killed tells nothing until it has measured.
 */
export class LogBacklog {
  readonly #bed: Bed;
  readonly #writtenBytes: () => number;
  #readBytes = 0;
  #askedMs = 0;

  constructor(bed: Bed, writtenBytes: () => number) {
    this.#bed = bed;
    this.#writtenBytes = writtenBytes;
  }

  get bytes(): number {
    return this.#writtenBytes() - this.#readBytes;
  }

  /** To be called often. */
  async ask(nowMs: number): Promise<void> {
    if (nowMs - this.#askedMs < ASK_EVERY_MS) return;
    this.#askedMs = nowMs;
    const written = this.#writtenBytes();
    const page = await this.#bed.agentPage().catch(() => "");
    if (!tellsLag(page)) return;
    this.#readBytes = Math.max(this.#readBytes, written - sumOnPage(page, LAG));
  }
}

/** An agent's page has its lag when it was measured the first time. */
export function tellsLag(page: string): boolean {
  return page.includes(`\n${LAG} `);
}
