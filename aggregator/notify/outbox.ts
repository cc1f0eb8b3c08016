import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { getOrInsert } from "../../shared/model/get-or-insert.ts";
import { type BatchOperation, del, put } from "../../shared/platform/ports.ts";
import { Delivery, type DeliveryDeps, type DeliveryOptions } from "./delivery.ts";
import type { Send } from "./dispatch-state.ts";
import type { Webhook } from "./integrations/webhook.ts";
import {
  encodeNotification,
  entryRange,
  keyOf,
  OUTBOX_RANGE,
  prefixOf,
  type Queue,
  readKey,
} from "./outbox-entry.ts";

/** The entries of a queue that has no webhook any more. */
type Orphans = { readonly queue: Queue; readonly deletions: readonly BatchOperation[] };

type Loop = {
  readonly delivery: Delivery;
  readonly stop: AbortController;
  readonly done: Promise<void>;
};

const IDS_PER_MS = 1024;

/** The queues, and a delivery loop for each that has a webhook. */
export class Outbox {
  readonly #deps: DeliveryDeps;
  readonly #options: DeliveryOptions;
  /** By name: those with entries, and those with a webhook. */
  readonly #queues = new Map<string, Queue>();
  /** By the queue's name. */
  readonly #loops = new Map<string, Loop>();
  #lastId = 0;

  constructor(deps: DeliveryDeps, options: DeliveryOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  /** Counts what waits. @throws OperationalError STORAGE */
  async load(): Promise<void> {
    for await (const [key] of this.#deps.store.entries(OUTBOX_RANGE)) {
      const { queue, prefix, id } = readKey(key);
      this.#lastId = Math.max(this.#lastId, id);
      this.#queue(queue, prefix).waiting += 1;
    }
  }

  /** For the batch that makes the change safe; after it, call `added`. */
  put({ queue, notification }: Send): BatchOperation {
    this.#lastId = Math.max(this.#lastId + 1, notification.timeMs * IDS_PER_MS);
    const key = keyOf(this.#queue(queue), this.#lastId);
    return put(key, encodeNotification(notification));
  }

  /** The batch with these is on the disk. */
  added(sends: readonly Send[]): void {
    for (const { queue } of sends) {
      this.#queue(queue).waiting += 1;
      this.#loops.get(queue)?.delivery.wake();
    }
  }

  /** Ends the loops of all webhooks but these; what they were sending is as if it had not been tried. */
  async stopOthers(webhooks: readonly Webhook[]): Promise<void> {
    const ended = [...this.#loops].filter(([, { delivery }]) => {
      return !webhooks.some((webhook) => isDeepStrictEqual(webhook, delivery.webhook));
    });
    for (const [, { stop }] of ended) stop.abort();
    await Promise.all(ended.map(([, { done }]) => done));
    for (const [name] of ended) this.#loops.delete(name);
  }

  /** Starts a loop for each webhook that has none. */
  start(webhooks: readonly Webhook[]): void {
    for (const webhook of webhooks) {
      if (this.#loops.has(webhook.queue)) continue;
      const stop = new AbortController();
      const queue = this.#queue(webhook.queue);
      const delivery = new Delivery({ queue, webhook }, this.#deps, this.#options);
      this.#loops.set(webhook.queue, { delivery, stop, done: delivery.run(stop.signal) });
    }
  }

  /** What waits and has none of these webhooks. @throws OperationalError STORAGE */
  async orphans(webhooks: readonly Webhook[]): Promise<Orphans[]> {
    const found: Orphans[] = [];
    for (const queue of this.#queues.values()) {
      if (webhooks.some((webhook) => webhook.queue === queue.name)) continue;
      assert(!this.#loops.has(queue.name), "the entries of an orphan are not being sent");
      const deletions: BatchOperation[] = [];
      for await (const [key] of this.#deps.store.entries(entryRange(queue))) {
        deletions.push(del(key));
      }
      found.push({ queue, deletions });
    }
    return found;
  }

  /** The batch that deletes these is on the disk. */
  expired(orphans: readonly Orphans[]): void {
    const { counters, logger } = this.#deps;
    for (const { queue, deletions } of orphans) {
      const receiver = queue.name.replace(/\/\d+$/, "");
      this.#queues.delete(queue.name);
      counters.length.set(0, { receiver, queue: queue.name });
      counters.oldestAge.set(0, { receiver, queue: queue.name });
      if (deletions.length === 0) continue;
      const reason = "receiver_removed";
      counters.notifications.add(deletions.length, { receiver, outcome: "expired", reason });
      const fields = { queue: queue.name, entries: deletions.length };
      logger.error(fields, "notifications expired: their receiver is no longer configured");
    }
  }

  #queue(name: string, prefix = prefixOf(name)): Queue {
    return getOrInsert(this.#queues, name, () => ({ name, prefix, waiting: 0 }));
  }
}
