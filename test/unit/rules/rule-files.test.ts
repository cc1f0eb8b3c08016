import { expect, test } from "vitest";
import type { CompiledExpr } from "../../../aggregator/rules/ports.ts";
import { parseRuleFiles } from "../../../aggregator/rules/rule-files.ts";
import { formatFault } from "../../../shared/config/decode-yaml.ts";
import { OperationalError } from "../../../shared/errors.ts";

function compile(query: string): CompiledExpr {
  if (query.includes("!!")) throw new OperationalError("QUERY", `1:${query.indexOf("!!") + 1}: no`);
  return { query, isOfLines: /\|/.test(query), instant: async () => [], presence: async () => [] };
}

function faultsOf(text: string): string[] {
  const { groups, faults } = parseRuleFiles([{ path: "r.yaml", text }], compile);
  if (faults.length > 0) expect(groups).toStrictEqual([]);
  return faults.map(formatFault);
}

test("a file gives its groups and rules", () => {
  const text = `
groups:
  - name: g
    interval: 5s
    query_offset: 1s
    limit: 7
    labels: { team: a, severity: low }
    rules:
      - alert: Down
        expr: up == 0
        for: 1m
        keep_firing_for: 30s
        no_data: fire
        labels: { severity: page }
        annotations: { summary: "{{ $labels.instance }}" }
      - record: n
        expr: 1
        labels: { version: 2 }
`;
  const { groups, faults } = parseRuleFiles([{ path: "r.yaml", text }], compile);
  expect(faults).toStrictEqual([]);
  expect(groups).toMatchObject([
    {
      file: "r.yaml",
      name: "g",
      intervalMs: 5000,
      queryOffsetMs: 1000,
      limit: 7,
      rules: [
        {
          kind: "alerting",
          name: "Down",
          expr: { query: "up == 0" },
          forMs: 60_000,
          keepFiringForMs: 30_000,
          noData: "fire",
          labels: [
            ["severity", { text: "page" }],
            ["team", { text: "a" }],
          ],
          annotations: [["summary", { text: "{{ $labels.instance }}" }]],
        },
        {
          kind: "recording",
          name: "n",
          expr: { query: "1" },
          labels: ["severity", "low", "team", "a", "version", "2"],
        },
      ],
    },
  ]);
});

test("what a file does not say has Prometheus' defaults, and data that is missing keeps an alert", () => {
  const text = "groups: [{ name: g, rules: [{ alert: A, expr: up }] }, { name: h }]";
  const { groups } = parseRuleFiles([{ path: "r.yaml", text }], compile);
  expect(groups).toMatchObject([
    {
      intervalMs: null,
      queryOffsetMs: 0,
      limit: 0,
      rules: [{ forMs: 0, keepFiringForMs: 0, noData: "keep", labels: [], annotations: [] }],
    },
    { name: "h", rules: [] },
  ]);
});

test.each(["", "groups:", "groups: []", "# nothing"])("an empty file %j is no fault", (text) => {
  expect(faultsOf(text)).toStrictEqual([]);
});

test("all faults of all files are told at once, each with file, line and path", () => {
  const first = `groups:
  - name: a
    rules:
      - alert: A
        expr: up !! 1
        labels:
          __name__: x
      - record: b
        expr: 1
        for: 5m
        no_data: keep
  - name: a
    interval: 1ms
    rules:
      - expr: up
      - alert: C
        expr: up
        annotations:
          summary: fine
          description: "{{ $nope }}"
`;
  const second = "groups:\n  - name: x\n    colour: red\n    rules:\n      - alert: [1]\n";
  const { faults } = parseRuleFiles(
    [
      { path: "one.yaml", text: first },
      { path: "two.yaml", text: second },
    ],
    compile,
  );
  expect(faults.map(formatFault)).toStrictEqual([
    'one.yaml:7: groups[0].rules[0].labels.__name__: not a label name: "__name__"',
    "one.yaml:5: groups[0].rules[0].expr: 1:4: no",
    "one.yaml:10: groups[0].rules[1].for: for is not for a recording rule",
    "one.yaml:11: groups[0].rules[1].no_data: no_data is not for a recording rule",
    'one.yaml:12: groups[1].name: the group name "a" is repeated in the file',
    "one.yaml:13: groups[1].interval: must be at least 100ms",
    "one.yaml:15: groups[1].rules[0]: one of record and alert must be set",
    'one.yaml:20: groups[1].rules[1].annotations.description: template 1:4: undefined variable "$nope"',
    "two.yaml:5: groups[0].rules[0].alert: must be a text",
    "two.yaml:3: groups[0].colour: unknown key",
  ]);
});

test("a rule takes over its group's no_data, where it has none of its own", () => {
  const text = `
groups:
  - name: g
    no_data: fire
    rules:
      - { alert: A, expr: up }
      - { alert: B, expr: up, no_data: keep, for: 5m, gap_max: 20% }
      - { record: c, expr: up }
`;
  const { groups, faults } = parseRuleFiles([{ path: "r.yaml", text }], compile);
  expect(faults).toStrictEqual([]);
  expect(groups[0]?.rules).toMatchObject([
    { name: "A", noData: "fire", gapMaxMs: null },
    { name: "B", noData: "keep", gapMaxMs: 60_000 },
    { name: "c" },
  ]);
});

test.each([
  ["groups: [{ name: g, rules: [{ alert: A, record: b, expr: up }] }]", "only one of record and"],
  ["groups: [{ name: g, rules: [{ alert: A }] }]", "expr must be set"],
  ["groups: [{ name: '', rules: [] }]", "a group must have a name"],
  ["groups: [{ name: g, rules: [{ record: 'a{b=\"c\"}', expr: up }] }]", "braces in the recording"],
  ["groups: [{ name: g, rules: [{ alert: A, expr: up, for: 5 minutes }] }]", "Not a duration"],
  ["groups: [{ name: g, rules: [{ alert: A, expr: up, no_data: ok }] }]", "must be keep, fire or"],
  ["groups: [{ name: g, no_data: ok }]", "must be keep, fire or"],
  ["groups: [{ name: g, rules: [{ alert: A, expr: up, gap_max: 0.2 }] }]", "a share such as 20%"],
  ["groups: [{ name: g, rules: [{ alert: A, expr: up, gap_max: 101% }] }]", "a share such as 20%"],
  [
    "groups: [{ name: g, no_data: fire, rules: [{ alert: A, expr: up, gap_max: 20% }] }]",
    "gap_max is for no_data: keep",
  ],
  ["groups: [{ name: g, rules: [{ record: a, expr: up, gap_max: 20% }] }]", "for a recording rule"],
  ["groups: [{ name: g, limit: -1 }]", "must not be negative"],
  ["groups: [{ name: g, rules: [{ alert: A, expr: up, labels: { a: [b] } }] }]", "must be a text"],
  ['groups: [{ name: g, rules: [{ alert: A, expr: up, labels: { a: "x\\0" } }] }]', "not a label"],
  ["groups: {", "r.yaml:1: "],
  ["- a", "r.yaml:1: "],
  ["groups: []\ngroups: []", "r.yaml:2: "],
])("%s is refused", (text, message) => {
  const faults = faultsOf(text);
  expect(faults).toHaveLength(1);
  expect(faults[0]).toContain(message);
});

test("a file may have several documents, aliases and merge keys", () => {
  const text = `
groups:
  - name: first
    labels: &team { team: a }
    rules:
      - &base
        alert: Down
        expr: up == 0
        labels: { severity: page }
      - <<: *base
        alert: StillDown
        for: 1h
        labels: { <<: *team, severity: call }
---
# Nothing.
---
groups:
  - name: second
    rules: [{ record: n, expr: 1 }]
`;
  const { groups, faults } = parseRuleFiles([{ path: "r.yaml", text }], compile);
  expect(faults).toStrictEqual([]);
  expect(groups.map(({ name }) => name)).toEqual(["first", "second"]);
  expect(groups[0]?.rules[1]).toMatchObject({
    name: "StillDown",
    expr: { query: "up == 0" },
    forMs: 3_600_000,
    labels: [
      ["severity", { text: "call" }],
      ["team", { text: "a" }],
    ],
  });
});

test("faults of a later document have their lines in the file", () => {
  const good = "groups:\n  - name: a\n    rules: []\n";
  expect(faultsOf(`${good}---\n${good}---\ngroups:\n  - nmae: b\n`)).toEqual([
    'r.yaml:6: groups[0].name: the group name "a" is repeated in the file',
    "r.yaml:10: groups[0].nmae: unknown key",
  ]);
  expect(faultsOf("groups:\n  - name: a\n    rules: [*none]\n")).toEqual([
    "r.yaml:3: no anchor before the alias *none",
  ]);
});
