/**
 * The outbox: notifications that wait until their receiver has taken them.
 *
 * Key: `n|QUEUE|ID`. A queue is one webhook of one receiver, `NAME/INDEX` with the name escaped, so
 * that it holds no bar. The id is a big-endian 64-bit number that only grows: the time in
 * milliseconds times 1024, or one more than the last. Value: a Notification as JSON.
 *
 * An entry is written in the batch that makes the alert's change safe, and deleted when a webhook
 * answered 2xx, refused it for good, or did not take it in time; the last two are counted and
 * logged. A queue is delivered in its order, so a resolved alert never overtakes its firing. A crash
 * between the answer and the delete sends the entry once more.
 */

import type {
  BatchOperation,
  Clock,
  KeyValueStore,
  Logger,
  Random,
} from "../../shared/platform/ports.ts";
import type { Metrics } from "../../shared/telemetry/metrics.ts";
import { Delivery, type DeliveryCounters } from "./delivery.ts";
import { type AlertChange, encodeNotification, groupChanges } from "./integrations/webhook.ts";
import type { NotifyConfig } from "./notify-config.ts";

/**
 * One POST of JSON. Never follows a redirect. Rejects with OperationalError UNAVAILABLE when there
 * is no answer, with the signal's reason when it is aborted.
 */
export type PostFn = (
  url: string,
  body: string,
  signal: AbortSignal,
) => Promise<{ readonly status: number; readonly text: string }>;

export type OutboxDeps = {
  readonly store: KeyValueStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly post: PostFn;
};

export type OutboxOptions = {
  /** Null: alerts are evaluated and shown, nothing is sent. */
  readonly config: NotifyConfig | null;
  /** Where this aggregator is reached, without a slash at the end. */
  readonly externalUrl: string;
  /** How long an entry is tried; 24 h unless told. */
  readonly expiryMs: number;
  /** Entries that may wait in one queue; over it the oldest expire. */
  readonly entriesMax: number;
};

/** Alerts of one request. */
const ALERTS_PER_ENTRY_MAX = 1000;
const IDS_PER_MS = 1024;
const PREFIX = "n|";
const ID_BYTES = 8;

/**
 * Opens the queues of the configuration. Entries of a webhook that is no longer configured expire
 * visibly. Nothing is sent before `run`.
 * @throws OperationalError STORAGE
 */
export async function openOutbox(deps: OutboxDeps, options: OutboxOptions): Promise<Outbox> {
  const { receiver } = options.config ?? { receiver: { name: "", webhooks: [] } };
  const counters = deliveryCounters(deps.metrics);
  const deliveries = receiver.webhooks.map((webhook, index) => {
    const prefix = queuePrefix(receiver.name, index);
    const place = { receiver: receiver.name, queue: `${receiver.name}/${index}`, prefix, webhook };
    return new Delivery(place, { ...deps, counters }, options);
  });
  let lastId = 0;
  const orphans = new Map<string, Uint8Array[]>();
  for await (const [key] of deps.store.entries({ gte: bytes(PREFIX), lt: bytes("n}") })) {
    lastId = Math.max(lastId, idOf(key));
    const prefix = Buffer.from(key.subarray(0, Math.max(0, key.length - ID_BYTES)));
    const owner = deliveries.find((one) => prefix.equals(one.place.prefix));
    if (owner !== undefined) owner.length += 1;
    else orphans.set(prefix.toString(), [...(orphans.get(prefix.toString()) ?? []), key]);
  }
  for (const [prefix, keys] of orphans) {
    const [, name = ""] = prefix.split("|");
    const queue = unescapeName(name);
    const fields = { queue, entries: keys.length };
    deps.logger.error(fields, "notifications expired: their receiver is no longer configured");
    const outcome = { receiver: queue.replace(/\/\d+$/, ""), outcome: "expired" };
    counters.notifications.add(keys.length, outcome);
    await deps.store.batch(
      keys.map((key) => ({ type: "del", key })),
      { sync: true },
    );
  }
  return new Outbox(deliveries, options, lastId);
}

export class Outbox {
  readonly #deliveries: readonly Delivery[];
  readonly #options: OutboxOptions;
  #lastId: number;

  constructor(deliveries: readonly Delivery[], options: OutboxOptions, lastId: number) {
    this.#deliveries = deliveries;
    this.#options = options;
    this.#lastId = lastId;
  }

  /** Puts for the batch that makes the changes safe; after it, call `wake`. */
  operations(changes: readonly AlertChange[], timeMs: number): BatchOperation[] {
    const groupBy = this.#options.config?.groupBy ?? null;
    const operations: BatchOperation[] = [];
    for (const delivery of this.#deliveries) {
      const { prefix, webhook } = delivery.place;
      const wanted = webhook.sendsResolved
        ? changes
        : changes.filter(({ status }) => status === "firing");
      for (const one of groupChanges(wanted, groupBy, timeMs, ALERTS_PER_ENTRY_MAX)) {
        const key = entryKey(prefix, this.#nextId(timeMs));
        operations.push({ type: "put", key, value: encodeNotification(one) });
        delivery.length += 1;
      }
    }
    return operations;
  }

  wake(): void {
    for (const delivery of this.#deliveries) delivery.wake();
  }

  /** Delivers until the signal is aborted; then resolves. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#deliveries.map((delivery) => delivery.run(signal)));
  }

  #nextId(timeMs: number): number {
    this.#lastId = Math.max(this.#lastId + 1, timeMs * IDS_PER_MS);
    return this.#lastId;
  }
}

function deliveryCounters(metrics: Metrics): DeliveryCounters {
  return {
    notifications: metrics.counter(
      "telltale_notifications_total",
      "Notifications by what became of them: delivered, rejected or expired.",
    ),
    failures: metrics.counter(
      "telltale_notification_attempts_failed_total",
      "Requests to a receiver that will be tried again.",
    ),
    length: metrics.gauge("telltale_outbox_entries", "Notifications that wait."),
    oldestAge: metrics.gauge(
      "telltale_outbox_oldest_age_seconds",
      "Age of the oldest notification that waits.",
    ),
  };
}

function queuePrefix(receiver: string, index: number): Buffer {
  return bytes(`${PREFIX}${encodeURIComponent(receiver)}/${index}|`);
}

function unescapeName(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name; // not a name of ours; it is only shown
  }
}

function entryKey(prefix: Buffer, id: number): Uint8Array {
  const key = Buffer.alloc(prefix.length + ID_BYTES);
  key.set(prefix);
  key.writeBigUInt64BE(BigInt(id), prefix.length);
  return key;
}

/** 0 for a key of another form. */
function idOf(key: Uint8Array): number {
  if (key.length < PREFIX.length + ID_BYTES) return 0;
  return Number(Buffer.from(key).readBigUInt64BE(key.length - ID_BYTES));
}

function bytes(text: string): Buffer {
  return Buffer.from(text);
}
