import { getOrInsert } from "../../shared/model/get-or-insert.ts";
import { type Labels, labelsKey } from "../../shared/model/labels.ts";
import type { RuleAlerts, RuleEvaluation } from "../model/alert.ts";
import type { AlertTable } from "../rules/ports.ts";

/** A time that an alert fired, Unix milliseconds. `untilMs` null: it has not ended. */
export type Episode = {
  readonly labels: Labels;
  readonly fromMs: number;
  readonly untilMs: number | null;
};

type Open = { readonly labels: Labels; readonly fromMs: number };

export class AlertsInMemory implements AlertTable {
  readonly #byRule = new Map<string, RuleAlerts>();

  alertsOf(ruleId: string): RuleAlerts {
    return this.#byRule.get(ruleId) ?? new Map();
  }

  async write(evaluations: readonly RuleEvaluation[], _timeMs: number): Promise<void> {
    for (const { ruleId, alerts } of evaluations) this.#byRule.set(ruleId, alerts);
  }
}

/** The same, and when each of them fired. */
export class AlertHistory extends AlertsInMemory {
  readonly #firing = new Map<string, Map<string, Open>>();
  readonly #ended = new Map<string, Episode[]>();

  override async write(evaluations: readonly RuleEvaluation[], timeMs: number): Promise<void> {
    await super.write(evaluations, timeMs);
    for (const { ruleId, alerts } of evaluations) this.#note(ruleId, alerts, timeMs);
  }

  /** Of one rule, in the order in which they began. */
  episodes(ruleId: string): Episode[] {
    const open = [...(this.#firing.get(ruleId)?.values() ?? [])];
    const all = [
      ...(this.#ended.get(ruleId) ?? []),
      ...open.map((one) => ({ ...one, untilMs: null })),
    ];
    return all.sort((a, b) => a.fromMs - b.fromMs);
  }

  #note(ruleId: string, alerts: RuleAlerts, timeMs: number): void {
    const firing = getOrInsert(this.#firing, ruleId, () => new Map<string, Open>());
    const now = [...alerts.values()].filter(({ state }) => state.kind === "firing");
    const keys = new Set(now.map(({ labels }) => labelsKey(labels)));
    for (const [key, open] of firing) {
      if (keys.has(key)) continue;
      firing.delete(key);
      getOrInsert(this.#ended, ruleId, () => []).push({ ...open, untilMs: timeMs });
    }
    for (const { labels } of now) {
      getOrInsert(firing, labelsKey(labels), () => ({ labels, fromMs: timeMs }));
    }
  }
}
