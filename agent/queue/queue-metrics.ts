import type { Accounts } from "../../shared/model/accounts.ts";
import type { Metrics } from "../../shared/telemetry/metrics.ts";

/** What a queue carries, as the names and helps of its metrics call it. */
export type QueueWords = {
  /** Such as "frames"; `…_made_total` follows. */
  readonly entries: string;
  /** What an entry holds many of, such as "samples". */
  readonly items: string;
  /** The name of the gauge of bytes, after `telltale_agent_`. */
  readonly bytes: string;
};

export const FRAME_WORDS: QueueWords = {
  entries: "frames",
  items: "samples",
  bytes: "buffer_bytes",
};
export const BLOCK_WORDS: QueueWords = {
  entries: "log_blocks",
  items: "log_lines",
  bytes: "log_buffer_bytes",
};

const NOTHING: Accounts = { made: 0, stored: 0, waiting: 0, dropped: [], settledSeq: 0 };

/** Shows the ledger when it is called with it: counters go on over restarts, as the ledger does. */
export function queueMetrics(
  metrics: Metrics,
  { entries, items, bytes }: QueueWords,
): (accounts: Accounts, bytes: number) => void {
  const what = capitalized(entries.replace("_", " "));
  const parts = items.replace("_", " ");
  const made = metrics.counter(`telltale_agent_${entries}_made_total`, `${what} made.`);
  const stored = metrics.counter(
    `telltale_agent_${entries}_stored_total`,
    `${what} that are safe at the aggregator.`,
  );
  const dropped = metrics.counter(
    `telltale_agent_${entries}_dropped_total`,
    `${what} that were made and will not be stored, by reason.`,
  );
  const itemsDropped = metrics.counter(
    `telltale_agent_${items}_dropped_total`,
    `${capitalized(parts)} in those dropped, by reason; a mean where only a part of a stretch was dropped.`,
  );
  const waiting = metrics.gauge(
    `telltale_agent_${entries}_waiting`,
    `${what} in the buffer that are not yet safe at the aggregator.`,
  );
  const buffered = metrics.gauge(
    `telltale_agent_${bytes}`,
    `${what} in the buffer, with all that is kept for a reader to begin at.`,
  );
  let shown = NOTHING;
  return (accounts, kept) => {
    made.add(accounts.made - shown.made);
    stored.add(accounts.stored - shown.stored);
    for (const { reason, frames, samples } of accounts.dropped) {
      const before = shown.dropped.find((entry) => entry.reason === reason);
      dropped.add(frames - (before?.frames ?? 0), { reason });
      itemsDropped.add(samples - (before?.samples ?? 0), { reason });
    }
    waiting.set(accounts.waiting);
    buffered.set(kept);
    shown = accounts;
  };
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
