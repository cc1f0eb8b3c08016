import { errorMessage, OperationalError } from "../../shared/errors.ts";
import type { Clock, Entry, KeyValueStore, Logger, Random } from "../../shared/platform/ports.ts";
import type { Counter, Gauge } from "../../shared/telemetry/metrics.ts";
import {
  decodeNotification,
  groupKey,
  type Notification,
  webhookBody,
} from "./integrations/webhook.ts";
import type { Webhook } from "./notify-config.ts";

type DeliveryDeps = {
  readonly store: KeyValueStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly counters: DeliveryCounters;
  readonly post: (
    url: string,
    body: string,
    signal: AbortSignal,
  ) => Promise<{ readonly status: number; readonly text: string }>;
};

export type DeliveryCounters = {
  readonly notifications: Counter;
  readonly failures: Counter;
  readonly length: Gauge;
  readonly oldestAge: Gauge;
};

type DeliveryOptions = {
  readonly externalUrl: string;
  readonly expiryMs: number;
  readonly entriesMax: number;
};

/** Which webhook, and where its entries stand in the store. */
export type DeliveryPlace = {
  readonly receiver: string;
  /** As it is shown. */
  readonly queue: string;
  readonly prefix: Buffer;
  readonly webhook: Webhook;
};

type Outcome = "delivered" | "rejected" | "expired";

const BACKOFF_FIRST_MS = 200;
const BACKOFF_MAX_MS = 30_000;
const READ_MAX = 100;
/** How long an idle queue goes without a look, and its gauges without a new value. */
const IDLE_MAX_MS = 30_000;
const ANSWER_SHOWN_MAX = 200;

/** Sends the entries of one queue, one at a time, in their order. */
export class Delivery {
  readonly place: DeliveryPlace;
  /** Entries that wait, as far as is known: those staged and never made safe count until the next look. */
  length = 0;
  readonly #deps: DeliveryDeps;
  readonly #options: DeliveryOptions;
  #failures = 0;
  #isWoken = false;
  #idle: AbortController | null = null;

  constructor(place: DeliveryPlace, deps: DeliveryDeps, options: DeliveryOptions) {
    this.place = place;
    this.#deps = deps;
    this.#options = options;
  }

  /** There may be new entries. */
  wake(): void {
    this.#isWoken = true;
    this.#idle?.abort();
  }

  async run(signal: AbortSignal): Promise<void> {
    try {
      for (;;) {
        this.#isWoken = false;
        const isDone = await this.#drain(signal);
        signal.throwIfAborted();
        if (isDone) await this.#idleWait(signal);
        else await this.#deps.clock.sleep(this.#backoffMs(), signal);
      }
    } catch (error) {
      if (!signal.aborted || error !== signal.reason) throw error;
    }
  }

  /** Sends what waits. False when the first entry, or the store, has to be tried again later. */
  async #drain(signal: AbortSignal): Promise<boolean> {
    try {
      for (;;) {
        const entries = await this.#read();
        for (const entry of entries) {
          signal.throwIfAborted();
          if (!(await this.#handle(entry, signal))) return false;
        }
        if (entries.length < READ_MAX) return true;
      }
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      this.#failed({ code: error.code, error: errorMessage(error) }, "outbox could not be used");
      return false;
    }
  }

  async #read(): Promise<Entry[]> {
    const { prefix, receiver, queue } = this.place;
    const end = Buffer.concat([prefix, Buffer.alloc(9, 255)]);
    const entries: Entry[] = [];
    const range = { gte: prefix, lt: end, limit: READ_MAX };
    for await (const entry of this.#deps.store.entries(range)) entries.push(entry);
    if (entries.length < READ_MAX) this.length = entries.length;
    const oldest = entries[0] === undefined ? null : decodeNotification(entries[0][1]);
    const ageMs = oldest === null ? 0 : this.#deps.clock.nowMs() - oldest.timeMs;
    const labels = { receiver, queue };
    this.#deps.counters.length.set(this.length, labels);
    this.#deps.counters.oldestAge.set(Math.max(0, ageMs) / 1000, labels);
    return entries;
  }

  /** False when the entry stays where it is. */
  async #handle([key, value]: Entry, signal: AbortSignal): Promise<boolean> {
    const notification = decodeNotification(value);
    if (notification === null) {
      await this.#remove(key, "rejected", { error: "the stored entry is damaged" });
      return true;
    }
    const group = groupKey(notification.groupLabels);
    const fields = { group, alerts: notification.alerts.length };
    const isOver = this.length > this.#options.entriesMax;
    if (isOver || this.#deps.clock.nowMs() - notification.timeMs > this.#options.expiryMs) {
      const error = isOver ? "the queue is full" : "the receiver did not take it in time";
      await this.#remove(key, "expired", { ...fields, error });
      return true;
    }
    const answer = await this.#post(notification, signal);
    if (answer.kind === "retry") {
      this.#failed({ ...fields, error: answer.error }, "notification failed, will be tried again");
      return false;
    }
    await this.#remove(key, answer.kind, { ...fields, ...answer.fields });
    this.#failures = 0;
    return true;
  }

  async #post(notification: Notification, signal: AbortSignal): Promise<Answer> {
    const { webhook, receiver } = this.place;
    const { externalUrl } = this.#options;
    const body = webhookBody(notification, {
      receiver,
      externalUrl,
      alertsMax: webhook.alertsMax,
    });
    try {
      const { status, text } = await this.#withTimeout(body, signal);
      if (status >= 200 && status < 300) return { kind: "delivered", fields: { status } };
      const error = `answered ${status}: ${text.slice(0, ANSWER_SHOWN_MAX)}`;
      const isTemporary = status >= 500 || status === 408 || status === 429;
      return isTemporary ? { kind: "retry", error } : { kind: "rejected", fields: { error } };
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      return { kind: "retry", error: errorMessage(error) };
    }
  }

  async #withTimeout(body: string, signal: AbortSignal) {
    const { url, timeoutMs } = this.place.webhook;
    const attempt = new AbortController();
    const abort = () => attempt.abort(signal.reason);
    signal.addEventListener("abort", abort);
    const timeout = this.#deps.clock.sleep(timeoutMs, attempt.signal).then(() => {
      throw new OperationalError("UNAVAILABLE", `No answer within ${timeoutMs} ms`);
    });
    const posted = this.#deps.post(url, body, attempt.signal);
    try {
      return await Promise.race([posted, timeout]);
    } finally {
      signal.removeEventListener("abort", abort);
      attempt.abort();
      await Promise.allSettled([posted, timeout]);
    }
  }

  async #remove(key: Uint8Array, outcome: Outcome, fields: object): Promise<void> {
    const { receiver, queue } = this.place;
    await this.#deps.store.batch([{ type: "del", key }], { sync: true });
    this.length = Math.max(0, this.length - 1);
    this.#deps.counters.notifications.add(1, { receiver, outcome });
    const all = { queue, ...fields };
    if (outcome === "delivered") this.#deps.logger.info(all, "notification delivered");
    else this.#deps.logger.error(all, `notification ${outcome}`);
  }

  #failed(fields: object, message: string): void {
    const { receiver, queue } = this.place;
    this.#failures += 1;
    this.#deps.counters.failures.add(1, { receiver });
    this.#deps.logger.warn({ queue, failures: this.#failures, ...fields }, message);
  }

  /** Full jitter: anything up to the exponential bound. */
  #backoffMs(): number {
    const boundMs = Math.min(
      BACKOFF_MAX_MS,
      BACKOFF_FIRST_MS * 2 ** Math.min(this.#failures - 1, 20),
    );
    return this.#deps.random() * boundMs;
  }

  /** Until `wake`, or for a while. */
  async #idleWait(signal: AbortSignal): Promise<void> {
    if (this.#isWoken) return;
    const idle = new AbortController();
    this.#idle = idle;
    const abort = () => idle.abort();
    signal.addEventListener("abort", abort);
    try {
      await this.#deps.clock.sleep(IDLE_MAX_MS, idle.signal);
    } catch (error) {
      if (!idle.signal.aborted) throw error;
    } finally {
      signal.removeEventListener("abort", abort);
      this.#idle = null;
    }
    signal.throwIfAborted();
  }
}

type Answer =
  | { readonly kind: "delivered" | "rejected"; readonly fields: object }
  | { readonly kind: "retry"; readonly error: string };
