/**
 * The outbox: notifications that wait until their receiver has taken them.
 *
 * Key: `n|QUEUE|ID`. A queue is one webhook of one receiver, `NAME/INDEX`, escaped so that it holds
 * no bar. The id is a big-endian 64-bit number that only grows: the time in milliseconds times 1024,
 * or one more than the last. Value: a Notification as JSON.
 *
 * An entry is written in the batch that makes the alert's change safe, and deleted when a webhook
 * answered 2xx, refused it for good, did not take it in time, or is no longer configured; all but the
 * first are counted and logged. A queue is delivered in its order, so a resolved alert never overtakes
 * its firing. A crash between the answer and the delete sends the entry once more.
 */

import { z } from "zod";
import { jsonRecord } from "../../shared/platform/json-record.ts";
import type { Notification } from "./dispatch-state.ts";

export type Queue = {
  readonly name: string;
  /** Of the keys of its entries. */
  readonly prefix: Buffer;
  /** Entries in the store. */
  waiting: number;
};

const PREFIX = "n|";
const ID_BYTES = 8;

/** The keys of all entries of all queues. */
export const OUTBOX_RANGE = { gte: Buffer.from(PREFIX), lt: Buffer.from("n}") };

/** The entries of a queue, in their order. */
export function entryRange({ prefix }: Queue) {
  return { gte: prefix, lt: Buffer.concat([prefix, Buffer.alloc(ID_BYTES + 1, 255)]) };
}

export function prefixOf(queue: string): Buffer {
  return Buffer.from(`${PREFIX}${encodeURIComponent(queue)}|`);
}

export function keyOf({ prefix }: Queue, id: number): Uint8Array {
  const key = Buffer.concat([prefix, Buffer.alloc(ID_BYTES)]);
  key.writeBigUInt64BE(BigInt(id), prefix.length);
  return key;
}

/** Of a key of another form the id is 0. */
export function readKey(bytes: Uint8Array): { queue: string; prefix: Buffer; id: number } {
  const key = Buffer.from(bytes);
  const prefix = key.subarray(0, Math.max(0, key.length - ID_BYTES));
  const id = key.length < PREFIX.length + ID_BYTES ? 0n : key.readBigUInt64BE(prefix.length);
  return { queue: nameOf(prefix), prefix, id: Number(id) };
}

function nameOf(prefix: Buffer): string {
  const [, name = ""] = prefix.toString().split("|");
  try {
    return decodeURIComponent(name);
  } catch {
    return name; // not a name of ours; it is only shown
  }
}

export const labels = z.array(z.string()).refine((texts) => texts.length % 2 === 0);
const notification = z.object({
  timeMs: z.number(),
  groupKey: z.string(),
  groupLabels: labels,
  alerts: z.array(
    z.object({
      status: z.enum(["firing", "resolved"]),
      labels,
      annotations: labels,
      startsAtMs: z.number(),
      endsAtMs: z.number().nullable(),
      generatorUrl: z.string(),
    }),
  ),
});

export function encodeNotification(value: Notification): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

/** Null for bytes that are damaged. */
export function decodeNotification(bytes: Uint8Array): Notification | null {
  return jsonRecord(notification, bytes);
}
