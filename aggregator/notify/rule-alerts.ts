/** The alerts of rules: their records, and what the dispatcher knows of them. */

import { isDeepStrictEqual } from "node:util";
import { getOrInsert } from "../../shared/model/get-or-insert.ts";
import {
  type Labels,
  labelPairs,
  labelsFrom,
  labelsKey,
  labelValue,
} from "../../shared/model/labels.ts";
import type { Alert, External, RuleAlerts, RuleEvaluation } from "../model/alert.ts";
import { type AlertRecord, deleteRecord, digestOf, putRecord } from "./alert-records.ts";
import { ChangeSet } from "./change-set.ts";
import type { Moment } from "./dispatch/groups-state.ts";
import type { KnownAlert } from "./dispatch/known-alert.ts";
import type { Dispatcher } from "./dispatcher.ts";

type RuleRecords = ReadonlyMap<string, AlertRecord>;

type Deps = {
  readonly dispatcher: Dispatcher;
  readonly now: () => Moment;
  /** How old the newest data of a node is, where it catches up with a backlog; else 0. */
  readonly latenessMs: (node: string) => number;
};

const NO_RECORDS: RuleRecords = new Map();

export class RuleAlertRecords {
  readonly #deps: Deps;
  readonly #external: External;
  /** By the rule's id. A rule without alerts may be missing. */
  readonly #records = new Map<string, Map<string, AlertRecord>>();
  /** Which records of rules fire with these labels, by the labels' key as receivers get them. */
  readonly #holders = new Map<string, ReadonlySet<string>>();

  constructor(deps: Deps, external: External) {
    this.#deps = deps;
    this.#external = external;
  }

  /** A record of the last run. */
  load(ruleId: string, record: AlertRecord): void {
    const records = getOrInsert(this.#records, ruleId, () => new Map());
    records.set(labelsKey(record.labels), record);
    if (record.state.kind !== "firing") return;
    const known = this.#knownOf(record, record.lateMs);
    this.#hold(new ChangeSet(), known.key, holderOf(ruleId, record));
    this.#deps.dispatcher.known.set(known.key, known);
  }

  alertsOf(ruleId: string): RuleAlerts {
    return this.#records.get(ruleId) ?? NO_RECORDS;
  }

  /** A rule has an alert that fires with these labels, by their key as receivers get them. */
  holds(key: string): boolean {
    return this.#holders.has(key);
  }

  /** How many different label sets fire. */
  get size(): number {
    return this.#holders.size;
  }

  /** The rules that are not among these have no alerts any more. */
  endOthers(changes: ChangeSet, ruleIds: ReadonlySet<string>, nowMs: number): void {
    for (const ruleId of [...this.#records.keys()]) {
      if (ruleIds.has(ruleId)) continue;
      this.take(changes, { ruleId, alerts: NO_RECORDS }, nowMs);
      changes.onDone(() => this.#records.delete(ruleId));
    }
  }

  /** The rule has these alerts and no other. */
  take(changes: ChangeSet, { ruleId, alerts }: RuleEvaluation, timeMs: number): void {
    const before = this.#records.get(ruleId) ?? NO_RECORDS;
    const after = new Map<string, AlertRecord>();
    for (const [key, alert] of alerts) {
      const known = before.get(key);
      const isChanged = !isDeepStrictEqual(known?.state, alert.state);
      const lateMs = isChanged ? this.#latenessOf(alert) : (known?.lateMs ?? 0);
      const record = { ...alert, lateMs };
      after.set(key, record);
      if (isChanged) changes.operations.push(putRecord(ruleId, record));
      if (alert.state.kind !== "firing") continue;
      if (known?.firedAtMs === alert.firedAtMs) this.#refresh(record);
      else this.#begin(changes, ruleId, record);
    }
    for (const [key, record] of before) {
      if (alerts.has(key)) continue;
      changes.operations.push(deleteRecord(ruleId, record));
      if (record.state.kind === "firing") this.#finish(changes, ruleId, record, timeMs);
    }
    changes.onDone(() => this.#records.set(ruleId, after));
  }

  #begin(changes: ChangeSet, ruleId: string, record: AlertRecord): void {
    const known = this.#knownOf(record, record.lateMs);
    this.#hold(changes, known.key, holderOf(ruleId, record));
    this.#deps.dispatcher.take(changes, known, this.#deps.now());
  }

  #finish(changes: ChangeSet, ruleId: string, record: AlertRecord, timeMs: number): void {
    const known = this.#knownOf(record, this.#latenessOf(record));
    const others = new Set(this.#holders.get(known.key));
    others.delete(holderOf(ruleId, record));
    changes.set(this.#holders, known.key, others.size === 0 ? undefined : others);
    if (others.size > 0) return; // another rule has an alert of the same labels
    const now = this.#deps.now();
    const ended = { ...known, endsAtMs: timeMs, endKind: "over", updatedAtMs: now.wallMs } as const;
    this.#deps.dispatcher.take(changes, ended, now);
  }

  /** What it says may change while it fires; that alone is not stored, and nobody is told. */
  #refresh(record: AlertRecord): void {
    const key = labelsKey(this.#outsideLabels(record.labels));
    const known = this.#deps.dispatcher.known.get(key);
    if (known === undefined) return;
    const { annotations } = record;
    this.#deps.dispatcher.known.set(key, { ...known, annotations });
  }

  #hold(changes: ChangeSet, key: string, holder: string): void {
    changes.set(this.#holders, key, new Set([...(this.#holders.get(key) ?? []), holder]));
  }

  #latenessOf({ labels }: Alert): number {
    return this.#deps.latenessMs(labelValue(labels, "instance"));
  }

  /** Receivers also get the external labels that the alert has no label of its own for. */
  #outsideLabels(labels: Labels): Labels {
    const { labels: external } = this.#external;
    if (external.length === 0) return labels;
    return labelsFrom([...labelPairs(external), ...labelPairs(labels)]);
  }

  #knownOf(alert: Alert, lateMs: number): KnownAlert {
    const labels = this.#outsideLabels(alert.labels);
    const key = labelsKey(labels);
    const expr = encodeURIComponent(alert.query).replaceAll("%20", "+");
    const nowMs = this.#deps.now().wallMs;
    return {
      ...{ key, digest: digestOf(key), labels, annotations: alert.annotations, lateMs },
      flapping: "",
      ...{ startsAtMs: alert.firedAtMs ?? nowMs, endsAtMs: null, endKind: "open" },
      updatedAtMs: nowMs,
      generatorUrl: `${this.#external.url}/graph?g0.expr=${expr}&g0.tab=1`,
    };
  }
}

function holderOf(ruleId: string, { labels }: Alert): string {
  return `${ruleId}|${labelsKey(labels)}`;
}
