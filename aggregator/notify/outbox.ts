/**
 * The outbox: for each integration and group what it was last sent, and what waits until it has taken
 * it. At most one notification of a group waits for an integration: the next flush replaces it with
 * what then holds, or drops it when nothing has to be told any more. So after an hour without the
 * receiver what still matters arrives, once.
 */

import assert from "node:assert/strict";
import { getOrInsert } from "../../shared/model/get-or-insert.ts";
import type { Clock, KeyValueStore, Logger } from "../../shared/platform/ports.ts";
import { del, put } from "../../shared/platform/ports.ts";
import type { Metrics } from "../../shared/telemetry/metrics.ts";
import type { Delivery } from "../model/notification.ts";
import { digestOf } from "./alert-records.ts";
import type { ChangeSet } from "./change-set.ts";
import { DeliveryLog } from "./delivery-log.ts";
import { type Heard, joinHeard } from "./dispatch/flush-state.ts";
import type { Integration } from "./integrations/integration.ts";
import {
  CLOSED_KEY,
  decodeEntry,
  decodeSent,
  encodeEntry,
  encodeSent,
  OUTBOX_RANGE,
  type OutboxEntry,
  queueOf,
  readKey,
  SENT_RANGE,
  type SentRecord,
  sentKey,
  waitingKey,
} from "./outbox-entry.ts";

/** A notification that waits. */
export type Waiting = {
  readonly id: number;
  readonly groupKey: string;
  /** Since when, Unix milliseconds; it stays when the content is replaced. */
  readonly sinceMs: number;
  /** What it holds is sent, or replaced, just now: nobody else may begin with it. */
  isBusy: boolean;
  /** Its group was flushed while it was busy. */
  isOutdated: boolean;
  firing: number;
  resolved: number;
  attempts: number;
  lastAnswer: string;
  /** Which alerts it holds, and when it was written, Unix milliseconds. */
  readonly content: string;
  readonly writtenMs: number;
  readonly holds: Heard;
  /** What is stored, and in how many bytes; null where there is no room for more in memory. */
  kept: { readonly entry: OutboxEntry; readonly bytes: number } | null;
  heard: Heard;
};

/** One integration's part. The maps are by the group's key; `waiting` in the order of the ids. */
export type Queue = {
  readonly name: string;
  readonly waiting: Map<string, Waiting>;
  readonly sent: Map<string, SentRecord>;
};

/** How an attempt ended for good. */
export type Ending = {
  readonly outcome: Exclude<Delivery["outcome"], "waiting">;
  readonly answer: string;
  readonly reason?: "age" | "queue_full" | "receiver_removed";
  /** What was sent. */
  readonly entry: OutboxEntry | null;
};

type OutboxDeps = {
  readonly store: KeyValueStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly counters: ReturnType<typeof outboxCounters>;
};

const IDS_PER_MS = 1024;
const NONE: ReadonlySet<string> = new Set();
/** Of what waits, what is in memory as well: a healthy receiver is sent to without reading. */
const KEPT_BYTES_MAX = 4 * 1024 ** 2;
const NEW = { attempts: 0, lastAnswer: "", heard: { firing: NONE, resolved: NONE } };
/** Those that are delivered are logged together: thousands at once would wait for who reads the log. */
const LOG_LEVELS: Readonly<Record<Ending["outcome"], "debug" | "info" | "error">> = {
  delivered: "debug",
  collapsed: "info",
  rejected: "error",
  expired: "error",
};
/** What waits is written anew after so long though its alerts are the same: annotations change. */
const REWRITE_AFTER_MS = 30_000;

export function outboxCounters(metrics: Metrics) {
  return {
    notifications: metrics.counter(
      "telltale_notifications_total",
      "Notifications by what became of them: delivered, rejected, expired or collapsed; expired with a reason.",
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

export class Outbox {
  readonly log: DeliveryLog;
  readonly #deps: OutboxDeps;
  readonly #queues = new Map<string, Queue>();
  #lastId = 0;
  #keptBytes = 0;

  constructor(deps: OutboxDeps) {
    this.#deps = deps;
    this.log = new DeliveryLog(deps.store);
  }

  /** Records that are damaged are deleted, counted and logged. @throws OperationalError STORAGE */
  async load(): Promise<void> {
    const { store, counters, logger } = this.#deps;
    const damaged: Uint8Array[] = [];
    const wasClosed = (await store.get(CLOSED_KEY)) !== undefined;
    if (wasClosed) await store.batch([del(CLOSED_KEY)], { sync: true });
    for await (const [key, value] of store.entries(OUTBOX_RANGE)) {
      const entry = decodeEntry(value);
      const { queue, id } = readKey(key);
      this.#lastId = Math.max(this.#lastId, id);
      if (entry === null) {
        damaged.push(key);
        continue;
      }
      const fresh = waitingOf(entry, id);
      const noted = heardOf(entry.heard);
      // The last run may have died between an attempt and its note of it.
      const waiting = { ...fresh, heard: wasClosed ? noted : joinHeard(noted, fresh.holds) };
      this.queue(queue).waiting.set(waiting.groupKey, waiting);
    }
    for (const key of damaged) {
      const receiver = receiverOf(queueOf(key));
      counters.notifications.add(1, { receiver, outcome: "rejected" });
      logger.error({ queue: queueOf(key) }, "stored notification is damaged");
    }
    for await (const [key, value] of store.entries(SENT_RANGE)) {
      const sent = decodeSent(value);
      if (sent === null) damaged.push(key);
      else this.queue(queueOf(key)).sent.set(sent.groupKey, sent);
    }
    if (damaged.length > 0) await store.batch(damaged.map(del), { sync: false });
    this.#lastId = Math.max(this.#lastId, await this.log.load());
    for (const queue of this.#queues.values()) this.measure(queue);
  }

  /** Notes what attempts may have told, which a run that dies cannot. @throws OperationalError STORAGE */
  async close(): Promise<void> {
    const { store } = this.#deps;
    const operations = [put(CLOSED_KEY, new Uint8Array())];
    for (const { name, waiting } of this.#queues.values()) {
      for (const { id, kept, heard } of waiting.values()) {
        const key = waitingKey(name, id);
        const entry = kept?.entry ?? decodeEntry((await store.get(key)) ?? new Uint8Array());
        if (entry === null) continue;
        operations.push(put(key, encodeEntry({ ...entry, heard: toldOf(heard) })));
      }
    }
    await store.batch(operations, { sync: true });
  }

  queue(name: string): Queue {
    return getOrInsert(this.#queues, name, () => ({
      name,
      waiting: new Map<string, Waiting>(),
      sent: new Map<string, SentRecord>(),
    }));
  }

  /** Something of this group waits for one of these. */
  isWaiting(groupKey: string, integrations: readonly Integration[]): boolean {
    return integrations.some(({ queue }) => this.queue(queue).waiting.has(groupKey));
  }

  /** Waits in place of what waits of the group already, unless that says the same. */
  write(changes: ChangeSet, queue: Queue, entry: Omit<OutboxEntry, "heard">): void {
    const { groupKey, timeMs } = entry.notification;
    const known = queue.waiting.get(groupKey);
    const isFresh = known !== undefined && timeMs - known.writtenMs < REWRITE_AFTER_MS;
    if (isFresh && known.content === contentOf(entry)) return;
    assert(!known?.isBusy, "what is being sent is not replaced");
    const id = known?.id ?? this.#nextId(timeMs);
    const { attempts, lastAnswer, heard } = known ?? NEW;
    const waiting = { ...waitingOf(entry, id), isBusy: true, attempts, lastAnswer, heard };
    changes.set(queue.waiting, groupKey, waiting);
    const stored = { ...entry, heard: toldOf(heard) };
    const encoded = encodeEntry(stored);
    changes.operations.push(put(waitingKey(queue.name, id), encoded));
    changes.onDone(() => {
      waiting.isBusy = false;
      if (known !== undefined) this.#drop(known);
      if (this.#keptBytes + encoded.length <= KEPT_BYTES_MAX) {
        waiting.kept = { entry: stored, bytes: encoded.length };
        this.#keptBytes += encoded.length;
      }
      this.measure(queue);
    });
  }

  #drop(waiting: Waiting): void {
    this.#keptBytes -= waiting.kept?.bytes ?? 0;
    waiting.kept = null;
  }

  /** What waits has come to an end. */
  end(changes: ChangeSet, queue: Queue, waiting: Waiting, ending: Ending): void {
    const { entry } = ending;
    changes.set(queue.waiting, waiting.groupKey, undefined);
    changes.operations.push(del(waitingKey(queue.name, waiting.id)));
    // A message that is refused for good is not made again until something changes.
    if (entry !== null && (ending.outcome === "delivered" || ending.outcome === "rejected")) {
      this.#noteSent(changes, queue, entry);
    }
    const entryOfLog = { ...this.#deliveryOf(queue, waiting), ...endingOf(ending) };
    changes.operations.push(...this.log.add(entryOfLog, this.#nextId(entryOfLog.timeMs)));
    changes.onDone(() => {
      waiting.isBusy = false;
      this.#drop(waiting);
      this.#ended(queue, entryOfLog, ending);
    });
  }

  /** Nothing was sent, but from now on it counts as if this had been: nothing fires. */
  forget(changes: ChangeSet, queue: Queue, groupKey: string): void {
    if (!queue.sent.has(groupKey)) return;
    changes.set(queue.sent, groupKey, undefined);
    changes.operations.push(del(sentKey(queue.name, groupKey)));
  }

  /** These have ended, and the integration is not told. */
  noteUnheard(
    changes: ChangeSet,
    queue: Queue,
    groupKey: string,
    digests: ReadonlySet<string>,
  ): void {
    const sent = queue.sent.get(groupKey);
    if (sent === undefined) return;
    const unheard = new Set(sent.unheard);
    for (const digest of digests) if (sent.firing.has(digest)) unheard.add(digest);
    if (unheard.size > sent.unheard.size) this.#setSent(changes, queue, { ...sent, unheard });
  }

  #noteSent(changes: ChangeSet, queue: Queue, entry: OutboxEntry): void {
    const timeMs = this.#deps.clock.nowMs();
    this.#setSent(changes, queue, {
      groupKey: entry.notification.groupKey,
      timeMs,
      expiresAtMs: timeMs + 2 * entry.repeatIntervalMs,
      ...heardOf(entry),
      unheard: NONE,
    });
  }

  /** A record that nothing fires is as good as none. */
  #setSent(changes: ChangeSet, queue: Queue, sent: SentRecord): void {
    if (sent.firing.size === 0) {
      this.forget(changes, queue, sent.groupKey);
      return;
    }
    changes.set(queue.sent, sent.groupKey, sent);
    changes.operations.push(put(sentKey(queue.name, sent.groupKey), encodeSent(sent)));
  }

  /** Everything of queues that are not among these ends; what waits in them expires. */
  removeOthers(changes: ChangeSet, names: ReadonlySet<string>): void {
    const answer = "the receiver is no longer configured";
    for (const queue of [...this.#queues.values()]) {
      if (names.has(queue.name)) continue;
      for (const waiting of [...queue.waiting.values()]) {
        assert(!waiting.isBusy, "the loop of a queue that ends has ended");
        const reason = "receiver_removed";
        this.end(changes, queue, waiting, { outcome: "expired", answer, reason, entry: null });
      }
      for (const groupKey of [...queue.sent.keys()]) this.forget(changes, queue, groupKey);
      changes.onDone(() => this.#queues.delete(queue.name));
    }
  }

  /** Drops what was sent of groups that are no more, so long ago that it counts no more. */
  dropExpired(changes: ChangeSet, hasGroup: (groupKey: string) => boolean): void {
    const nowMs = this.#deps.clock.nowMs();
    for (const queue of this.#queues.values()) {
      for (const { groupKey, expiresAtMs } of [...queue.sent.values()]) {
        if (expiresAtMs < nowMs && !hasGroup(groupKey)) this.forget(changes, queue, groupKey);
      }
    }
  }

  measure(queue: Queue): void {
    const { counters, clock } = this.#deps;
    const labels = { receiver: receiverOf(queue.name), queue: queue.name };
    const [oldest] = queue.waiting.values();
    const ageMs = oldest === undefined ? 0 : Math.max(0, clock.nowMs() - oldest.sinceMs);
    counters.length.set(queue.waiting.size, labels);
    counters.oldestAge.set(ageMs / 1000, labels);
  }

  /** Everything that waits, the queues in the order in which they came up. */
  waiting(): Delivery[] {
    return [...this.#queues.values()].flatMap((queue) =>
      [...queue.waiting.values()].map((waiting) => this.#deliveryOf(queue, waiting)),
    );
  }

  #deliveryOf(queue: Queue, waiting: Waiting): Delivery {
    const { groupKey, firing, resolved, attempts, sinceMs, lastAnswer } = waiting;
    const timeMs = this.#deps.clock.nowMs();
    const waitedMs = Math.max(0, timeMs - sinceMs);
    const receiver = receiverOf(queue.name);
    const integration = queue.name.slice(receiver.length + 1).replace(/\[\d+\]$/, "");
    return {
      ...{ timeMs, receiver, integration, groupKey, outcome: "waiting" },
      ...{ firing, resolved, answer: lastAnswer, waitedMs, attempts },
    };
  }

  #ended(queue: Queue, entry: Delivery, { outcome, reason }: Ending): void {
    const { counters, logger } = this.#deps;
    this.measure(queue);
    const { receiver, groupKey, answer } = entry;
    counters.notifications.add(1, {
      receiver,
      outcome,
      ...(reason === undefined ? {} : { reason }),
    });
    const { firing, resolved, attempts } = entry;
    const fields = { queue: queue.name, group: groupKey, firing, resolved, attempts, answer };
    logger[LOG_LEVELS[outcome]](fields, `notification ${outcome}`);
  }

  #nextId(timeMs: number): number {
    this.#lastId = Math.max(this.#lastId + 1, timeMs * IDS_PER_MS);
    return this.#lastId;
  }
}

function contentOf({ firing, resolved }: Omit<OutboxEntry, "heard">): string {
  return digestOf(`${firing.join()}|${resolved.join()}`);
}

function heardOf({ firing, resolved }: Record<"firing" | "resolved", readonly string[]>): Heard {
  return { firing: setOf(firing), resolved: setOf(resolved) };
}

function setOf(digests: readonly string[]): ReadonlySet<string> {
  return digests.length === 0 ? NONE : new Set(digests);
}

function toldOf({ firing, resolved }: Heard): OutboxEntry["heard"] {
  return { firing: [...firing], resolved: [...resolved] };
}

function waitingOf(entry: Omit<OutboxEntry, "heard">, id: number): Waiting {
  const { groupKey, alerts, timeMs } = entry.notification;
  const firing = alerts.filter(({ status }) => status === "firing").length;
  const sinceMs = Math.floor(id / IDS_PER_MS);
  return {
    ...{ id, groupKey, sinceMs, isBusy: false, isOutdated: false, kept: null },
    ...{ firing, resolved: alerts.length - firing, ...NEW },
    ...{ content: contentOf(entry), writtenMs: timeMs, holds: heardOf(entry) },
  };
}

function endingOf({ outcome, answer }: Ending) {
  return { outcome, answer };
}

/** Of `NAME/KIND[INDEX]`. */
function receiverOf(queue: string): string {
  return queue.slice(0, Math.max(0, queue.lastIndexOf("/")));
}
