import { expect, test } from "vitest";
import { labelsOf } from "../../../../shared/model/labels.ts";
import { readConfig } from "./reading.ts";

function rulesOf(rules: string) {
  return readConfig(`route: { receiver: a }\nreceivers: [{ name: a }]\ninhibit_rules:\n${rules}`)
    .inhibitRules;
}

test("a rule has its two sides, by older and newer keys, and the labels that are equal", () => {
  const [rule] = rulesOf(`
  - name: why
    source_match: { alertname: JobDown }
    source_match_re: { zone: a.* }
    source_matchers: [team!=x]
    target_match: { severity: warning }
    target_match_re: { zone: b.* }
    target_matchers: [team=y, "foo🙂=bar"]
    equal: [job, zone🙂]
`);
  expect(rule?.equal).toEqual(["job", "zone🙂"]);
  const source = { alertname: "JobDown", zone: "aa" };
  expect(rule?.source.matches(labelsOf(source))).toBe(true);
  expect(rule?.source.matches(labelsOf({ ...source, team: "x" }))).toBe(false);
  expect(rule?.source.matches(labelsOf({ ...source, zone: "ba" }))).toBe(false);
  const target = { severity: "warning", zone: "bb", team: "y", "foo🙂": "bar" };
  expect(rule?.target.matches(labelsOf(target))).toBe(true);
  expect(rule?.target.matches(labelsOf({ ...target, team: "x" }))).toBe(false);
  expect(rule?.target.matches(labelsOf({ ...target, zone: "aa" }))).toBe(false);
});

test.each(["  - {}", "  -"])("an empty rule loads: %j", (text) => {
  const rules = rulesOf(text);
  expect(rules).toHaveLength(1);
  expect(rules[0]?.equal).toEqual([]);
  expect(rules[0]?.source.matchers).toEqual([]);
  expect(rules[0]?.source.matches(labelsOf({ a: "b" }))).toBe(true);
});

test.each([
  [
    "  - source_match: { a-b: c }",
    '4: inhibit_rules[0].source_match.a-b: invalid label name "a-b"',
  ],
  ["  - target_match_re: { a: }", 'target_match_re.a: invalid regexp value for "a"'],
  ["  - target_matchers: [a]", "inhibit_rules[0].target_matchers[0]: Matchers 1:2: expected"],
  ["  - equal: ['']", 'inhibit_rules[0].equal[0]: invalid label name "" in equal list'],
])("%s is refused", (text, message) => {
  expect(() => rulesOf(text)).toThrow(message);
});
