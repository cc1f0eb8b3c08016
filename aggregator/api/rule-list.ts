import { createHash } from "node:crypto";
import { compileMatchers } from "../matching/matcher.ts";
import type { RuleGroupSnapshot, RuleSnapshot } from "../model/rule-snapshot.ts";
import { type Parameters, parameterError } from "./parameters.ts";
import type { MatcherSets } from "./ports.ts";

/** `/api/v1/rules`: which of the rules. Source: prometheus.io/docs, "HTTP API", Rules. */

export type RuleListRequest = {
  readonly type: RuleSnapshot["type"] | null;
  /** Of rules, groups and files; none: all of them. */
  readonly names: ReadonlySet<string>;
  readonly groups: ReadonlySet<string>;
  readonly files: ReadonlySet<string>;
  /** Of a rule's labels as its file has them. */
  readonly selectors: readonly string[];
  readonly hasAlerts: boolean;
  /** Null: all groups. */
  readonly groupLimit: number | null;
  /** Of the first group; "": the first of all. */
  readonly nextToken: string;
};

/** `nextToken` null: there are no more groups. */
export type RuleList = {
  readonly groups: readonly RuleGroupSnapshot[];
  readonly nextToken: string | null;
};

/** @throws ApiError bad_data */
export function ruleListRequest(parameters: Parameters): RuleListRequest {
  const set = (name: string) => new Set(parameters.getAll(name).filter((text) => text !== ""));
  const groupLimit = groupLimitOf(parameters.get("group_limit") ?? "");
  const nextToken = parameters.get("group_next_token") ?? "";
  if (nextToken !== "" && groupLimit === null) {
    throw parameterError("group_limit", "group_next_token needs it");
  }
  return {
    type: typeOf((parameters.get("type") ?? "").toLowerCase()),
    names: set("rule_name[]"),
    groups: set("rule_group[]"),
    files: set("file[]"),
    selectors: parameters.getAll("match[]"),
    hasAlerts: !flagOf(parameters.get("exclude_alerts") ?? ""),
    groupLimit,
    nextToken,
  };
}

function typeOf(text: string): RuleSnapshot["type"] | null {
  if (text === "") return null;
  if (text === "alert") return "alerting";
  if (text === "record") return "recording";
  throw parameterError("type", "it is alert or record");
}

/** As Go reads a truth value. */
function flagOf(text: string): boolean {
  if (/^(?:1|t|T|TRUE|true|True)$/.test(text)) return true;
  if (/^(?:|0|f|F|FALSE|false|False)$/.test(text)) return false;
  throw parameterError("exclude_alerts", "it is true or false");
}

function groupLimitOf(text: string): number | null {
  if (text === "") return null;
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw parameterError("group_limit", "it is a whole number above 0");
}

/**
 * Groups without a rule that is wanted are left out when it was asked for some.
 * @param sets the request's selectors, parsed
 * @throws ApiError bad_data when no group has the token
 */
export function listRules(
  all: readonly RuleGroupSnapshot[],
  request: RuleListRequest,
  sets: MatcherSets,
): RuleList {
  const { type, names, groups, files, hasAlerts, groupLimit, nextToken } = request;
  const tests = sets.map(compileMatchers);
  const isWanted = (rule: RuleSnapshot) =>
    (type === null || rule.type === type) &&
    (names.size === 0 || names.has(rule.name)) &&
    (tests.length === 0 || tests.some((test) => test(rule.labels)));
  const isSelective = names.size > 0 || tests.length > 0;
  const wanted = all
    .filter(({ name }) => groups.size === 0 || groups.has(name))
    .filter(({ file }) => files.size === 0 || files.has(file))
    .map((group) => ({ ...group, rules: group.rules.filter(isWanted) }))
    .filter(({ rules }) => rules.length > 0 || !isSelective)
    .map((group) => (hasAlerts ? group : { ...group, rules: group.rules.map(withoutAlerts) }));
  const from = nextToken === "" ? 0 : wanted.findIndex((group) => tokenOf(group) === nextToken);
  if (from < 0) throw parameterError("group_next_token", "no group has it; they may have changed");
  const end = groupLimit === null ? wanted.length : from + groupLimit;
  const next = wanted[end];
  return { groups: wanted.slice(from, end), nextToken: next === undefined ? null : tokenOf(next) };
}

function withoutAlerts(rule: RuleSnapshot): RuleSnapshot {
  return rule.type === "alerting" ? { ...rule, alerts: [] } : rule;
}

/** Of a page's first group: it stays the same while others come and go. */
function tokenOf({ file, name }: RuleGroupSnapshot): string {
  return createHash("sha1").update(`${file};${name}`).digest("hex");
}
