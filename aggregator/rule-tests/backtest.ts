import { OperationalError } from "../../shared/errors.ts";
import type { External } from "../model/alert.ts";
import { type GroupDeps, GroupRunner } from "../rules/group.ts";
import type { AlertingRule, Rule, RuleGroup } from "../rules/rule-files.ts";
import { AlertHistory, type Episode } from "./alert-history.ts";
import { EVALUATIONS_MAX, offlineDeps } from "./offline-deps.ts";
import type { Steps } from "./range-walk.ts";

/** What one alerting rule would have done. */
export type RuleBacktest = {
  readonly file: string;
  readonly group: string;
  readonly rule: string;
  readonly episodes: readonly Episode[];
  /** Why the last evaluation failed that did; null: none did. */
  readonly error: string | null;
  readonly steps: Steps;
};

const NOWHERE: External = { labels: [], url: "" };

/**
 * Evaluates a group at each step as the aggregator would have done. Its recording rules are left out:
 * what they recorded is in the store, or is not.
 * @throws OperationalError LIMIT for too many steps
 */
export async function backtestGroup(
  group: RuleGroup,
  steps: Steps,
  clock: GroupDeps["clock"],
): Promise<RuleBacktest[]> {
  const { startMs, endMs, stepMs } = steps;
  if ((endMs - startMs) / stepMs > EVALUATIONS_MAX) {
    throw new OperationalError("LIMIT", `over ${EVALUATIONS_MAX} steps: make --step longer`);
  }
  const rules = group.rules.filter((rule): rule is AlertingRule => rule.kind === "alerting");
  const history = new AlertHistory();
  const deps = offlineDeps({ clock, alerts: history, write: async () => {} });
  const options = { defaultIntervalMs: stepMs, external: NOWHERE };
  const runner = new GroupRunner({ ...group, queryOffsetMs: 0, rules }, deps, options);
  const errors = new Map<Rule, string>();
  for (let timeMs = startMs; timeMs <= endMs; timeMs += stepMs) {
    for (const { rule, message } of await runner.evaluate(timeMs)) errors.set(rule, message);
  }
  const ids = runner.ruleIds;
  return rules.map((rule, i) => ({
    file: group.file,
    group: group.name,
    rule: rule.name,
    episodes: history.episodes(ids[i] ?? ""),
    error: errors.get(rule) ?? null,
    steps,
  }));
}
