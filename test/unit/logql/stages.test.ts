import fc from "fast-check";
import { expect, test } from "vitest";
import { linePass } from "../../../aggregator/logql/log-query.ts";
import { parseLogql } from "../../../aggregator/logql/parse.ts";
import { labelsRecord, NO_LABELS } from "../../../shared/model/labels.ts";

/** Each stage against an evaluation that knows nothing of how it works. */

/** The labels that a line of the stream {app="web"} has behind the stages; null: left out. */
function labelsBehind(stages: string, line: string): Record<string, string> | null {
  const expr = parseLogql(`{app="web"} ${stages}`);
  if (expr.kind !== "logs") throw new Error("not a log query");
  const result = linePass(expr)(["app", "web"], { timeUs: 0, line, metadata: NO_LABELS });
  return result === null ? null : { ...labelsRecord(result.labels) };
}

/** Of a name that is there twice the first value stays; empty values are no labels. */
function recordOf(pairs: readonly (readonly [string, string])[]): Record<string, string> {
  const record = new Map<string, string>();
  for (const [name, value] of pairs) {
    const own = name === "app" ? "app_extracted" : name;
    if (!record.has(own)) record.set(own, value.replaceAll("\u0000", "\ufffd"));
  }
  const kept = [...record].filter(([, value]) => value !== "");
  return Object.fromEntries([["app", "web"], ...kept]);
}

const key = fc.constantFrom("a", "b", "app", "x-y", "x.y", "7", "ü", "a b", "_");
const scalar = fc.oneof(
  fc.string({ unit: fc.constantFrom(...'ab "\\{}[]:,\n\u0000ü😀\ud800'), maxLength: 6 }),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.boolean(),
  fc.constant(null),
);
const document = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small", maxDepth: 4 },
    scalar,
    fc.dictionary(key, tie("value"), { maxKeys: 4 }),
    fc.array(tie("value"), { maxLength: 3 }),
  ),
  object: fc.dictionary(key, tie("value"), { maxKeys: 6 }),
})).object as fc.Arbitrary<Record<string, unknown>>;

const asName = (field: string) => field.trim().replace(/[^a-zA-Z0-9_]/gu, "_");

function flattened(object: object, prefix = ""): [string, string][] {
  return Object.entries(object).flatMap(([field, value]): [string, string][] => {
    const plain = asName(field);
    const name = prefix === "" ? plain.replace(/^(?=\d)/, "_") : `${prefix}_${plain}`;
    if (value === null || Array.isArray(value)) return [];
    if (typeof value === "object") return flattened(value, name);
    return [[name, typeof value === "string" ? value : JSON.stringify(value)]];
  });
}

test("json finds what JSON.parse does, however it is spaced", () => {
  fc.assert(
    fc.property(document, fc.constantFrom(0, 1, "\t"), (object, space) => {
      const line = JSON.stringify(object, null, space);
      expect(labelsBehind("| json", line)).toEqual(recordOf(flattened(JSON.parse(line))));
    }),
    { numRuns: 300 },
  );
});

test("a line that is cut anywhere is no JSON, and no harm", () => {
  fc.assert(
    fc.property(document, fc.nat(), (object, at) => {
      const line = JSON.stringify(object);
      const cut = line.slice(0, at % line.length);
      expect(labelsBehind("| json", cut)).toMatchObject({ __error__: "JSONParserErr" });
      expect(labelsBehind("| json a", cut)).toHaveProperty("app", "web");
    }),
    { numRuns: 300 },
  );
});

test("json with a path takes what is there, as it is written", () => {
  const step = fc.oneof(key, fc.nat({ max: 2 }));
  fc.assert(
    fc.property(document, key, fc.array(step, { maxLength: 3 }), (object, first, others) => {
      const steps = [first, ...others];
      const path = steps
        .map((one) => (typeof one === "number" ? `[${one}]` : `["${one}"]`))
        .join("");
      const line = JSON.stringify(object);
      let value: unknown = JSON.parse(line);
      for (const one of steps) {
        const isThere =
          typeof value === "object" &&
          value !== null &&
          Array.isArray(value) === (typeof one === "number") &&
          Object.hasOwn(value, one);
        value = isThere ? (value as Record<string | number, unknown>)[one] : null;
      }
      const text = typeof value === "string" ? value : value === null ? "" : JSON.stringify(value);
      const stages = `| json found=${JSON.stringify(path)}`;
      expect(labelsBehind(stages, line)).toEqual(recordOf([["found", text]]));
    }),
    { numRuns: 500 },
  );
});

const word = fc.string({ unit: fc.constantFrom(..."abcü.:/-7"), minLength: 1, maxLength: 6 });
const quotable = fc.string({ unit: fc.constantFrom(...'ab=" \\ü\n'), maxLength: 6 });

test("logfmt finds the pairs that a line was made of, between words that are none", () => {
  const pair = fc.oneof(
    fc.tuple(word, word).map(([name, value]) => ({ name, value, text: `${name}=${value}` })),
    fc
      .tuple(word, quotable)
      .map(([name, value]) => ({ name, value, text: `${name}=${JSON.stringify(value)}` })),
    fc.constantFrom("alone", "=x", "a=b=c", 'x"y=z', "e=").map((text) => {
      return { name: "none", value: "", text };
    }),
  );
  fc.assert(
    fc.property(fc.array(pair, { maxLength: 8, size: "max" }), (pairs) => {
      const line = pairs.map(({ text }) => text).join("  ");
      const wanted = pairs.filter(({ value }) => value !== "");
      const expected = wanted.map(({ name, value }) => {
        return [asName(name).replace(/^(?=\d)/, "_"), value] as const;
      });
      expect(labelsBehind("| logfmt", line)).toEqual(recordOf(expected));
    }),
    { numRuns: 300 },
  );
});

test("pattern and regexp find the same where both can say it", () => {
  const part = fc.constantFrom(" ", "-", '"', "ab", ": ");
  const line = fc.string({ unit: fc.constantFrom(...'ab-: "'), maxLength: 14, size: "max" });
  const names = ["one", "two", "six"];
  fc.assert(
    fc.property(fc.tuple(part, part), line, ([first, second], text) => {
      const pattern = `<one>${first}<two>${second}<six>`;
      const regexp = `(?s)^(?P<one>.*?)${first}(?P<two>.*?)${second}(?P<six>.*)$`;
      const found = labelsBehind(`| regexp \`${regexp}\``, text);
      if (found === null || names.every((name) => found[name] === undefined)) return;
      expect(labelsBehind(`| pattern \`${pattern}\``, text)).toEqual(found);
    }),
    { numRuns: 500 },
  );
});

test("|> is a pattern in which <_> is anything", () => {
  const part = fc.constantFrom("a", "ab", "-", "ba");
  const line = fc.string({ unit: fc.constantFrom("a", "b", "-"), maxLength: 8, size: "max" });
  fc.assert(
    fc.property(
      fc.array(part, { minLength: 1, maxLength: 3 }),
      fc.tuple(fc.boolean(), fc.boolean()),
      line,
      (parts, [before, behind], text) => {
        const pattern = (before ? "<_>" : "") + parts.join("<_>") + (behind ? "<_>" : "");
        const form = new RegExp(`^${pattern.replaceAll("<_>", ".*")}$`);
        expect(labelsBehind(`|> "${pattern}"`, text) !== null).toBe(form.test(text));
        expect(labelsBehind(`!> "${pattern}"`, text) !== null).toBe(!form.test(text));
      },
    ),
    { numRuns: 500 },
  );
});

test("conditions on labels compare numbers, durations and sizes", () => {
  const ops = {
    "==": (a: number, b: number) => a === b,
    "!=": (a: number, b: number) => a !== b,
    ">": (a: number, b: number) => a > b,
    ">=": (a: number, b: number) => a >= b,
    "<": (a: number, b: number) => a < b,
    "<=": (a: number, b: number) => a <= b,
  };
  const units = {
    "": 1,
    s: 1,
    ms: 1e-3,
    m: 60,
    h: 3600,
    B: 1,
    kB: 1000,
    KiB: 1024,
    MB: 1e6,
    MiB: 2 ** 20,
  };
  const kinds = [[""], ["s", "ms", "m", "h"], ["B", "kB", "KiB", "MB", "MiB"]] as const;
  const side = fc.integer({ min: 0, max: 4 }).map((n) => n * 30);
  const sides = fc.constantFrom(...kinds).chain((of) => {
    const unit = fc.constantFrom(...(of as readonly (keyof typeof units)[]));
    return fc.tuple(side, unit, side, unit);
  });
  const op = fc.constantFrom(...(Object.keys(ops) as (keyof typeof ops)[]));
  fc.assert(
    fc.property(sides, op, ([a, unitA, b, unitB], sign) => {
      const [left, right] = [a * units[unitA], b * units[unitB]];
      if (left !== right && Math.abs(left - right) < 1e-9) return; // 30000ms and 30s are the same
      const found = labelsBehind(`| logfmt | n ${sign} ${b}${unitB}`, `n=${a}${unitA}`);
      expect(found !== null).toBe(ops[sign](left, right));
    }),
    { numRuns: 500 },
  );
});

test("and, or and parentheses are those of logic", () => {
  type Tree = { readonly text: string; readonly value: (n: number) => boolean };
  const tree = fc.letrec<{ tree: Tree; leaf: Tree }>((tie) => ({
    leaf: fc.integer({ min: 0, max: 9 }).map((m) => ({ text: `n > ${m}`, value: (n) => n > m })),
    tree: fc.oneof(
      { maxDepth: 3 },
      tie("leaf"),
      fc.tuple(tie("tree"), tie("tree"), fc.boolean()).map(([a, b, isAnd]) => ({
        text: `(${a.text}) ${isAnd ? "and" : "or"} (${b.text})`,
        value: (n: number) => (isAnd ? a.value(n) && b.value(n) : a.value(n) || b.value(n)),
      })),
    ),
  })).tree;
  fc.assert(
    fc.property(tree, fc.integer({ min: 0, max: 10 }), ({ text, value }, n) => {
      expect(labelsBehind(`| logfmt | ${text}`, `n=${n}`) !== null).toBe(value(n));
    }),
    { numRuns: 200 },
  );
});

test("drop, keep and label_format change a map as they say", () => {
  const name = fc.constantFrom("a", "b", "c", "app");
  const value = fc.constantFrom("1", "2");
  type Step = { readonly text: string; readonly apply: (labels: Map<string, string>) => void };
  const step: fc.Arbitrary<Step> = fc.oneof(
    name.map((one) => ({
      text: `drop ${one}`,
      apply: (labels: Map<string, string>) => void labels.delete(one),
    })),
    fc.tuple(name, value).map(([one, wanted]) => ({
      text: `drop ${one}="${wanted}"`,
      apply: (labels: Map<string, string>) =>
        void (labels.get(one) === wanted && labels.delete(one)),
    })),
    fc.tuple(name, name).map(([one, other]) => ({
      text: `keep ${one}, ${other}`,
      apply: (labels: Map<string, string>) => {
        for (const own of [...labels.keys()]) if (own !== one && own !== other) labels.delete(own);
      },
    })),
    fc.tuple(name, name).map(([to, from]) => ({
      text: `label_format ${to}=${from}`,
      apply: (labels: Map<string, string>) => {
        const moved = labels.get(from);
        if (moved === undefined || to === from) return;
        labels.set(to, moved);
        labels.delete(from);
      },
    })),
    fc.tuple(name, name).map(([to, from]) => ({
      text: `label_format ${to}="{{.${from}}}!"`,
      apply: (labels: Map<string, string>) => void labels.set(to, `${labels.get(from) ?? ""}!`),
    })),
  );
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 5, size: "max" }),
      fc.dictionary(fc.constantFrom("a", "b", "c"), value),
      (steps, fields) => {
        const labels = new Map<string, string>([["app", "web"], ...Object.entries(fields)]);
        for (const { apply } of steps) apply(labels);
        const line = Object.entries(fields)
          .map(([one, own]) => `${one}=${own}`)
          .join(" ");
        const stages = `| logfmt ${steps.map(({ text }) => `| ${text}`).join(" ")}`;
        expect(labelsBehind(stages, line)).toEqual(Object.fromEntries(labels));
      },
    ),
    { numRuns: 500 },
  );
});

test.each([
  ["| json a", '{"a":1,"a":2}', { app: "web", a: "1" }],
  ['| label_format a="1" | logfmt', "a=2", { app: "web", a: "2" }],
  ['| logfmt | label_format a="1" | json', '{"a":3}', { app: "web", a: "3" }],
])("%s of %s", (stages, line, expected) => {
  expect(labelsBehind(stages, line)).toEqual(expected);
});
