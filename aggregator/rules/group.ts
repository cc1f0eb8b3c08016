import { createHash } from "node:crypto";
import { errorMessage, OperationalError } from "../../shared/errors.ts";
import type { VectorSample } from "../../shared/model/columns.ts";
import { labelPairs, labelsFrom, labelsKey, METRIC_NAME } from "../../shared/model/labels.ts";
import type { Metrics } from "../../shared/telemetry/metrics.ts";
import type { PartDeps } from "../../shared/telemetry/part-deps.ts";
import type { External, RuleAlerts } from "../model/alert.ts";
import type { RuleGroupSnapshot, RuleHealth } from "../model/rule-snapshot.ts";
import {
  type AlertingStanding,
  alertSamples,
  type EvaluationTimes,
  evaluateAlerts,
  NO_STANDING,
} from "./alerting-rule.ts";
import type { AlertTable, WriteFn } from "./ports.ts";
import type { AlertingRule, RecordingRule, Rule, RuleGroup } from "./rule-files.ts";
import { snapshotRule } from "./rule-snapshot.ts";

export type GroupDeps = Omit<PartDeps, "metrics"> & {
  readonly write: WriteFn;
  readonly alerts: AlertTable;
  readonly counters: ReturnType<typeof ruleCounters>;
};

export function ruleCounters(metrics: Metrics) {
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

export type GroupOptions = {
  readonly defaultIntervalMs: number;
  readonly external: External;
};

/** How a rule did when it was last evaluated. */
type Standing = {
  health: RuleHealth;
  lastError: string;
  lastEvaluationMs: number;
  evaluationSeconds: number;
};

type RecordingEntry = {
  readonly rule: RecordingRule;
  readonly standing: Standing;
  samples: readonly VectorSample[];
};

type AlertingEntry = {
  readonly rule: AlertingRule;
  readonly standing: Standing;
  readonly id: string;
  /** But for its alerts, which are in the table. */
  inForce: Omit<AlertingStanding, "alerts">;
  /** Of the evaluation under way; in force when it is safe. */
  staged: AlertingStanding | null;
};

/** A rule that could not be evaluated, or whose outcome could not be stored. */
export type RuleFailure = { readonly rule: Rule; readonly message: string };

type RuleEntry = RecordingEntry | AlertingEntry;

/** Rules whose samples are written in one call, before the first rule that may read them. */
type Segment = {
  readonly writeGroup: string;
  readonly entries: readonly RuleEntry[];
  /** The last write was of nothing, so that another need not be made. False before the first. */
  isEmpty: boolean;
};

/**
 * One rule group with the state of its rules. An evaluation looks at one time and ends in the alert
 * table, where its changes and their notifications are one synced batch.
 */
export class GroupRunner {
  readonly group: RuleGroup;
  readonly intervalMs: number;
  readonly #deps: GroupDeps;
  readonly #external: External;
  readonly #segments: readonly Segment[];
  readonly #metricLabels: { readonly rule_group: string };
  #lastEvaluationMs = 0;
  #evaluationSeconds = 0;
  #failures: RuleFailure[] = [];

  constructor(group: RuleGroup, deps: GroupDeps, options: GroupOptions) {
    this.group = group;
    this.intervalMs = group.intervalMs ?? options.defaultIntervalMs;
    this.#deps = deps;
    this.#external = options.external;
    this.#segments = segmentsOf(group);
    this.#metricLabels = { rule_group: `${group.file};${group.name}` };
  }

  /** What the group writes under; names that are no longer used must be written empty once. */
  get writeGroups(): string[] {
    return this.#segments.map(({ writeGroup }) => writeGroup);
  }

  get ruleIds(): string[] {
    return this.#alerting().map(({ id }) => id);
  }

  /** What is expected to fail is returned, and becomes the health of the rules it hit. */
  async evaluate(timeMs: number): Promise<readonly RuleFailure[]> {
    const started = this.#deps.clock.monotonicMs();
    const lastMs = this.#lastEvaluationMs || timeMs;
    const sinceMs = Math.max(0, timeMs - lastMs); // the clock may have been set back
    const times = { timeMs, queryMs: timeMs - this.group.queryOffsetMs, sinceMs };
    this.#failures = [];
    for (const [i, segment] of this.#segments.entries()) {
      for (const entry of segment.entries) await this.#evaluateRule(entry, times);
      if (i === this.#segments.length - 1) await this.#commit(timeMs);
      await this.#write(segment, times.queryMs);
    }
    this.#lastEvaluationMs = timeMs;
    this.#evaluationSeconds = (this.#deps.clock.monotonicMs() - started) / 1000;
    this.#deps.counters.duration.set(this.#evaluationSeconds, this.#metricLabels);
    return this.#failures;
  }

  countMissed(count: number): void {
    this.#deps.counters.missed.add(count, this.#metricLabels);
  }

  snapshot(): RuleGroupSnapshot {
    return {
      name: this.group.name,
      file: this.group.file,
      intervalMs: this.intervalMs,
      limit: this.group.limit,
      lastEvaluationMs: this.#lastEvaluationMs,
      evaluationSeconds: this.#evaluationSeconds,
      rules: this.#entries().map((entry) => {
        return snapshotRule(entry.rule, entry.standing, this.#alertsOf(entry));
      }),
    };
  }

  #entries(): RuleEntry[] {
    return this.#segments.flatMap(({ entries }) => entries);
  }

  #alerting(): AlertingEntry[] {
    return this.#entries().filter((entry) => "id" in entry);
  }

  #alertsOf(entry: RuleEntry): RuleAlerts {
    return "id" in entry ? this.#deps.alerts.alertsOf(entry.id) : new Map();
  }

  async #evaluateRule(entry: RuleEntry, times: EvaluationTimes): Promise<void> {
    const { clock, counters } = this.#deps;
    const started = clock.monotonicMs();
    counters.evaluations.add(1, this.#metricLabels);
    try {
      if ("id" in entry) {
        const options = { external: this.#external, limit: this.group.limit };
        const before = { ...entry.inForce, alerts: this.#deps.alerts.alertsOf(entry.id) };
        entry.staged = await evaluateAlerts(entry.rule, before, times, options);
      } else {
        entry.samples = [];
        entry.samples = await evaluateRecording(entry.rule, times.queryMs, this.group.limit);
      }
      entry.standing.health = "ok";
      entry.standing.lastError = "";
    } catch (error) {
      this.#fail([entry], error);
    }
    entry.standing.lastEvaluationMs = times.timeMs;
    entry.standing.evaluationSeconds = (clock.monotonicMs() - started) / 1000;
  }

  /** Makes the staged alerts safe, with their notifications, and only then those in force. */
  async #commit(timeMs: number): Promise<void> {
    const staged = this.#alerting().filter((entry) => entry.staged !== null);
    const evaluations = staged.flatMap(({ id, staged }) =>
      staged === null ? [] : [{ ruleId: id, alerts: staged.alerts }],
    );
    try {
      await this.#deps.alerts.write(evaluations, timeMs);
      for (const entry of staged) entry.inForce = entry.staged ?? entry.inForce;
    } catch (error) {
      this.#fail(staged, error);
    }
    for (const entry of staged) entry.staged = null;
  }

  async #write(segment: Segment, queryMs: number): Promise<void> {
    const { writeGroup, entries } = segment;
    const samples = entries.flatMap((entry) =>
      "id" in entry ? alertSamples(entry.staged?.alerts ?? this.#alertsOf(entry)) : entry.samples,
    );
    if (samples.length === 0 && segment.isEmpty) return;
    try {
      await this.#deps.write(writeGroup, queryMs, samples);
      segment.isEmpty = samples.length === 0;
    } catch (error) {
      this.#fail(entries, error);
    }
  }

  /** An expected failure, counted and logged once a change; anything else ends the program. */
  #fail(entries: readonly RuleEntry[], error: unknown): void {
    if (!(error instanceof OperationalError)) throw error;
    const message = errorMessage(error);
    this.#deps.counters.failures.add(entries.length, this.#metricLabels);
    const { file, name: group } = this.group;
    for (const { rule, standing } of entries) {
      this.#failures.push({ rule, message });
      if (standing.lastError !== message) {
        const fields = { file, group, rule: rule.name, code: error.code, error: message };
        this.#deps.logger.warn(fields, "rule failed");
      }
      standing.health = "err";
      standing.lastError = message;
    }
  }
}

/**
 * The samples a recording rule gives at a time.
 * @throws OperationalError QUERY or LIMIT
 */
async function evaluateRecording(
  rule: RecordingRule,
  queryMs: number,
  limit: number,
): Promise<VectorSample[]> {
  const result = await rule.expr.instant(queryMs);
  if (limit > 0 && result.length > limit) {
    throw new OperationalError("LIMIT", `Limit of ${limit} series, got ${result.length}`);
  }
  const known = new Set<string>();
  return result.map(({ labels, value }) => {
    const pairs = [...labelPairs(labels), ...labelPairs(rule.labels)];
    const recorded = labelsFrom([...pairs, [METRIC_NAME, rule.name]]);
    const key = labelsKey(recorded);
    if (known.has(key)) {
      throw new OperationalError(
        "QUERY",
        "Vector contains metrics with the same labelset after applying rule labels",
      );
    }
    known.add(key);
    return { labels: recorded, value };
  });
}

/** Cuts the rules before each one that may read what a rule before it in the cut gives. */
function segmentsOf(group: RuleGroup): Segment[] {
  const ids = ruleIds(group);
  const segments: RuleEntry[][] = [[]];
  let names: string[] = [];
  for (const [i, rule] of group.rules.entries()) {
    if (!rule.expr.isOfLines && names.some((name) => mayRead(rule.expr.query, name))) {
      segments.push([]);
      names = [];
    }
    segments.at(-1)?.push(entryOf(rule, ids[i] ?? ""));
    names.push(rule.kind === "recording" ? rule.name : "ALERTS");
  }
  // A doubled "#" keeps a group called "a#1" apart from the second part of "a".
  const base = `rules/${group.file}/${group.name.replaceAll("#", "##")}`;
  return segments.map((entries, i) => ({
    writeGroup: i === 0 ? base : `${base}#${i}`,
    entries,
    isEmpty: false,
  }));
}

/** Whether the text can select the metric: it has its name, or a selector that has no name. */
function mayRead(query: string, name: string): boolean {
  return query.includes(name) || query.includes(METRIC_NAME) || /(?:^|[^\w:])\{/.test(query);
}

/** The identities of a group's rules, in their order: by all that a rule is but its expression. */
function ruleIds({ file, name: group, rules }: RuleGroup): string[] {
  const counts = new Map<string, number>();
  return rules.map((rule) => {
    const labels =
      rule.kind === "recording" ? rule.labels : rule.labels.map(([name, { text }]) => [name, text]);
    const identity = JSON.stringify([file, group, rule.kind, rule.name, labels]);
    const count = counts.get(identity) ?? 0;
    counts.set(identity, count + 1);
    return createHash("sha256").update(`${identity}${count}`).digest("hex").slice(0, 32);
  });
}

function entryOf(rule: Rule, id: string): RuleEntry {
  const standing: Standing = {
    health: "unknown",
    lastError: "",
    lastEvaluationMs: 0,
    evaluationSeconds: 0,
  };
  if (rule.kind === "recording") return { rule, standing, samples: [] };
  return { rule, standing, id, inForce: NO_STANDING, staged: null };
}
