import fc from "fast-check";
import { expect, test } from "vitest";
import { parseRuleFiles } from "../../../aggregator/rules/rule-files.ts";
import {
  alertTemplates,
  compileAlertTemplate,
  expandAlertTemplate,
} from "../../../aggregator/template/alert-template.ts";
import { OperationalError } from "../../../shared/errors.ts";
import { labelsOf } from "../../../shared/model/labels.ts";

const PIECES = [
  "{{", "}}", "{{-", "-}}", "{{ if ", "{{ else }}", "{{ end }}", "{{ with ", "/*", "*/", " ",
  "$labels", "$value", "$", ".", ".job", "$x", ":=", "=", "|", "(", ")", '"', "`", "\\", "1", "-1.5e3",
  "printf", '"%5.2f %s%d%"', "humanize", "humanizeTimestamp", "reReplaceAll", "match", '"(a*)*"',
  "query", "first", "value", "label", "sortByLabel", "args", "toTime", "toDuration", "now", "slice",
  "html", "js", "urlquery", "graphLink", "pathPrefix", "externalURL", "range", "break", "continue",
  "define", "template", "block", '"t"', "{{ define `t` }}", "{{ template `t` . }}", "{{ range query `t` }}",
  "and", "eq", "index", "title", "parseDuration", "\n", "é", "\u0000", "\ud800", "a", "__proto__",
] as const; // biome-ignore format: a list of pieces

const template = fc.oneof(
  fc.string({ size: "medium" }),
  fc.array(fc.constantFrom(...PIECES), { maxLength: 40 }).map((pieces) => pieces.join("")),
  fc
    .array(fc.constantFrom(...PIECES), { maxLength: 12 })
    .map((pieces) => `{{${pieces.join(" ")}}}`),
);

test("any text is a template that gives a bounded text, or is refused with its place", () => {
  fc.assert(
    fc.property(template, fc.double(), fc.string(), (text, value, job) => {
      try {
        const samples = [{ labels: labelsOf({ job }), value }];
        const evaluation = { query: () => samples, timeMs: value, externalUrl: job };
        const data = { labels: labelsOf({ job }), value, externalLabels: [] };
        const template = compileAlertTemplate(text);
        const output = expandAlertTemplate(template, data, alertTemplates(evaluation));
        expect(output.length).toBeLessThan(20_000);
      } catch (error) {
        expect(error).toBeInstanceOf(OperationalError);
        expect(String(error)).toMatch(/template \d+:\d+: /);
      }
    }),
    { numRuns: 500 },
  );
});

const scalar = fc.oneof(
  fc.constantFrom("up", "5m", "", "{{ $value }}", "a b", "keep", "0", null),
  fc.double(),
  fc.boolean(),
  fc.string(),
);
const KEYS = [
  "groups", "name", "rules", "alert", "record", "expr", "for", "keep_firing_for", "labels",
  "annotations", "no_data", "interval", "limit", "query_offset", "__proto__", "constructor",
] as const; // biome-ignore format: a list of keys
const { tree } = fc.letrec((tie) => ({
  tree: fc.oneof(
    { maxDepth: 6 },
    scalar,
    fc.array(tie("tree"), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...KEYS), tie("tree"), { maxKeys: 5 }),
  ),
}));

const compile = (query: string) => ({
  query,
  isOfLines: false,
  instant: async () => [],
  presence: async () => [],
});

test("any YAML gives groups, or faults with a line", () => {
  const rule = fc.dictionary(fc.constantFrom(...KEYS), tree, { maxKeys: 6 });
  const group = fc.record({ name: tree, rules: fc.array(rule, { maxLength: 3 }) });
  const content = fc.oneof(
    fc.string(),
    tree.map((value) => JSON.stringify(value)),
    fc.array(group, { maxLength: 3 }).map((groups) => JSON.stringify({ groups })),
  );
  fc.assert(
    fc.property(content, (text) => {
      const { groups, faults } = parseRuleFiles([{ path: "r", text }], compile);
      if (faults.length > 0) expect(groups).toStrictEqual([]);
      for (const { line, message } of faults) {
        expect(line).toBeGreaterThan(0);
        expect(message).not.toBe("");
      }
    }),
    { numRuns: 300 },
  );
});

test("aliases that would unfold without bound are a fault", () => {
  const levels = ["a0: &a0 [x]"];
  for (let i = 1; i < 12; i += 1) {
    levels.push(
      `a${i}: &a${i} [${Array(10)
        .fill(`*a${i - 1}`)
        .join(", ")}]`,
    );
  }
  const { faults } = parseRuleFiles([{ path: "r", text: levels.join("\n") }], compile);
  expect(faults.length).toBeGreaterThan(0);
});
