import { getJson } from "../browser.ts";

/** As Prometheus' API says it; times in seconds. */
type Rule = {
  readonly type: "alerting" | "recording";
  readonly name: string;
  readonly query: string;
  readonly labels?: Labels;
  readonly annotations?: Labels;
  readonly health: "unknown" | "ok" | "err";
  readonly lastError?: string;
  readonly evaluationTime: number;
  readonly lastEvaluation: string;
  /** Of an alerting rule. */
  readonly state?: "inactive" | "pending" | "firing";
  readonly duration?: number;
  readonly keepFiringFor?: number;
  readonly alerts?: readonly { readonly labels: Labels; readonly state: string }[];
};

type Labels = Readonly<Record<string, string>>;

type RuleGroup = {
  readonly name: string;
  readonly file: string;
  readonly interval: number;
  readonly evaluationTime: number;
  readonly rules: readonly Rule[];
};

/** A rule with its group. */
export type ListedRule = Rule & { readonly group: RuleGroup; readonly key: string };

type Body = { readonly data: { readonly groups: readonly RuleGroup[] } };

/** @throws RequestError; the signal's reason */
export async function loadRules(signal: AbortSignal, name = ""): Promise<ListedRule[]> {
  const asked = name === "" ? "" : `?${new URLSearchParams({ "rule_name[]": name })}`;
  const { data } = await getJson<Body>(`/api/v1/rules${asked}`, signal);
  return data.groups.flatMap((group) =>
    group.rules.map((rule, place) => {
      return { ...rule, group, key: `${group.file} ${group.name} ${place} ${rule.name}` };
    }),
  );
}

/**
 * The rule that an alert is of, and the labels that the alert has of its series; null: of none of
 * these. What reaches receivers has labels besides the rule's own alert.
 */
export function ruleOf(
  rules: readonly ListedRule[],
  shown: Labels,
): { readonly rule: ListedRule; readonly own: Labels } | null {
  for (const rule of rules) {
    for (const { labels } of rule.alerts ?? []) {
      const isSame = Object.entries(labels).every(([name, value]) => shown[name] === value);
      if (!isSame) continue;
      const added = new Set(["alertname", ...Object.keys(rule.labels ?? {})]);
      const own = Object.entries(labels).filter(([name]) => !added.has(name));
      return { rule, own: Object.fromEntries(own) };
    }
  }
  return null;
}

const STATES = ["firing", "pending", "inactive"];

/** Those that fail, fire and wait first, then by what they cost. */
export function ruleOrder(rules: readonly ListedRule[]): ListedRule[] {
  const rank = ({ health, state = "inactive" }: ListedRule) => {
    return health === "err" ? -1 : STATES.indexOf(state);
  };
  return rules.toSorted((a, b) => rank(a) - rank(b) || b.evaluationTime - a.evaluationTime);
}
