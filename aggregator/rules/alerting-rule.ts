/** One evaluation of one alerting rule: which alerts it has, and what that changes. */

import { OperationalError } from "../../shared/errors.ts";
import type { VectorSample } from "../../shared/model/columns.ts";
import {
  dropLabels,
  type Labels,
  labelPairs,
  labelsFrom,
  labelsKey,
  labelValue,
  METRIC_NAME,
  withLabel,
} from "../../shared/model/labels.ts";
import type { Alert, External, RuleAlerts } from "../model/alert.ts";
import { INACTIVE, nextAlertState, type Presence } from "./alert-state.ts";
import { AlertTexts } from "./alert-texts.ts";
import type { AlertingRule, TemplateLabels } from "./rule-files.ts";
import { Subjects } from "./subjects.ts";

/** Alerts of one rule at most, where its group sets no limit. */
const ALERTS_MAX = 10_000;

/** Elements of a rule's data by `labelsKey` without the metric name. */
type SeenData = ReadonlyMap<string, VectorSample>;

/** What the rule knew before an evaluation and knows after it. */
export type AlertingStanding = {
  readonly alerts: RuleAlerts;
  /** With `no_data: fire`: the data there was, for what is missing the next time. Else empty. */
  readonly seen: SeenData;
  /** With `gap_max`: for how long alerts that are pending had no data, by their keys. */
  readonly gapsMs: Gaps;
};

type Gaps = ReadonlyMap<string, number>;

export type EvaluationTimes = {
  /** The evaluation's, which states count from. */
  readonly timeMs: number;
  /** As of when the data is looked at: earlier by the group's query offset. */
  readonly queryMs: number;
  /** Since the evaluation before; 0 where there was none. */
  readonly sinceMs: number;
};

/** On an alert that is resolved because what it was about is no longer there: what became of it. */
const ENDED = "telltale_ended";
const NAME_ONLY: ReadonlySet<string> = new Set([METRIC_NAME]);
const NOTHING_SEEN: SeenData = new Map();
export const NO_STANDING: Omit<AlertingStanding, "alerts"> = {
  seen: NOTHING_SEEN,
  gapsMs: new Map(),
};

/**
 * The rule's alerts after an evaluation.
 * @throws OperationalError QUERY or LIMIT; the standing before stays in force then
 */
export async function evaluateAlerts(
  rule: AlertingRule,
  before: AlertingStanding,
  times: EvaluationTimes,
  options: { readonly external: External; readonly limit: number },
): Promise<AlertingStanding> {
  const ask = (query: string) => rule.ask(query, times.queryMs);
  const texts = new AlertTexts(options.external, times.queryMs, ask);
  const make = (sample: VectorSample) => newAlert(rule, sample, texts);
  const result = await rule.expr.instant(times.queryMs);
  checkLimit(result.length, options.limit);
  const found = new Map<string, Alert>();
  for (const sample of result) addAlert(found, await make(sample));
  const data = await dataOf(rule, before, found, times.queryMs);
  const subjects = new Subjects(ask);

  const steps = new Steps(rule, before, times);
  for (const alert of found.values()) steps.take(alert, "present");
  for (const [key, alert] of before.alerts) {
    if (found.has(key)) continue;
    // What another expression found before a reload is not this one's to look for.
    const isAbsent = alert.query !== rule.expr.query || data?.has(labelsKey(alert.source));
    if (isAbsent) steps.take(alert, "absent");
    else steps.takeMissing(alert, data === null ? null : await subjects.endOf(alert.source));
  }
  const { alerts, gapsMs } = steps;
  checkLimit(alerts.size, 0); // those kept without data are many where elements come and go
  if (rule.noData !== "fire" || data === null) return { alerts, seen: NOTHING_SEEN, gapsMs };
  for (const [source, sample] of before.seen) {
    if (data.has(source)) continue;
    const alert = await make(sample);
    if (!alerts.has(labelsKey(alert.labels))) steps.take(alert, "no-data");
  }
  checkLimit(alerts.size, 0);
  return { alerts, seen: data, gapsMs };
}

/** The alerts of one evaluation, each a step on from what was known of it. */
class Steps {
  readonly alerts = new Map<string, Alert>();
  readonly gapsMs = new Map<string, number>();
  readonly #rule: AlertingRule;
  readonly #before: AlertingStanding;
  readonly #times: EvaluationTimes;

  constructor(rule: AlertingRule, before: AlertingStanding, times: EvaluationTimes) {
    this.#rule = rule;
    this.#before = before;
    this.#times = times;
  }

  take(alert: Alert, presence: Presence): void {
    const key = labelsKey(alert.labels);
    const known = this.#before.alerts.get(key);
    const gapMs = this.#gapMs(key, known, presence);
    const isAnew = presence === "present" && gapMs > (this.#rule.gapMaxMs ?? gapMs);
    const at = { known: isAnew ? undefined : known, ...this.#times };
    const next = stepAlert(this.#rule, alert, presence, at);
    if (next !== null) this.alerts.set(key, next);
    if (next?.state.kind === "pending" && gapMs > 0 && !isAnew) this.gapsMs.set(key, gapMs);
  }

  /**
   * An alert without data, whose subject ended or did not. One that fires and ended bears the reason
   * for one evaluation before it is resolved: receivers get what the alert table holds then.
   */
  takeMissing(alert: Alert, end: string | null): void {
    const isTold = alert.state.kind === "pending" || labelValue(alert.annotations, ENDED) === end;
    if (end === null) this.take(alert, "no-data");
    else if (isTold) this.take(alert, "absent");
    else this.take({ ...alert, annotations: withLabel(alert.annotations, ENDED, end) }, "no-data");
  }

  /** For how long an alert that is pending has had no data by now, if its rule asks. */
  #gapMs(key: string, known: Alert | undefined, presence: Presence): number {
    if (this.#rule.gapMaxMs === null || known?.state.kind !== "pending") return 0;
    const gapMs = this.#before.gapsMs.get(key) ?? 0;
    return presence === "no-data" ? gapMs + this.#times.sinceMs : gapMs;
  }
}

function checkLimit(count: number, limit: number): void {
  const most = limit === 0 ? ALERTS_MAX : limit;
  if (count > most) throw new OperationalError("LIMIT", `Limit of ${most} alerts, got ${count}`);
}

function addAlert(found: Map<string, Alert>, alert: Alert): void {
  const key = labelsKey(alert.labels);
  if (found.has(key)) {
    throw new OperationalError(
      "QUERY",
      "Vector contains metrics with the same labelset after applying alert labels",
    );
  }
  found.set(key, alert);
}

/** The elements whose data is there; null when nobody has to know. */
async function dataOf(
  rule: AlertingRule,
  before: AlertingStanding,
  found: RuleAlerts,
  queryMs: number,
): Promise<SeenData | null> {
  if (rule.noData === "resolve") return null; // missing and false are the same to it
  const hasAbsent = [...before.alerts.keys()].some((key) => !found.has(key));
  if (!hasAbsent && rule.noData === "keep") return null;
  const present = await rule.expr.presence(queryMs);
  return new Map(present.map((sample) => [labelsKey(sourceOf(sample)), sample]));
}

function sourceOf(sample: VectorSample): Labels {
  return dropLabels(sample.labels, NAME_ONLY);
}

/** An alert as this evaluation would begin it; its state is set by the step. */
async function newAlert(
  rule: AlertingRule,
  sample: VectorSample,
  texts: AlertTexts,
): Promise<Alert> {
  const source = sourceOf(sample);
  return {
    source,
    labels: labelsFrom([
      ...labelPairs(source),
      ...(await expanded(rule.labels, sample, texts)),
      ["alertname", rule.name],
    ]),
    annotations: labelsFrom(await expanded(rule.annotations, sample, texts)),
    value: sample.value,
    state: { kind: "pending", activeAtMs: 0, isNoData: false },
    firedAtMs: null,
    query: rule.expr.query,
  };
}

/** A label cannot hold NUL: it separates labels within us. */
async function expanded(
  templates: TemplateLabels,
  sample: VectorSample,
  texts: AlertTexts,
): Promise<[string, string][]> {
  const pairs: [string, string][] = [];
  for (const [name, template] of templates) {
    const text = await texts.expand(template, sample);
    pairs.push([name, text.replaceAll("\0", "\ufffd")]);
  }
  return pairs;
}

/** The alert after the evaluation; null when it is not active. */
function stepAlert(
  rule: AlertingRule,
  alert: Alert,
  presence: Presence,
  at: EvaluationTimes & { readonly known: Alert | undefined },
): Alert | null {
  const state = nextAlertState(at.known?.state ?? INACTIVE, presence, at.timeMs, rule);
  if (state.kind === "inactive") return null;
  const firedAtMs = state.kind === "firing" ? (at.known?.firedAtMs ?? at.timeMs) : null;
  return { ...alert, state, firedAtMs };
}

/** ALERTS (1) and ALERTS_FOR_STATE (active since, Unix seconds), as Prometheus writes them. */
export function alertSamples(alerts: RuleAlerts): VectorSample[] {
  const samples: VectorSample[] = [];
  for (const { labels, state } of alerts.values()) {
    const pairs = labelPairs(labels);
    const active = labelsFrom([...pairs, [METRIC_NAME, "ALERTS"], ["alertstate", state.kind]]);
    const since = labelsFrom([...pairs, [METRIC_NAME, "ALERTS_FOR_STATE"]]);
    samples.push({ labels: active, value: 1 });
    samples.push({ labels: since, value: Math.floor(state.activeAtMs / 1000) });
  }
  return samples;
}
