import assert from "node:assert/strict";
import { errorMessage, OperationalError } from "../../shared/errors.ts";
import { del, type Entry, type Random } from "../../shared/platform/ports.ts";
import type { PostAnswer } from "../../shared/platform/post-json.ts";
import type { Metrics } from "../../shared/telemetry/metrics.ts";
import type { StoredPartDeps } from "../../shared/telemetry/part-deps.ts";
import { backoffMs } from "../../shared/time/backoff.ts";
import { withDeadline } from "../../shared/time/deadline.ts";
import { eitherSignal } from "../../shared/time/either-signal.ts";
import { sleepUnlessAborted } from "../../shared/time/repeat.ts";
import type { Notification } from "./dispatch-state.ts";
import { type Webhook, webhookBody } from "./integrations/webhook.ts";
import { decodeNotification, entryRange, type Queue } from "./outbox-entry.ts";

/** As postJson. */
export type PostFn = (url: string, body: string, signal: AbortSignal) => Promise<PostAnswer>;

export type DeliveryDeps = Omit<StoredPartDeps, "metrics"> & {
  readonly random: Random;
  readonly post: PostFn;
  readonly counters: ReturnType<typeof deliveryCounters>;
};

export type DeliveryOptions = {
  /** Where this aggregator is reached, without a slash at the end. */
  readonly external: { readonly url: string };
  /** How long an entry is tried. */
  readonly expiryMs: number;
  /** Entries that may wait in one queue; over it the oldest expire. */
  readonly entriesMax: number;
};

/** What becomes of an entry; null: it stays where it is and is tried again. */
type Outcome = {
  readonly outcome: "delivered" | "rejected" | "expired";
  readonly reason?: "age" | "queue_full";
  readonly fields: object;
} | null;

const RETRY = { firstMs: 200, maxMs: 30_000 };
/** A receiver may ask to be left alone for so long; a slip of its pen does not silence it for days. */
const RETRY_AFTER_MAX_MS = 600_000;
/**
 * The message itself is bad, and will be. Any other answer may change: a token is put right, a proxy
 * comes back, a route is found.
 */
const FINAL: ReadonlySet<number> = new Set([400, 413, 422]);
const READ_MAX = 100;
/** How long an idle queue goes without a look, and its gauges without a new value. */
const IDLE_MAX_MS = 30_000;
const ANSWER_SHOWN_MAX = 200;

export function deliveryCounters(metrics: Metrics) {
  return {
    notifications: metrics.counter(
      "telltale_notifications_total",
      "Notifications by what became of them: delivered, rejected or expired, that with a reason.",
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

/** Sends the entries of one queue, one at a time, in their order. */
export class Delivery {
  readonly webhook: Webhook;
  readonly #queue: Queue;
  readonly #deps: DeliveryDeps;
  readonly #options: DeliveryOptions;
  #failures = 0;
  /** What the receiver asked for with its last answer. */
  #retryAfterMs = 0;
  /** Aborted when there may be new entries. */
  #woken = new AbortController();

  constructor(
    { queue, webhook }: { readonly queue: Queue; readonly webhook: Webhook },
    deps: DeliveryDeps,
    options: DeliveryOptions,
  ) {
    this.#queue = queue;
    this.webhook = webhook;
    this.#deps = deps;
    this.#options = options;
  }

  /** There may be new entries. */
  wake(): void {
    this.#woken.abort();
  }

  /** Until the signal is aborted; then it resolves. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#deps;
    while (!signal.aborted) {
      this.#woken = new AbortController();
      if (await this.#drain(signal)) {
        using idle = eitherSignal(signal, this.#woken.signal);
        await sleepUnlessAborted(clock, IDLE_MAX_MS, idle.signal);
      } else {
        const pauseMs = backoffMs(RETRY, this.#failures, random());
        await sleepUnlessAborted(clock, Math.max(pauseMs, this.#retryAfterMs), signal);
      }
    }
  }

  /** Sends what waits. False when aborted, or when an entry or the store has to be tried again. */
  async #drain(signal: AbortSignal): Promise<boolean> {
    try {
      for (;;) {
        const entries = await this.#read();
        for (const [key, value] of entries) {
          signal.throwIfAborted();
          const outcome = await this.#send(decodeNotification(value), signal);
          if (outcome === null) return false;
          await this.#remove(key, outcome);
        }
        signal.throwIfAborted();
        if (entries.length < READ_MAX) return true;
      }
    } catch (error) {
      if (signal.aborted && error === signal.reason) return false;
      if (!(error instanceof OperationalError)) throw error;
      this.#failed({ code: error.code, error: errorMessage(error) }, "outbox could not be used");
      return false;
    }
  }

  async #read(): Promise<Entry[]> {
    const { store, clock, counters } = this.#deps;
    const entries: Entry[] = [];
    const range = { ...entryRange(this.#queue), limit: READ_MAX };
    for await (const entry of store.entries(range)) entries.push(entry);
    const oldest = entries[0] === undefined ? null : decodeNotification(entries[0][1]);
    const ageMs = oldest === null ? 0 : clock.nowMs() - oldest.timeMs;
    counters.length.set(this.#queue.waiting, this.#labels);
    counters.oldestAge.set(Math.max(0, ageMs) / 1000, this.#labels);
    return entries;
  }

  async #send(notification: Notification | null, signal: AbortSignal): Promise<Outcome> {
    if (notification === null) {
      return { outcome: "rejected", fields: { error: "the stored entry is damaged" } };
    }
    const { expiryMs, entriesMax } = this.#options;
    const { timeMs, groupKey, alerts } = notification;
    const fields = { group: groupKey, alerts: alerts.length };
    if (this.#queue.waiting > entriesMax) {
      const error = "the queue is full";
      return { outcome: "expired", reason: "queue_full", fields: { ...fields, error } };
    }
    if (this.#deps.clock.nowMs() - timeMs > expiryMs) {
      const error = "the receiver did not take it in time";
      return { outcome: "expired", reason: "age", fields: { ...fields, error } };
    }
    this.#retryAfterMs = 0;
    try {
      const { status, text, retryAfterMs } = await this.#post(notification, signal);
      if (status >= 200 && status < 300) {
        return { outcome: "delivered", fields: { ...fields, status } };
      }
      const answer = `answered ${status}: ${text.slice(0, ANSWER_SHOWN_MAX)}`;
      if (FINAL.has(status)) return { outcome: "rejected", fields: { ...fields, error: answer } };
      this.#retryAfterMs = Math.min(retryAfterMs ?? 0, RETRY_AFTER_MAX_MS);
      throw new OperationalError("UNAVAILABLE", answer);
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      const message = "notification failed, will be tried again";
      this.#failed({ ...fields, error: errorMessage(error) }, message);
      return null;
    }
  }

  async #post(notification: Notification, signal: AbortSignal) {
    const { url, timeoutMs } = this.webhook;
    const { clock, post } = this.#deps;
    const late = () => new OperationalError("UNAVAILABLE", `No answer within ${timeoutMs} ms`);
    const body = webhookBody(notification, this.webhook, this.#options.external.url);
    const deadline = { clock, ms: timeoutMs, signal, late };
    return await withDeadline(deadline, (attempt) => post(url, body, attempt));
  }

  async #remove(key: Uint8Array, { outcome, reason, fields }: NonNullable<Outcome>) {
    const { store, counters, logger } = this.#deps;
    await store.batch([del(key)], { sync: true });
    assert(this.#queue.waiting > 0, "an entry is counted before it is removed");
    this.#queue.waiting -= 1;
    counters.length.set(this.#queue.waiting, this.#labels);
    if (outcome !== "expired") this.#failures = 0;
    const labels = { receiver: this.webhook.receiver, outcome };
    counters.notifications.add(1, reason === undefined ? labels : { ...labels, reason });
    const all = { queue: this.#queue.name, ...fields };
    if (outcome === "delivered") logger.info(all, "notification delivered");
    else logger.error(all, `notification ${outcome}`);
  }

  #failed(fields: object, message: string): void {
    const { counters, logger } = this.#deps;
    this.#failures += 1;
    counters.failures.add(1, { receiver: this.webhook.receiver });
    logger.warn({ queue: this.#queue.name, failures: this.#failures, ...fields }, message);
  }

  get #labels() {
    return { receiver: this.webhook.receiver, queue: this.#queue.name };
  }
}
