import { errorMessage, OperationalError, systemCode } from "../../shared/errors.ts";
import type { Clock, KeyValueStore, Logger, Random } from "../../shared/platform/ports.ts";
import { backoffMs } from "../../shared/time/backoff.ts";
import { withDeadline } from "../../shared/time/deadline.ts";
import { eitherSignal } from "../../shared/time/either-signal.ts";
import { sleepUnlessAborted } from "../../shared/time/repeat.ts";
import type { Notification } from "../model/notification.ts";
import { joinHeard } from "./dispatch/flush-state.ts";
import type { Integration, SendAnswer, SendPorts } from "./integrations/integration.ts";
import { mergeNotifications } from "./message-parts.ts";
import type { Ending, outboxCounters, Queue, Waiting } from "./outbox.ts";
import { decodeEntry, type OutboxEntry, waitingKey } from "./outbox-entry.ts";

/**
 * The notification with what helps to understand its alerts, as annotations of them, for one attempt.
 * Never fails, and takes no longer than a message may be late for it.
 */
export type ContextFn = (notification: Notification, signal: AbortSignal) => Promise<Notification>;

export type DeliveryDeps = {
  readonly store: KeyValueStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly ports: SendPorts;
  readonly context: ContextFn;
  readonly counters: ReturnType<typeof outboxCounters>;
  /** Takes what became of a notification into the store. @throws OperationalError STORAGE */
  readonly end: (queue: Queue, waiting: Waiting, ending: Ending) => Promise<void>;
  /** An attempt has failed; the notification waits again. */
  readonly release: (queue: Queue, waiting: Waiting) => void;
};

export type DeliveryOptions = {
  /** How long a notification is tried. */
  readonly expiryMs: number;
  /** That may wait in one queue; over it the oldest expire. */
  readonly entriesMax: number;
};

const RETRY = { firstMs: 200, maxMs: 30_000 };
/** A receiver may ask to be left alone for so long; a slip of its pen does not silence it for days. */
const RETRY_AFTER_MAX_MS = 600_000;
/** How long an idle queue goes without a look, and its gauges without a new value. */
const IDLE_MAX_MS = 30_000;
/** Requests to one receiver at a time; one after a failure. */
const CONCURRENT_MAX = 32;
/** Those with the ones whose answers are becoming safe: a crash then has so many sent twice at most. */
const RUNNING_MAX = 256;
const MINUTE_MS = 60_000;
/** Notifications that become one where the receiver takes only so many a minute. */
const TOGETHER_MAX = 50;
const ANSWER_SHOWN_MAX = 200;

/** Nothing was taken: there was no connection, or the answer says so. */
const REFUSED = { code: "ECONNREFUSED" };
const REFUSALS: ReadonlySet<string | null> = new Set([
  "ECONNREFUSED",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "UND_ERR_CONNECT_TIMEOUT",
]);

function isRefused(error: unknown): boolean {
  return error instanceof OperationalError && REFUSALS.has(systemCode(error.cause));
}

/** Whether the receiver took it nobody knows. */
function mayHaveHeard(waiting: Waiting): void {
  waiting.heard = joinHeard(waiting.heard, waiting.holds);
}

/** Some that wait, sent as one message. */
type Parcel = readonly Waiting[];

type Read = { readonly waiting: Waiting; readonly entry: OutboxEntry };

/** Why a signal is aborted that ends a sleep. */
const NEWS = "there is something to do";

/** Sends what waits for one integration, what waits longest first. */
export class Delivery {
  readonly integration: Integration;
  readonly #queue: Queue;
  readonly #deps: DeliveryDeps;
  readonly #options: DeliveryOptions;
  #failures = 0;
  readonly #running = new Set<Promise<void>>();
  /** Of them, those without an answer yet. */
  #asking = 0;
  /** One of them has failed; no other begins before all have ended and a pause. */
  #hasFailed = false;
  /** What the receiver asked for with its last answers. */
  #retryAfterMs = 0;
  /** When it was sent to in the last minute, monotonic; empty where there is no limit. */
  #sentMs: number[] = [];
  /** An attempt has got on or there may be something to send, since the loop last looked. */
  #hasNews = false;
  #tell = () => {};

  constructor(
    { queue, integration }: { readonly queue: Queue; readonly integration: Integration },
    deps: DeliveryDeps,
    options: DeliveryOptions,
  ) {
    this.#queue = queue;
    this.integration = integration;
    this.#deps = deps;
    this.#options = options;
  }

  /** There may be something to send. */
  wake(): void {
    this.#hasNews = true;
    this.#tell();
  }

  /** Until the signal is aborted; then it resolves. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#deps;
    while (!signal.aborted) {
      this.#hasNews = false;
      if (!this.#hasFailed) for (const parcel of this.#next()) this.#begin(parcel, signal);
      if (this.#running.size > 0) {
        await this.#news();
      } else if (this.#hasFailed) {
        const pauseMs = backoffMs(RETRY, this.#failures, random());
        await sleepUnlessAborted(clock, Math.max(pauseMs, this.#retryAfterMs), signal);
        this.#hasFailed = false;
        this.#retryAfterMs = 0;
      } else {
        const woken = new AbortController();
        this.#tell = () => woken.abort(NEWS);
        using idle = eitherSignal(signal, woken.signal);
        await sleepUnlessAborted(clock, this.#idleMs(), idle.signal);
      }
    }
    await Promise.all(this.#running);
  }

  #begin(parcel: Parcel, signal: AbortSignal): void {
    const attempt = this.#attempt(parcel, signal).then(() => {
      this.#running.delete(attempt);
      this.wake();
    });
    this.#running.add(attempt);
  }

  async #news(): Promise<void> {
    if (this.#hasNews) return;
    await new Promise<void>((resolve) => {
      this.#tell = resolve;
    });
  }

  /** What to send now, at once. */
  #next(): Parcel[] {
    const { perMinuteMax } = this.integration;
    if (perMinuteMax === null) {
      const running = this.#running.size;
      const most =
        this.#failures > 0
          ? 1 - running
          : Math.min(CONCURRENT_MAX - this.#asking, RUNNING_MAX - running);
      return this.#free(most).map((one) => [one]);
    }
    const free = this.#free(TOGETHER_MAX);
    const sinceMs = this.#deps.clock.monotonicMs() - MINUTE_MS;
    this.#sentMs = this.#sentMs.filter((ms) => ms > sinceMs);
    const left = perMinuteMax - this.#sentMs.length;
    if (left <= 0 || free.length === 0 || this.#running.size > 0) return [];
    // With room for each they go one by one; else the last that may go takes many with it.
    return free.length <= left ? [free.slice(0, 1)] : [free];
  }

  /** What nobody sends, what waits longest first. */
  #free(most: number): Waiting[] {
    const free: Waiting[] = [];
    for (const waiting of this.#queue.waiting.values()) {
      if (free.length >= most) break;
      if (!waiting.isBusy) free.push(waiting);
    }
    return free;
  }

  #idleMs(): number {
    const { perMinuteMax } = this.integration;
    const [oldestMs] = this.#sentMs;
    if (perMinuteMax === null || oldestMs === undefined) return IDLE_MAX_MS;
    if (this.#sentMs.length < perMinuteMax) return IDLE_MAX_MS;
    return Math.min(IDLE_MAX_MS, oldestMs + MINUTE_MS - this.#deps.clock.monotonicMs() + 1);
  }

  async #attempt(parcel: Parcel, signal: AbortSignal): Promise<void> {
    for (const waiting of parcel) waiting.isBusy = true;
    try {
      await this.#sendParcel(parcel, signal);
    } catch (error) {
      if (!isRefused(error)) for (const waiting of parcel) mayHaveHeard(waiting);
      if (signal.aborted) return;
      if (!(error instanceof OperationalError)) throw error;
      this.#failed(parcel, { code: error.code, error: errorMessage(error) });
    } finally {
      for (const waiting of parcel) {
        if (waiting.isBusy) this.#deps.release(this.#queue, waiting);
      }
    }
  }

  async #sendParcel(parcel: Parcel, signal: AbortSignal): Promise<void> {
    const read: Read[] = [];
    for (const waiting of parcel) {
      const entry = await this.#read(waiting);
      if (entry !== null) read.push({ waiting, entry });
    }
    if (read.length === 0) return;
    signal.throwIfAborted();
    for (const { waiting } of read) waiting.attempts += 1;
    if (this.integration.perMinuteMax !== null) this.#sentMs.push(this.#deps.clock.monotonicMs());
    const { outcome, text, retryAfterMs } = await this.#ask(read, signal);
    const answer = text.slice(0, ANSWER_SHOWN_MAX);
    if (outcome === "retry") {
      const asked = Math.min(retryAfterMs ?? 0, RETRY_AFTER_MAX_MS);
      this.#retryAfterMs = Math.max(this.#retryAfterMs, asked);
      throw new OperationalError("UNAVAILABLE", answer, { cause: REFUSED });
    }
    await Promise.all(
      read.map(({ waiting, entry }) => this.#end(waiting, { outcome, answer, entry })),
    );
    this.#failures = 0; // not before: what cannot be stored as delivered is sent once more
  }

  /** Null: it needs not be sent any more. */
  async #read(waiting: Waiting): Promise<OutboxEntry | null> {
    const { store, clock } = this.#deps;
    const { expiryMs, entriesMax } = this.#options;
    if (this.#queue.waiting.size > entriesMax) {
      const answer = "the queue is full";
      await this.#end(waiting, { outcome: "expired", reason: "queue_full", answer, entry: null });
      return null;
    }
    if (clock.nowMs() - waiting.sinceMs > expiryMs) {
      const last = waiting.lastAnswer === "" ? "" : `: ${waiting.lastAnswer}`;
      const answer = `the receiver did not take it in time${last}`;
      await this.#end(waiting, { outcome: "expired", reason: "age", answer, entry: null });
      return null;
    }
    if (waiting.kept !== null) return waiting.kept.entry;
    const bytes = await store.get(waitingKey(this.#queue.name, waiting.id));
    const entry = bytes === undefined ? null : decodeEntry(bytes);
    if (entry !== null) return entry;
    const answer = "the stored notification is damaged";
    await this.#end(waiting, { outcome: "rejected", answer, entry: null });
    return null;
  }

  async #ask(read: readonly Read[], signal: AbortSignal): Promise<SendAnswer> {
    this.#asking += 1;
    try {
      return await this.#send(read, signal);
    } finally {
      this.#asking -= 1;
      this.wake();
    }
  }

  async #send(read: readonly Read[], signal: AbortSignal): Promise<SendAnswer> {
    const { clock, ports, context } = this.#deps;
    const { timeoutMs, send } = this.integration;
    const merged = mergeNotifications(read.map(({ entry }) => entry.notification));
    const notification = await context(merged, signal);
    const late = () => new OperationalError("UNAVAILABLE", `No answer within ${timeoutMs} ms`);
    const deadline = { clock, ms: timeoutMs, signal, late };
    return await withDeadline(deadline, (attempt) => send(notification, ports, attempt));
  }

  async #end(waiting: Waiting, ending: Ending): Promise<void> {
    await this.#deps.end(this.#queue, waiting, ending);
  }

  #failed(parcel: Parcel, fields: { readonly code: string; readonly error: string }): void {
    const { counters, logger } = this.#deps;
    const { receiver } = this.integration;
    if (!this.#hasFailed) this.#failures += 1; // of those under way at once one counts
    this.#hasFailed = true;
    counters.failures.add(1, { receiver });
    for (const waiting of parcel) waiting.lastAnswer = fields.error;
    const groups = parcel.map(({ groupKey }) => groupKey);
    logger.warn(
      { queue: this.#queue.name, failures: this.#failures, group: groups[0], ...fields },
      "notification failed, will be tried again",
    );
  }
}
