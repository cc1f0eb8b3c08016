/**
 * The records of the outbox, as JSON.
 *
 * `n|QUEUE|ID`: what waits for one integration of one group, its newest state. A queue is one
 * integration of a receiver, `NAME/KIND[INDEX]`, escaped so that it holds no bar. The id is a
 * big-endian 64-bit number that only grows: the time in milliseconds times 1024, or one more than the
 * last. It stays while the content is replaced, so what waits longest goes first.
 * `s|QUEUE|DIGEST`: what the integration was last sent of a group; by a digest of the group's key.
 * `l|ID`: what became of one that waited.
 * `c|`: the last run closed, so that what entries say of earlier attempts is all there is to say.
 */

import { z } from "zod";
import { jsonRecord } from "../../shared/platform/json-record.ts";
import type { Notification } from "../model/notification.ts";
import { digestOf, labels } from "./alert-records.ts";
import type { Sent } from "./dispatch/flush-state.ts";

const WAITING_PREFIX = "n|";
const SENT_PREFIX = "s|";
const LOG_PREFIX = "l|";
const ID_BYTES = 8;

export const CLOSED_KEY: Uint8Array = Buffer.from("c|");

export const OUTBOX_RANGE = { gte: Buffer.from(WAITING_PREFIX), lt: Buffer.from("n}") };
export const SENT_RANGE = { gte: Buffer.from(SENT_PREFIX), lt: Buffer.from("s}") };
export const LOG_RANGE = { gte: Buffer.from(LOG_PREFIX), lt: Buffer.from("l}") };

export function waitingKey(queue: string, id: number): Uint8Array {
  return idKey(`${WAITING_PREFIX}${encodeURIComponent(queue)}|`, id);
}

export function logKey(id: number): Uint8Array {
  return idKey(LOG_PREFIX, id);
}

export function sentKey(queue: string, groupKey: string): Uint8Array {
  return Buffer.from(`${SENT_PREFIX}${encodeURIComponent(queue)}|${digestOf(groupKey)}`);
}

function idKey(prefix: string, id: number): Uint8Array {
  const key = Buffer.concat([Buffer.from(prefix), Buffer.alloc(ID_BYTES)]);
  key.writeBigUInt64BE(BigInt(id), key.length - ID_BYTES);
  return key;
}

/** Of a key of another form the queue is "" and the id 0. */
export function readKey(bytes: Uint8Array): { readonly queue: string; readonly id: number } {
  const key = Buffer.from(bytes);
  if (key.length < LOG_PREFIX.length + ID_BYTES) return { queue: "", id: 0 };
  return { queue: queueOf(key), id: Number(key.readBigUInt64BE(key.length - ID_BYTES)) };
}

/** Of the keys of what waits and of what was sent. */
export function queueOf(key: Uint8Array): string {
  const [, name = ""] = Buffer.from(key).toString("latin1").split("|");
  try {
    return decodeURIComponent(name);
  } catch {
    return name; // not a name of ours; it is only shown
  }
}

export type OutboxEntry = {
  readonly notification: Notification;
  /** Digests of the group's alerts; of those too that the integration is not sent. */
  readonly firing: readonly string[];
  readonly resolved: readonly string[];
  /** What earlier attempts may have told. */
  readonly heard: { readonly firing: readonly string[]; readonly resolved: readonly string[] };
  readonly repeatIntervalMs: number;
};

/** What an integration was last sent of a group, and until when that counts. */
export type SentRecord = Sent & { readonly groupKey: string; readonly expiresAtMs: number };

const digests = z.array(z.string());
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
const outboxEntry = z.object({
  notification,
  firing: digests,
  resolved: digests,
  heard: z.object({ firing: digests, resolved: digests }),
  repeatIntervalMs: z.number(),
});
const sentRecord = z.object({
  groupKey: z.string(),
  timeMs: z.number(),
  expiresAtMs: z.number(),
  firing: digests.transform((all) => new Set(all)),
  resolved: digests.transform((all) => new Set(all)),
  unheard: digests.transform((all) => new Set(all)),
});

export function encodeEntry(entry: OutboxEntry): Uint8Array {
  return Buffer.from(JSON.stringify(entry));
}

/** Null for bytes that are damaged. */
export function decodeEntry(bytes: Uint8Array): OutboxEntry | null {
  return jsonRecord(outboxEntry, bytes);
}

export function encodeSent(sent: SentRecord): Uint8Array {
  const { firing, resolved, unheard } = sent;
  const sets = { firing: [...firing], resolved: [...resolved], unheard: [...unheard] };
  return Buffer.from(JSON.stringify({ ...sent, ...sets }));
}

/** Null for bytes that are damaged. */
export function decodeSent(bytes: Uint8Array): SentRecord | null {
  return jsonRecord(sentRecord, bytes);
}
