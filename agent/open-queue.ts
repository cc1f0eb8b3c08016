import type { Disposals } from "../shared/platform/disposals.ts";
import type { KeyValueStore } from "../shared/platform/ports.ts";
import type { Metrics } from "../shared/telemetry/metrics.ts";
import type { AgentPlatform } from "./platform.ts";
import type { QueueDeps } from "./queue/queue.ts";

export type QueueOpening = Pick<
  AgentPlatform,
  "clock" | "random" | "logger" | "openStore" | "freeBytes"
> & {
  readonly metrics: Metrics;
  readonly parts: Disposals;
};

/** What a queue of any kind is opened with. */
export type OpenQueueDeps = Omit<QueueDeps, "show"> & { readonly metrics: Metrics };

/**
 * Opens a queue in the directory; `parts` close it.
 * @throws OperationalError IN_USE, STORAGE
 */
export async function openQueue<Q extends { close(): Promise<void> }>(
  directory: string,
  { clock, random, logger, metrics, parts, openStore, freeBytes }: QueueOpening,
  open: (deps: OpenQueueDeps) => Promise<Q>,
): Promise<Q> {
  const damages = metrics.counter(
    "telltale_agent_store_damage_total",
    "Times that the buffer's store was found damaged, by what was done about it.",
  );
  damages.add(0, { outcome: "repaired" });
  const load = async (store: KeyValueStore) => {
    const free = () => freeBytes(directory);
    const opened = await open({ store, clock, random, logger, metrics, freeBytes: free });
    parts.defer(() => store.close());
    parts.defer(() => opened.close());
    return opened;
  };
  return await openStore(directory, load, (outcome) => {
    damages.add(1, { outcome });
  });
}
