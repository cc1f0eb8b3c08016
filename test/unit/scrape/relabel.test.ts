// biome-ignore-all lint/suspicious/noTemplateCurlyInString: replacements of relabelling have such
import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { compileRelabel } from "../../../agent/scrape/relabel.ts";
import { RELABEL_DEFAULTS, type RelabelRule } from "../../../agent/scrape/relabel-rule.ts";
import { labelsFrom, labelsOf, labelsRecord } from "../../../shared/model/labels.ts";
import "../../support/property-seed.ts";

type Given = Partial<RelabelRule>;
type Names = Readonly<Record<string, string>>;

function relabel(labels: Names, ...rules: readonly Given[]): Names | null {
  const relabelled = compileRelabel(rules.map((rule) => ({ ...RELABEL_DEFAULTS, ...rule })));
  const result = relabelled(labelsOf(labels));
  return result === null ? null : { ...labelsRecord(result) };
}

const ABC = { a: "foo", b: "bar", c: "baz" };
const of = (...sourceLabels: string[]) => ({ sourceLabels });

test.each<[string, Given[], Names | null]>([
  ["no rule changes nothing", [], ABC],
  ["replace copies", [{ ...of("a"), targetLabel: "d" }], { ...ABC, d: "foo" }],
  ["sources are joined", [{ ...of("a", "b"), targetLabel: "d" }], { ...ABC, d: "foo;bar" }],
  [
    "a separator of its own, or none",
    [
      { ...of("a", "b"), targetLabel: "d", separator: "" },
      { ...of("a", "x", "b"), targetLabel: "e", separator: "-" },
    ],
    { ...ABC, d: "foobar", e: "foo--bar" },
  ],
  ["a pattern has to match the whole value", [{ ...of("a"), regex: "o+", targetLabel: "d" }], ABC],
  [
    "what does not match is not replaced",
    [{ ...of("a"), regex: "x.*", targetLabel: "b", replacement: "y" }],
    ABC,
  ],
  [
    "groups by number and name, in the target too",
    [
      {
        ...of("a", "b"),
        regex: "f(?P<rest>.*);(b)(.)r",
        targetLabel: "${2}_$3",
        replacement: "${rest}-$2$$1",
      },
    ],
    { ...ABC, b_a: "oo-b$1" },
  ],
  [
    "$1x is the group 1x, which is not there",
    [{ ...of("a"), regex: "(.)(.+)", targetLabel: "d", replacement: "<$1x>" }],
    { ...ABC, d: "<>" },
  ],
  [
    "a dollar sign that refers to nothing stays",
    [{ ...of("a"), targetLabel: "d", replacement: "$ ${} ${1 $-" }],
    { ...ABC, d: "$ ${} ${1 $-" },
  ],
  [
    "a group with a leading zero, beyond the last, or that took no part is empty",
    [{ ...of("a"), regex: "(f)?(x)?oo", targetLabel: "d", replacement: "[$01$2$9$0]" }],
    { ...ABC, d: "[foo]" },
  ],
  [
    "the wrong label is not removed where there is no source: an empty result removes the target",
    [{ ...of("x"), targetLabel: "b" }],
    { a: "foo", c: "baz" },
  ],
  ["an empty replacement removes", [{ targetLabel: "b", replacement: "" }], { a: "foo", c: "baz" }],
  [
    "no source at all sets a constant",
    [{ targetLabel: "d", replacement: "x" }],
    { ...ABC, d: "x" },
  ],
  [
    "an empty pattern matches only what is empty",
    [
      { ...of("x"), regex: "", targetLabel: "d", replacement: "absent" },
      { ...of("a"), regex: "", targetLabel: "e", replacement: "absent" },
    ],
    { ...ABC, d: "absent" },
  ],
  [
    "a target that is no name of a label changes nothing",
    [{ ...of("a"), regex: "(.*)", targetLabel: "${1}-x", replacement: "y" }],
    ABC,
  ],
  ["alternatives are matched whole", [{ ...of("a"), regex: "fo|oo", action: "keep" }], null],
  ["keep keeps", [{ ...of("a"), regex: "foo|x", action: "keep" }], ABC],
  ["keep drops what does not match", [{ ...of("a"), regex: "x", action: "keep" }], null],
  ["drop drops", [{ ...of("a", "b"), regex: "foo;b.*", action: "drop" }], null],
  ["drop keeps what does not match", [{ ...of("a"), regex: "o", action: "drop" }], ABC],
  [
    "no rule runs after the one that drops",
    [
      { ...of("a"), regex: "foo", action: "drop" },
      { ...of("a"), targetLabel: "d" },
    ],
    null,
  ],
  ["keepequal keeps", [{ ...of("b"), targetLabel: "b", action: "keepequal" }], ABC],
  ["keepequal drops", [{ ...of("b"), targetLabel: "c", action: "keepequal" }], null],
  [
    "dropequal of absent labels drops",
    [{ ...of("x"), targetLabel: "y", action: "dropequal" }],
    null,
  ],
  ["dropequal keeps", [{ ...of("b"), targetLabel: "c", action: "dropequal" }], ABC],
  [
    "labelmap leaves the label it is made of",
    [{ regex: "(b|c)", replacement: "x_$1", action: "labelmap" }],
    { ...ABC, x_b: "bar", x_c: "baz" },
  ],
  [
    "labelmap to one name: the last in the order of names stands",
    [{ regex: "(b|c)", replacement: "x", action: "labelmap" }],
    { ...ABC, x: "baz" },
  ],
  [
    "labelmap of a pattern without a group makes no label without a name",
    [{ regex: "b", action: "labelmap" }],
    ABC,
  ],
  ["labeldrop", [{ regex: "(a|b)", action: "labeldrop" }], { c: "baz" }],
  ["labelkeep", [{ regex: "(a|b)", action: "labelkeep" }], { a: "foo", b: "bar" }],
  [
    "upper and lower case",
    [
      { ...of("a", "b"), targetLabel: "up", action: "uppercase" },
      { ...of("up"), targetLabel: "down", action: "lowercase" },
    ],
    { ...ABC, up: "FOO;BAR", down: "foo;bar" },
  ],
  [
    "hashmod, by the published example of Prometheus' tests",
    [{ ...of("c"), targetLabel: "d", separator: ";", modulus: 1000, action: "hashmod" }],
    { ...ABC, d: "976" },
  ],
  [
    "rules see what those before them made",
    [
      { ...of("a"), targetLabel: "__tmp" },
      { ...of("__tmp"), regex: "(.)oo", targetLabel: "d" },
      { regex: "__tmp", action: "labeldrop" },
    ],
    { ...ABC, d: "f" },
  ],
])("%s", (_, rules, expected) => {
  expect(relabel(ABC, ...rules)).toEqual(expected);
});

test("a dot matches a newline", () => {
  expect(relabel({ a: "x\ny" }, { ...of("a"), regex: "x(.*)", targetLabel: "b" })).toEqual({
    a: "x\ny",
    b: "\ny",
  });
  expect(relabel({ a: "x\n" }, { ...of("a"), regex: "x", action: "keep" })).toBeNull();
});

test("a label may be called like something that objects have", () => {
  const compiled = compileRelabel([{ ...RELABEL_DEFAULTS, regex: "a", action: "labeldrop" }]);
  const labels = labelsFrom([
    ["__proto__", "x"],
    ["a", "y"],
    ["constructor", "z"],
  ]);
  expect(compiled(labels)).toEqual(["__proto__", "x", "constructor", "z"]);
  expect(
    relabel({ a: "x" }, { ...of("constructor"), targetLabel: "b", replacement: "${constructor}" }),
  ).toEqual({ a: "x" });
});

test("a pattern that would take a backtracking engine for ever does not", () => {
  const rule: Given = { ...of("a"), regex: "(a+)+(a+)+(a+)+b", action: "keep" };
  expect(relabel({ a: "a".repeat(2000) }, rule)).toBeNull();
});

test("what is no pattern is refused", () => {
  expect(() => relabel(ABC, { ...of("a"), regex: "(", targetLabel: "d" })).toThrow(
    /^Not a regular expression/,
  );
});

const labelSet = fc.dictionary(fc.stringMatching(/^[a-z_]{1,3}$/), fc.string({ maxLength: 5 }), {
  maxKeys: 6,
});

test("labels come out sorted, each name once and none empty, whatever the rules", () => {
  const rule = fc.record({
    action: fc.constantFrom<RelabelRule["action"]>(
      ...(["replace", "labelmap", "labeldrop", "labelkeep", "lowercase", "keep"] as const),
    ),
    sourceLabels: fc.array(fc.stringMatching(/^[a-z_]{1,3}$/), { maxLength: 2 }),
    separator: fc.constantFrom(";", ""),
    regex: fc.constantFrom("(.*)", "([a-m]*)(.*)", "a|b", "(.).*"),
    targetLabel: fc.constantFrom("a", "b", "new", "$1", "x_$1"),
    replacement: fc.constantFrom("$1", "", "x", "$2$1"),
  });
  fc.assert(
    fc.property(labelSet, fc.array(rule, { maxLength: 4 }), (labels, rules) => {
      const compiled = compileRelabel(rules.map((one) => ({ ...RELABEL_DEFAULTS, ...one })));
      const given = labelsOf(labels);
      const copy = [...given];
      const result = compiled(given);
      expect(given).toEqual(copy);
      if (result === null) return;
      const names = result.filter((_, index) => index % 2 === 0);
      expect(names).toEqual([...new Set(names)].sort());
      expect(result).not.toContain("");
    }),
  );
});

test("keep and drop are opposites; labeldrop and labelkeep share out the labels", () => {
  const pattern = fc.constantFrom("a.*", "[b-k]+", "x?", ".*y", "");
  fc.assert(
    fc.property(labelSet, pattern, (labels, regex) => {
      const one = { ...of("a", "b"), regex };
      const isKept = relabel(labels, { ...one, action: "keep" }) !== null;
      const isDropped = relabel(labels, { ...one, action: "drop" }) === null;
      expect(isKept).toBe(isDropped);
      const dropped = relabel(labels, { regex, action: "labeldrop" });
      const kept = relabel(labels, { regex, action: "labelkeep" });
      expect({ ...dropped, ...kept }).toEqual(relabel(labels));
      expect(Object.keys(dropped ?? {}).filter((name) => name in (kept ?? {}))).toEqual([]);
    }),
  );
});

test("hashmod is the last eight bytes of the MD5, for any modulus", () => {
  fc.assert(
    fc.property(fc.string(), fc.integer({ min: 1, max: 2 ** 31 }), (value, modulus) => {
      const labels = compileRelabel([
        { ...RELABEL_DEFAULTS, ...of("a"), targetLabel: "b", modulus, action: "hashmod" },
      ])(labelsFrom([["a", value]]));
      const hex = createHash("md5").update(value).digest("hex").slice(16);
      expect(labelsRecord(labels ?? [])["b"]).toBe(String(BigInt(`0x${hex}`) % BigInt(modulus)));
    }),
  );
});
