import { errorMessage, OperationalError } from "../../shared/errors.ts";
import { labelsKey } from "../../shared/model/labels.ts";
import type { BatchOperation, Clock, KeyValueStore, Logger } from "../../shared/platform/ports.ts";
import type { Metrics } from "../../shared/telemetry/metrics.ts";
import {
  type ActiveAlert,
  type ActiveAlerts,
  ALERT_RANGE,
  deleteAlert,
  readAlert,
} from "./alert-store.ts";
import { alertChanges } from "./alerting-rule.ts";
import { type GroupDeps, type GroupOptions, GroupRunner, type RuleCounters } from "./group.ts";
import type { AlertSnapshot, DataClock, NotifyFn, RuleGroupSnapshot, WriteFn } from "./ports.ts";
import type { RuleGroup } from "./rule-files.ts";
import { snapshotAlerts } from "./rule-snapshot.ts";

export type RulesDeps = {
  /** Shared with notify: an alert's change and its notification are one batch. */
  readonly store: KeyValueStore;
  readonly write: WriteFn;
  readonly notify: NotifyFn;
  readonly dataClock: DataClock;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
};

export type RulesOptions = GroupOptions & {
  /** How long an evaluation waits for its data. */
  readonly dataWaitMaxMs: number;
};

type Loop = {
  readonly runner: GroupRunner;
  readonly definition: string;
  readonly stop: AbortController;
  readonly done: Promise<void>;
};

type AlertsByRule = Map<string, ActiveAlerts>;

/** Loads the alerts of the last run. Nothing is evaluated before `apply`. */
export async function openRules(deps: RulesDeps, options: RulesOptions): Promise<RuleRunner> {
  return new RuleRunner(deps, options, await loadAlerts(deps));
}

/** A damaged entry is left where it is, counted and told of; it does not stop the start. */
async function loadAlerts({ store, logger, metrics }: RulesDeps): Promise<AlertsByRule> {
  const damaged = metrics.counter(
    "telltale_alert_states_damaged_total",
    "Stored alert states that could not be read.",
  );
  const byRule = new Map<string, Map<string, ActiveAlert>>();
  for await (const entry of store.entries(ALERT_RANGE)) {
    const read = readAlert(entry);
    if (read === null) {
      damaged.add();
      logger.error({ key: Buffer.from(entry[0]).toString() }, "stored alert state is damaged");
      continue;
    }
    const alerts = byRule.get(read.ruleId) ?? new Map<string, ActiveAlert>();
    alerts.set(labelsKey(read.alert.labels), read.alert);
    byRule.set(read.ruleId, alerts);
  }
  return byRule;
}

/** All rule groups, each evaluated in a loop of its own. */
export class RuleRunner {
  readonly #deps: RulesDeps;
  readonly #options: RulesOptions;
  readonly #groupDeps: GroupDeps;
  /** Alerts in the store that no loaded rule has; empty after the first `apply`. */
  #unclaimed: AlertsByRule;
  /** By file and name, in the order of the files. */
  #loops = new Map<string, Loop>();

  constructor(deps: RulesDeps, options: RulesOptions, stored: AlertsByRule) {
    this.#deps = deps;
    this.#options = options;
    this.#groupDeps = { ...deps, counters: ruleCounters(deps.metrics) };
    this.#unclaimed = stored;
  }

  /**
   * Takes these groups in place of the ones before, whole or not at all. A group that did not change
   * goes on undisturbed; a rule that is still there keeps its alerts; firing alerts of a rule that
   * is gone are resolved. One call at a time.
   * @throws OperationalError STORAGE; the groups before go on then
   */
  async apply(groups: readonly RuleGroup[]): Promise<void> {
    const kept = new Map<string, Loop>();
    const fresh: RuleGroup[] = [];
    for (const group of groups) {
      const loop = this.#loops.get(groupKey(group));
      if (loop?.definition === definitionOf(group)) kept.set(groupKey(group), loop);
      else fresh.push(group);
    }
    const ended = [...this.#loops].filter(([key]) => !kept.has(key)).map(([, loop]) => loop);
    await stopLoops(ended);

    const alerts = new Map(this.#unclaimed);
    for (const { runner } of ended) {
      for (const { id, current } of runner.alertingEntries()) alerts.set(id, current.alerts);
    }
    const runners = fresh.map((group) => new GroupRunner(group, this.#groupDeps, this.#options));
    for (const runner of runners) runner.adopt((id) => take(alerts, id));
    try {
      await this.#drop(alerts);
    } catch (error) {
      for (const { runner } of ended) this.#start(runner);
      throw error;
    }
    this.#unclaimed = new Map();
    for (const { runner } of ended) this.#loops.delete(groupKey(runner.group));
    for (const runner of runners) this.#start(runner);
    this.#sort(groups);
    await this.#endSeries(ended);
  }

  rules(): RuleGroupSnapshot[] {
    return [...this.#loops.values()].map(({ runner }) => runner.snapshot());
  }

  alerts(): AlertSnapshot[] {
    return [...this.#loops.values()].flatMap(({ runner }) =>
      runner.alertingEntries().flatMap(snapshotAlerts),
    );
  }

  /** Ends after the evaluations that are under way. */
  async close(): Promise<void> {
    await stopLoops([...this.#loops.values()]);
  }

  #start(runner: GroupRunner): void {
    const stop = new AbortController();
    const done = runGroup(runner, this.#deps, this.#options.dataWaitMaxMs, stop.signal);
    const loop = { runner, definition: definitionOf(runner.group), stop, done };
    this.#loops.set(groupKey(runner.group), loop);
  }

  #sort(groups: readonly RuleGroup[]): void {
    const sorted = new Map<string, Loop>();
    for (const group of groups) {
      const loop = this.#loops.get(groupKey(group));
      if (loop !== undefined) sorted.set(groupKey(group), loop);
    }
    this.#loops = sorted;
  }

  /** Alerts whose rule is gone leave the store, and receivers hear that they ended. */
  async #drop(alerts: AlertsByRule): Promise<void> {
    const { store, notify, clock } = this.#deps;
    const nowMs = clock.nowMs();
    const operations: BatchOperation[] = [];
    const changes = [...alerts.values()].flatMap((active) =>
      alertChanges(active, new Map(), nowMs, this.#options.external),
    );
    for (const [id, active] of alerts) {
      for (const alert of active.values()) operations.push(deleteAlert(id, alert));
    }
    if (changes.length > 0) operations.push(...notify.operations(changes, nowMs));
    if (operations.length === 0) return;
    await store.batch(operations, { sync: true });
    if (changes.length > 0) notify.wake();
  }

  /** Marks stale what groups wrote that now write no more, or under fewer names. */
  async #endSeries(ended: readonly Loop[]): Promise<void> {
    const inUse = new Set([...this.#loops.values()].flatMap(({ runner }) => runner.writeGroups));
    for (const name of ended.flatMap(({ runner }) => runner.writeGroups)) {
      if (inUse.has(name)) continue;
      try {
        await this.#deps.write(name, this.#deps.clock.nowMs(), []);
      } catch (error) {
        if (!(error instanceof OperationalError)) throw error;
        const fields = { group: name, code: error.code, error: errorMessage(error) };
        this.#deps.logger.warn(fields, "could not end the series of a rule group");
      }
    }
  }
}

function ruleCounters(metrics: Metrics): RuleCounters {
  return {
    evaluations: metrics.counter("telltale_rule_evaluations_total", "Rule evaluations."),
    failures: metrics.counter(
      "telltale_rule_evaluation_failures_total",
      "Rule evaluations that failed.",
    ),
    missed: metrics.counter(
      "telltale_rule_group_iterations_missed_total",
      "Evaluations of a group left out because the one before took too long.",
    ),
    duration: metrics.gauge(
      "telltale_rule_group_last_duration_seconds",
      "How long the last evaluation of a group took.",
    ),
  };
}

function groupKey({ file, name }: RuleGroup): string {
  return `${file}\0${name}`;
}

/** Two groups of one definition do the same. A template is its text. */
function definitionOf(group: RuleGroup): string {
  return JSON.stringify(group, (key, value) => (key === "nodes" ? undefined : value));
}

function take(alerts: AlertsByRule, id: string): ActiveAlerts | undefined {
  const taken = alerts.get(id);
  alerts.delete(id);
  return taken;
}

async function stopLoops(loops: readonly Loop[]): Promise<void> {
  for (const { stop } of loops) stop.abort();
  await Promise.all(loops.map(({ done }) => done));
}

/**
 * Evaluates the group at multiples of its interval, the first one that comes. Times that were missed
 * are counted and left out; after a step back of the clock it goes on from there.
 */
async function runGroup(
  runner: GroupRunner,
  deps: RulesDeps,
  dataWaitMaxMs: number,
  signal: AbortSignal,
): Promise<void> {
  const { clock } = deps;
  const { intervalMs } = runner;
  let lastMs = Math.floor(clock.nowMs() / intervalMs) * intervalMs;
  try {
    for (;;) {
      const nowMs = clock.nowMs();
      const dueMs = Math.floor(nowMs / intervalMs) * intervalMs;
      if (dueMs <= lastMs && dueMs >= lastMs - intervalMs) {
        await clock.sleep(lastMs + intervalMs - nowMs, signal);
        continue;
      }
      const missed = (dueMs - lastMs) / intervalMs - 1;
      if (missed > 0) runner.countMissed(missed);
      const waitMaxMs = dueMs + dataWaitMaxMs - nowMs;
      await waitForData(deps, dueMs - runner.group.queryOffsetMs, waitMaxMs, signal);
      await runner.evaluate(dueMs);
      lastMs = dueMs;
    }
  } catch (error) {
    if (!signal.aborted || error !== signal.reason) throw error;
  }
}

/** What the wait that is not needed any more ends with; nobody sees it. */
const WAITED = "waited";

/** Until the data of a time is complete, and no longer than `waitMaxMs`. */
async function waitForData(
  { clock, dataClock }: RulesDeps,
  dataMs: number,
  waitMaxMs: number,
  signal: AbortSignal,
): Promise<void> {
  const latestMs = clock.monotonicMs() + waitMaxMs;
  while (!dataClock.isComplete(dataMs)) {
    const restMs = latestMs - clock.monotonicMs();
    if (restMs <= 0) return;
    signal.throwIfAborted();
    const either = new AbortController();
    const abort = () => either.abort(signal.reason);
    signal.addEventListener("abort", abort);
    const waits = [dataClock.changed(either.signal), clock.sleep(restMs, either.signal)];
    try {
      await Promise.race(waits);
    } finally {
      signal.removeEventListener("abort", abort);
      either.abort(WAITED);
      await Promise.allSettled(waits);
    }
  }
}
