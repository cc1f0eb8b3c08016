/**
 * The alert table: one durable record for each alert that is pending or firing, so that a restart
 * neither forgets one nor notifies of it twice. Its keys and records: alert-records.ts.
 *
 * A change of the table and what is sent because of it are one synced batch; the next step begins
 * after that. So nothing between an alert that fires and its notification lives in memory alone: groups
 * are made of the table and the routing at any time, and what was sent of them is stored.
 */

import { OperationalError } from "../../shared/errors.ts";
import { getOrInsert } from "../../shared/model/get-or-insert.ts";
import { type Labels, labelsKey } from "../../shared/model/labels.ts";
import type { StoredPartDeps } from "../../shared/telemetry/part-deps.ts";
import { eitherSignal } from "../../shared/time/either-signal.ts";
import { FailureStreak } from "../../shared/time/failure-streak.ts";
import { sleepUnlessAborted } from "../../shared/time/repeat.ts";
import { SerialQueue } from "../../shared/time/serial-queue.ts";
import type { External, RuleAlerts, RuleEvaluation } from "../model/alert.ts";
import type { PostedAlert } from "../model/notification.ts";
import {
  ACKNOWLEDGEMENTS,
  type Author,
  digestOf,
  KEPT_ALERTS,
  RULE_ALERTS,
  readAcknowledgement,
  readKept,
  readRecord,
} from "./alert-records.ts";
import { ChangeSet } from "./change-set.ts";
import type { DeliveryDeps, DeliveryOptions } from "./delivery.ts";
import { DeliveryLoops } from "./delivery-loops.ts";
import { type KnownAlert, mergeAlerts } from "./dispatch/known-alert.ts";
import { Dispatcher, type SilenceCheck } from "./dispatcher.ts";
import { type Ending, Outbox, outboxCounters, type Queue, type Waiting } from "./outbox.ts";
import { type NotifyConfig, RESOLVE_TIMEOUT_MS } from "./routing.ts";
import { RuleAlertRecords } from "./rule-alerts.ts";

export type AlertsDeps = StoredPartDeps &
  Pick<DeliveryDeps, "random" | "ports" | "context"> & {
    readonly silences: SilenceCheck;
    /** How old the newest data of a node is, where it catches up with a backlog; else 0. */
    readonly latenessMs: (node: string) => number;
  };

export type AlertsOptions = DeliveryOptions & {
  readonly external: External;
  /** Nothing is flushed for so long after the start. */
  readonly startDelayMs: number;
};

const POSTED_MAX = 100_000;
/** How often what counts no more is looked for. */
const SWEEP_EVERY_MS = 3_600_000;
const RETRY_MS = 1000;
/** Of those that were delivered at the same moment, so many are named. */
const GROUPS_LOGGED_MAX = 3;

/**
 * Loads the alerts and the notifications of the last run; nothing is sent before `configure`.
 * @throws OperationalError STORAGE
 */
export async function openAlerts(deps: AlertsDeps, options: AlertsOptions): Promise<AlertTable> {
  const counters = outboxCounters(deps.metrics);
  const outbox = new Outbox({ ...deps, counters });
  await outbox.load();
  const table = new AlertTable(deps, options, { outbox, counters });
  await table.load();
  return table;
}

/** An ending that waits to become safe. */
type EndingRequest = {
  readonly queue: Queue;
  readonly waiting: Waiting;
  readonly ending: Ending;
  /** Why it is not safe. */
  failure: { readonly error: unknown } | null;
};

export class AlertTable {
  readonly outbox: Outbox;
  readonly dispatcher: Dispatcher;
  readonly #deps: AlertsDeps;
  readonly #loops: DeliveryLoops;
  readonly #rules: RuleAlertRecords;
  /** One step after the other, in the order of the calls. */
  readonly #turns = new SerialQueue();
  #endings: EndingRequest[] = [];
  /** The turn that will take them. */
  #endingTurn: Promise<void> | null = null;
  /** When `run` looks at the groups next, monotonic, and what makes it look sooner. */
  #wakesMs = Number.POSITIVE_INFINITY;
  #woken = new AbortController();
  readonly #notBeforeMs: number;

  constructor(
    deps: AlertsDeps,
    options: AlertsOptions,
    { outbox, counters }: { readonly outbox: Outbox } & Pick<DeliveryDeps, "counters">,
  ) {
    this.#deps = deps;
    this.outbox = outbox;
    this.dispatcher = new Dispatcher(outbox, deps.silences);
    const { latenessMs } = deps;
    const { external } = options;
    this.#rules = new RuleAlertRecords(
      { dispatcher: this.dispatcher, now: () => this.#now(), latenessMs },
      external,
    );
    this.#notBeforeMs = deps.clock.monotonicMs() + options.startDelayMs;
    const deliveryDeps: DeliveryDeps = {
      ...deps,
      counters,
      end: (queue, waiting, ending) => this.#end({ queue, waiting, ending }),
      release: (queue, waiting) => this.#release(queue, waiting),
    };
    this.#loops = new DeliveryLoops(outbox, deliveryDeps, options);
  }

  /** A damaged record is left where it is, counted and logged. @throws OperationalError STORAGE */
  async load(): Promise<void> {
    const { store, logger, metrics } = this.#deps;
    const damaged = metrics.counter(
      "telltale_alert_states_damaged_total",
      "Stored alert states that could not be read.",
    );
    const report = (key: Uint8Array) => {
      damaged.add();
      logger.error({ key: Buffer.from(key).toString() }, "stored alert state is damaged");
    };
    for await (const entry of store.entries(RULE_ALERTS)) {
      const read = readRecord(entry);
      if (read === null) report(entry[0]);
      else this.#rules.load(read.ruleId, read.record);
    }
    for await (const entry of store.entries(KEPT_ALERTS)) {
      const known = readKept(entry);
      if (known === null) report(entry[0]);
      else if (!this.#rules.holds(known.key)) this.dispatcher.known.set(known.key, known);
    }
    for await (const entry of store.entries(ACKNOWLEDGEMENTS)) {
      const read = readAcknowledgement(entry);
      if (read === null) report(entry[0]);
      else this.dispatcher.acknowledged.set(read.key, read);
    }
  }

  /** There is a routing in force. */
  get isRouted(): boolean {
    return this.dispatcher.config !== null;
  }

  alertsOf(ruleId: string): RuleAlerts {
    return this.#rules.alertsOf(ruleId);
  }

  /**
   * Takes the alerts of these rules in place of those before, with their notifications.
   * @throws OperationalError STORAGE; everything is as before then
   */
  async write(evaluations: readonly RuleEvaluation[], timeMs: number): Promise<void> {
    await this.#turns.run(() =>
      this.#step((changes) => {
        for (const evaluation of evaluations) this.#rules.take(changes, evaluation, timeMs);
      }),
    );
  }

  /** Takes alerts from outside. @throws OperationalError STORAGE, LIMIT; none is taken then */
  async post(alerts: readonly PostedAlert[]): Promise<void> {
    await this.#turns.run(async () => {
      const { known } = this.dispatcher;
      if (known.size + alerts.length > POSTED_MAX + this.#rules.size) {
        throw new OperationalError("LIMIT", `More than ${POSTED_MAX} alerts from outside`);
      }
      await this.#step((changes) => {
        for (const alert of alerts) this.#takePosted(changes, alert);
      });
    });
  }

  /**
   * Says that somebody sees to the alerts that fire and match: they escalate no further, and are not
   * repeated. @returns how many; @throws OperationalError STORAGE
   */
  async acknowledge(matches: (labels: Labels) => boolean, by: Author): Promise<number> {
    return await this.#turns.run(async () => {
      let count = 0;
      await this.#step((changes) => {
        const nowMs = this.#deps.clock.nowMs();
        count = this.dispatcher.acknowledge(changes, matches, by, nowMs).length;
      });
      return count;
    });
  }

  /**
   * Takes this routing in place of the one before, and ends the alerts of all other rules than these.
   * What waits for a receiver that is still there goes to its new address; the rest expires visibly.
   * @throws OperationalError STORAGE; everything is as before then
   */
  async configure(config: NotifyConfig | null, ruleIds: ReadonlySet<string>): Promise<void> {
    // Before the turn: what a loop has just sent takes a turn of its own to become safe.
    await this.#loops.stopOthers(integrationsOf(config));
    try {
      await this.#turns.run(() => this.#step((changes) => this.#take(changes, config, ruleIds)));
    } finally {
      this.#loops.start(integrationsOf(this.dispatcher.config));
    }
  }

  #take(changes: ChangeSet, config: NotifyConfig | null, ruleIds: ReadonlySet<string>): void {
    const nowMs = this.#deps.clock.nowMs();
    this.outbox.removeOthers(changes, new Set(integrationsOf(config).map(({ queue }) => queue)));
    this.dispatcher.rebuild(config, this.#now(), this.#notBeforeMs);
    this.#rules.endOthers(changes, ruleIds, nowMs);
    this.dispatcher.dropEnded(changes, nowMs);
  }

  /** Flushes groups as they become due, until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#deps;
    const streak = new FailureStreak(logger, "cannot flush alert groups");
    let sweepMs = clock.monotonicMs() + SWEEP_EVERY_MS;
    while (!signal.aborted) {
      this.#woken = new AbortController();
      this.#wakesMs = Math.min(this.dispatcher.nextDueMs, sweepMs);
      const waitMs = this.#wakesMs - clock.monotonicMs();
      if (waitMs > 0) {
        using wait = eitherSignal(signal, this.#woken.signal);
        await sleepUnlessAborted(clock, waitMs, wait.signal);
        continue;
      }
      try {
        const isSweep = clock.monotonicMs() >= sweepMs;
        if (isSweep) sweepMs = clock.monotonicMs() + SWEEP_EVERY_MS;
        await this.#turns.run(() =>
          this.#step((changes) => {
            if (isSweep) this.#sweep(changes);
          }),
        );
        streak.succeeded();
      } catch (error) {
        if (!(error instanceof OperationalError)) throw error;
        streak.failed(error);
        await sleepUnlessAborted(clock, RETRY_MS, signal);
      }
    }
  }

  /** Ends after the steps that were asked for and the requests that are under way. */
  async close(): Promise<void> {
    await this.#loops.stopOthers([]);
    await this.#turns.settled();
    try {
      await this.outbox.close();
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      this.#deps.logger.error({ error: error.message }, "cannot note what was told");
    }
  }

  #now() {
    const { clock } = this.#deps;
    return { wallMs: clock.nowMs(), monotonicMs: clock.monotonicMs() };
  }

  /** Changes, flushes what is due, and makes it safe. */
  async #step(change: (changes: ChangeSet) => void): Promise<void> {
    const changes = new ChangeSet();
    const { dispatcher } = this;
    const { config } = dispatcher;
    changes.onFailure(() => dispatcher.rebuild(config, this.#now(), this.#notBeforeMs));
    change(changes);
    dispatcher.flushDue(changes, this.#now());
    await changes.commit(this.#deps.store);
    if (changes.operations.length > 0) this.#loops.wake();
    if (dispatcher.nextDueMs < this.#wakesMs) this.#woken.abort();
  }

  #sweep(changes: ChangeSet): void {
    this.outbox.dropExpired(changes, (key) => this.dispatcher.hasGroup(key));
    this.dispatcher.dropEnded(changes, this.#deps.clock.nowMs());
    this.dispatcher.forgetBegins(this.#deps.clock.monotonicMs());
  }

  #takePosted(changes: ChangeSet, posted: PostedAlert): void {
    const now = this.#now();
    const key = labelsKey(posted.labels);
    if (this.#rules.holds(key)) return; // a rule of ours knows better
    const { resolveTimeoutMs } = this.dispatcher.config ?? { resolveTimeoutMs: RESOLVE_TIMEOUT_MS };
    const startsAtMs = posted.startsAtMs ?? posted.endsAtMs ?? now.wallMs;
    const came: KnownAlert = {
      ...posted,
      ...{
        key,
        digest: digestOf(key),
        startsAtMs,
        lateMs: 0,
        flapping: "",
        updatedAtMs: now.wallMs,
      },
      endsAtMs: posted.endsAtMs ?? now.wallMs + resolveTimeoutMs,
      endKind: posted.endsAtMs === null ? "timeout" : "posted",
    };
    const known = this.dispatcher.known.get(key);
    const merged = known === undefined ? came : mergeAlerts(known, came, now.wallMs);
    this.dispatcher.take(changes, merged, now);
  }

  /** Endings of the same moment become safe in one batch, or none of them. */
  async #end(ended: Omit<EndingRequest, "failure">): Promise<void> {
    const request: EndingRequest = { ...ended, failure: null };
    this.#endings.push(request);
    this.#endingTurn ??= this.#turns.run(() => this.#endAll());
    await this.#endingTurn;
    if (request.failure !== null) throw request.failure.error;
  }

  async #endAll(): Promise<void> {
    const endings = this.#endings;
    this.#endings = [];
    this.#endingTurn = null;
    try {
      await this.#step((changes) => this.#takeEndings(changes, endings));
      this.#logDelivered(endings);
    } catch (error) {
      for (const one of endings) one.failure = { error };
    }
  }

  #takeEndings(changes: ChangeSet, endings: readonly EndingRequest[]): void {
    for (const { queue, waiting, ending } of endings) {
      this.dispatcher.ended(changes, queue, waiting, ending);
      if (waiting.isOutdated) this.dispatcher.lookAgain(waiting.groupKey, this.#now());
    }
  }

  #logDelivered(endings: readonly EndingRequest[]): void {
    const groups = new Map<string, string[]>();
    for (const { queue, waiting, ending } of endings) {
      if (ending.outcome !== "delivered") continue;
      getOrInsert(groups, queue.name, () => []).push(waiting.groupKey);
    }
    for (const [queue, keys] of groups) {
      const fields = {
        queue,
        notifications: keys.length,
        groups: keys.slice(0, GROUPS_LOGGED_MAX),
      };
      this.#deps.logger.info(fields, "notifications delivered");
    }
  }

  #release(queue: Queue, waiting: Waiting): void {
    waiting.isBusy = false;
    this.outbox.measure(queue);
    if (!waiting.isOutdated) return;
    waiting.isOutdated = false;
    this.dispatcher.lookAgain(waiting.groupKey, this.#now());
    this.#woken.abort();
  }
}

function integrationsOf(config: NotifyConfig | null) {
  return [...(config?.receivers.values() ?? [])].flatMap(({ integrations }) => integrations);
}
