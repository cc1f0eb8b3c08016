import { expect, test } from "vitest";
import { listRules, ruleListRequest } from "../../../aggregator/api/rule-list.ts";
import type { RuleGroupSnapshot, RuleSnapshot } from "../../../aggregator/model/rule-snapshot.ts";
import { parseSelector } from "../../../aggregator/promql/parse.ts";
import { labelsOf } from "../../../shared/model/labels.ts";

const COMMON = {
  query: "up",
  health: "ok",
  lastError: "",
  lastEvaluationMs: 0,
  evaluationSeconds: 0,
} as const;

function alerting(name: string, labels: Readonly<Record<string, string>> = {}): RuleSnapshot {
  const alert = {
    labels: labelsOf({ alertname: name }),
    annotations: [],
    state: "firing",
    activeAtMs: 0,
    keepFiringSinceMs: null,
    value: 1,
    isNoData: false,
  } as const;
  const timing = { forMs: 0, keepFiringForMs: 0 };
  const own = { annotations: [], alerts: [alert], state: "firing" } as const;
  return { type: "alerting", name, labels: labelsOf(labels), ...COMMON, ...timing, ...own };
}

function recording(name: string): RuleSnapshot {
  return { type: "recording", name, labels: [], ...COMMON };
}

function group(file: string, name: string, ...rules: RuleSnapshot[]): RuleGroupSnapshot {
  const times = { lastEvaluationMs: 0, evaluationSeconds: 0 };
  return { name, file, intervalMs: 1000, limit: 0, ...times, rules };
}

const GROUPS = [
  group("a.yaml", "disk", alerting("Full", { team: "storage" }), recording("used")),
  group("a.yaml", "net", alerting("Slow", { team: "net" })),
  group("b.yaml", "disk", alerting("Full", { team: "{{ $labels.team }}" }), recording("free")),
  group("b.yaml", "empty"),
];

function list(query: string) {
  const request = ruleListRequest(new URLSearchParams(query));
  return listRules(GROUPS, request, request.selectors.map(parseSelector));
}

const shown = (query: string) =>
  list(query).groups.map(({ file, name, rules }) => {
    return `${file}/${name}:${rules.map((rule) => rule.name).join(",")}`;
  });

test.each([
  ["", ["a.yaml/disk:Full,used", "a.yaml/net:Slow", "b.yaml/disk:Full,free", "b.yaml/empty:"]],
  ["type=record", ["a.yaml/disk:used", "a.yaml/net:", "b.yaml/disk:free", "b.yaml/empty:"]],
  ["type=ALERT&rule_name[]=used&rule_name[]=Slow", ["a.yaml/net:Slow"]],
  ["rule_name[]=Full", ["a.yaml/disk:Full", "b.yaml/disk:Full"]],
  ["rule_group[]=net&rule_group[]=empty", ["a.yaml/net:Slow", "b.yaml/empty:"]],
  ["rule_group[]=disk&file[]=b.yaml", ["b.yaml/disk:Full,free"]],
  ["file[]=none", []],
  ['match[]={team="storage"}&match[]={team="net"}', ["a.yaml/disk:Full", "a.yaml/net:Slow"]],
  ['match[]={team=~"s.*",team!="net"}', ["a.yaml/disk:Full"]],
  ['match[]={team=~".*labels.*"}', ["b.yaml/disk:Full"]],
])("/rules?%s", (query, expected) => {
  expect(shown(query)).toEqual(expected);
});

test("without their alerts rules say all the same what state they are in", () => {
  const [first] = list("exclude_alerts=true&rule_name[]=Full").groups;
  expect(first?.rules[0]).toMatchObject({ name: "Full", state: "firing", alerts: [] });
});

test("pages follow each other, whatever comes in between", () => {
  const first = list("group_limit=2");
  expect(first.groups.map(({ name }) => name)).toEqual(["disk", "net"]);
  const next = `group_limit=2&group_next_token=${first.nextToken}`;
  expect(list(next).groups.map(({ file, name }) => `${file}/${name}`)).toEqual([
    "b.yaml/disk",
    "b.yaml/empty",
  ]);
  expect(list(next).nextToken).toBe(null);
  const request = ruleListRequest(new URLSearchParams(next));
  const changed = [group("a.yaml", "new"), ...GROUPS];
  expect(listRules(changed, request, []).groups[0]).toMatchObject({ file: "b.yaml" });
});

test.each([
  ["type=x", "type", "it is alert or record"],
  ["exclude_alerts=maybe", "exclude_alerts", "it is true or false"],
  ["group_limit=0", "group_limit", "it is a whole number above 0"],
  ["group_next_token=abc", "group_limit", "group_next_token needs it"],
  [
    "group_limit=1&group_next_token=abc",
    "group_next_token",
    "no group has it; they may have changed",
  ],
])("/rules?%s is refused", (query, name, problem) => {
  expect(() => list(query)).toThrow(`invalid parameter "${name}": ${problem}`);
});
