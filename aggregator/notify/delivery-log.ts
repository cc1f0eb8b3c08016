import { z } from "zod";
import { jsonRecord } from "../../shared/platform/json-record.ts";
import { type BatchOperation, del, type KeyValueStore, put } from "../../shared/platform/ports.ts";
import type { Delivery } from "../model/notification.ts";
import { LOG_RANGE, logKey, readKey } from "./outbox-entry.ts";

const delivery = z.object({
  timeMs: z.number(),
  receiver: z.string(),
  integration: z.string(),
  groupKey: z.string(),
  outcome: z.enum(["delivered", "rejected", "expired", "collapsed"]),
  firing: z.number(),
  resolved: z.number(),
  answer: z.string(),
  waitedMs: z.number(),
  attempts: z.number(),
});

const DELIVERIES_MAX = 10_000;

/** The last deliveries, in the store. */
export class DeliveryLog {
  readonly #store: KeyValueStore;
  /** Of the entries, oldest first. */
  readonly #ids: number[] = [];

  constructor(store: KeyValueStore) {
    this.#store = store;
  }

  /** The last id, or 0. @throws OperationalError STORAGE */
  async load(): Promise<number> {
    for await (const [key] of this.#store.entries(LOG_RANGE)) this.#ids.push(readKey(key).id);
    return this.#ids.at(-1) ?? 0;
  }

  /** For the batch that makes the outcome safe. An entry of a batch that fails is never there. */
  add(entry: Delivery, id: number): BatchOperation[] {
    this.#ids.push(id);
    const operations = [put(logKey(id), Buffer.from(JSON.stringify(entry)))];
    for (const old of this.#ids.splice(0, this.#ids.length - DELIVERIES_MAX)) {
      operations.push(del(logKey(old)));
    }
    return operations;
  }

  /** Newest first. @throws OperationalError STORAGE */
  async newest(limit: number): Promise<Delivery[]> {
    const found: Delivery[] = [];
    for await (const [, value] of this.#store.entries({ ...LOG_RANGE, reverse: true, limit })) {
      const entry = jsonRecord(delivery, value);
      if (entry !== null) found.push(entry);
    }
    return found;
  }
}
