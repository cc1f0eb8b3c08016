import fc from "fast-check";
import { expect, test } from "vitest";
import {
  DEFAULT_LOGQL_OPTIONS,
  LogqlEngine,
  type LogqlOptions,
} from "../../../aggregator/logql/engine.ts";
import { lineFilterTest, lineHints } from "../../../aggregator/logql/line-filter.ts";
import { literalsOf } from "../../../aggregator/logql/literals.ts";
import { parseLogql } from "../../../aggregator/logql/parse.ts";
import { compilePattern } from "../../../aggregator/matching/pattern.ts";
import type { LogsRequest, ResultLine } from "../../../aggregator/model/log-lines.ts";
import { memorySource, type TestStream } from "./memory-source.ts";

function logsOf(text: string) {
  const expr = parseLogql(text);
  if (expr.kind !== "logs") throw new Error("not a log query");
  return expr;
}

async function read(
  streams: readonly TestStream[],
  text: string,
  request: Partial<LogsRequest> = {},
  options: Partial<LogqlOptions> = {},
): Promise<ResultLine[]> {
  const engine = new LogqlEngine(memorySource(streams), { ...DEFAULT_LOGQL_OPTIONS, ...options });
  const all = { startUs: 0, endUs: 1e9, direction: "forward", limit: 1e6 } as const;
  const found: ResultLine[] = [];
  for await (const batch of engine.logs(logsOf(text), { ...all, ...request }).lines) {
    found.push(...batch);
  }
  return found;
}

/** Few letters, so that filters meet the lines. */
const text = fc.string({
  unit: fc.constantFrom("a", "b", "é", "\n", "."),
  size: "max",
  maxLength: 8,
});
const lines = fc.array(fc.record({ timeUs: fc.integer({ min: 0, max: 20 }), line: text }), {
  size: "max",
  maxLength: 30,
});
const streams = fc
  .array(lines, { minLength: 1, maxLength: 4 })
  .map((all) => all.map((one, i) => ({ labels: { app: `app${i}` }, lines: one })));

const filter = fc.record({
  op: fc.constantFrom("|=", "!=", "|~", "!~"),
  texts: fc.array(fc.constantFrom("a", "ab", "é", "ba", "b+", "a.b", "^b", "x*", "\n"), {
    minLength: 1,
    maxLength: 2,
  }),
});
type Filter = typeof filter extends fc.Arbitrary<infer T> ? T : never;

function isKept({ op, texts }: Filter, line: string): boolean {
  const isRegex = op.endsWith("~");
  const isFound = texts.some((one) => {
    return isRegex ? new RegExp(one, "su").test(line) : line.includes(one);
  });
  return isFound !== op.startsWith("!");
}

test("filters, direction, range and limit give what a naive evaluation does", async () => {
  const request = fc.record({
    startUs: fc.integer({ min: 0, max: 15 }),
    endUs: fc.integer({ min: 5, max: 21 }),
    direction: fc.constantFrom("forward" as const, "backward" as const),
    limit: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.constant(1000)),
  });
  const filters = fc.array(filter, { size: "max", maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(streams, filters, request, async (all, chain, asked) => {
      const stages = chain.map(
        ({ op, texts }) => `${op} ${texts.map((one) => JSON.stringify(one)).join(" or ")}`,
      );
      const found = await read(all, `{app=~".+"} ${stages.join(" ")}`, asked);
      const expected = all
        .flatMap(({ labels, lines: own }) => own.map((one) => ({ ...one, app: labels.app })))
        .filter(({ timeUs }) => timeUs >= asked.startUs && timeUs < asked.endUs)
        .filter(({ line }) => chain.every((one) => isKept(one, line)))
        .map(({ timeUs, line, app }) => `${String(timeUs).padStart(2, "0")} ${app} ${line}`);
      const shown = found.map(
        ({ timeUs, labels, line }) => `${String(timeUs).padStart(2, "0")} ${labels[1]} ${line}`,
      );
      const times = found.map(({ timeUs }) => timeUs);
      const sign = asked.direction === "forward" ? 1 : -1;
      expect(times).toEqual([...times].sort((a, b) => (a - b) * sign));
      expect(shown).toHaveLength(Math.min(asked.limit, expected.length));
      if (asked.limit >= expected.length) expect([...shown].sort()).toEqual([...expected].sort());
      const wantedTimes = expected
        .map((one) => Number(one.slice(0, 2)))
        .sort((a, b) => (a - b) * sign);
      expect(times).toEqual(wantedTimes.slice(0, asked.limit));
    }),
    { numRuns: 300 },
  );
});

test("words in a pattern are found as the engine finds them, in any case too", () => {
  const word = fc.string({ unit: fc.constantFrom(..."kKsSé/- a"), maxLength: 3 });
  const one = fc.string({
    unit: fc.constantFrom(..."kKsS\u212a\u017féÉ/-a ia"),
    maxLength: 8,
    size: "max",
  });
  const form = fc.constantFrom(["", ""], ["(?i)", ""], ["(", ")"], ["(?i)(?:", ")"]);
  fc.assert(
    fc.property(
      fc.array(word, { minLength: 1, maxLength: 3 }),
      form,
      one,
      (words, [open, close], line) => {
        const pattern = open + words.join("|") + close;
        const stage = logsOf(`{a="b"} |~ ${JSON.stringify(pattern)}`).stages[0];
        if (stage?.kind !== "line-filter") throw new Error("not a line filter");
        expect(lineFilterTest(stage)(line)).toBe(compilePattern(pattern).matcher(line).find());
      },
    ),
    { numRuns: 1000 },
  );
});

test("lines of the same time keep their order within a stream, streams theirs", async () => {
  const at = (line: string) => ({ timeUs: 5, line });
  const all = [
    { labels: { app: "a" }, lines: ["1", "2", "3", "4"].map(at) },
    { labels: { app: "b" }, lines: ["5", "6"].map(at) },
  ];
  const found = await read(all, '{app=~".+"}');
  expect(found.map(({ line }) => line).join("")).toBe("123456");
});

test("a source is left when the limit is reached", async () => {
  let isClosed = false;
  async function* entries() {
    try {
      for (let timeUs = 0; ; timeUs += 1) yield [{ timeUs, line: "x", metadata: [] }];
    } finally {
      isClosed = true;
    }
  }
  const source = {
    select: async () => [{ labels: ["app", "a"], frontUs: 0, entries: entries() }],
  };
  const engine = new LogqlEngine(source, DEFAULT_LOGQL_OPTIONS);
  const request = { startUs: 0, endUs: 1e9, direction: "forward", limit: 1200 } as const;
  const { lines: batches, statistics } = engine.logs(logsOf('{app="a"}'), request);
  const sizes: number[] = [];
  for await (const batch of batches) sizes.push(batch.length);
  expect(sizes).toEqual([500, 500, 200]);
  expect(isClosed).toBe(true);
  expect(statistics).toEqual({ lines: 1200, bytes: 1200 });
});

test("a stream is read when others came so far, not before", async () => {
  const read = new Set<string>();
  const stream = (app: string, fromUs: number) => {
    async function* entries() {
      read.add(app);
      for (let i = 0; i < 3; i += 1) yield [{ timeUs: fromUs + i, line: app, metadata: [] }];
    }
    return { labels: ["app", app], frontUs: fromUs, entries: entries() };
  };
  const source = { select: async () => [stream("c", 6), stream("b", 3), stream("a", 0)] };
  const engine = new LogqlEngine(source, DEFAULT_LOGQL_OPTIONS);
  const request = { startUs: 0, endUs: 9, direction: "forward", limit: 4 } as const;
  const found: string[] = [];
  for await (const batch of engine.logs(logsOf('{app=~".+"}'), request).lines) {
    found.push(...batch.map(({ line }) => line));
  }
  expect(found.join("")).toBe("aaab");
  expect([...read]).toEqual(["a", "b"]);
});

test("a query rests sooner where its stages are dear", async () => {
  const many = Array.from({ length: 2000 }, (_, timeUs) => ({
    timeUs,
    line: `n=${timeUs} ${"x".repeat(90)}`,
  }));
  const restsOf = async (query: string) => {
    let rests = 0;
    const pause = async () => {
      rests += 1;
    };
    await read([{ labels: { app: "a" }, lines: many }], query, {}, { pause });
    return rests;
  };
  expect(await restsOf('{app="a"} |= "y"')).toBeLessThan(2);
  expect(await restsOf('{app="a"} | logfmt')).toBeGreaterThan(5);
});

test("too many streams and a query that is aborted are refused", async () => {
  const all = Array.from({ length: 5 }, (_, i) => ({ labels: { app: `a${i}` }, lines: [] }));
  await expect(read(all, '{app=~".+"}', {}, { seriesMax: 4 })).rejects.toThrow("reads 5 series");
  const many = Array.from({ length: 5000 }, (_, timeUs) => ({ timeUs, line: "x" }));
  const engine = new LogqlEngine(
    memorySource([{ labels: { app: "a" }, lines: many }]),
    DEFAULT_LOGQL_OPTIONS,
  );
  const request = { startUs: 0, endUs: 1e9, direction: "forward", limit: 10 } as const;
  const signal = AbortSignal.abort(new Error("stopped"));
  const { lines: batches } = engine.logs(logsOf('{app="a"} |= "y" or "z"'), request, signal);
  await expect(batches[Symbol.asyncIterator]().next()).rejects.toThrow("stopped");
});

test.each([
  ['{a="b"} |= "x" != "y" |~ "err.*io:20+3" | json |= "z"', ["x", "er", "r", "io:20", "3", "z"]],
  ['{a="b"} |= "x" or "y"', []],
  ['{a="b"} |= "x" | line_format "y" |= "y"', ["x"]],
  ['{a="b"} | decolorize |= "x"', []],
  ['{a="b"} |> "<_>level=<_>x" !> "<_>y<_>" |= ip("10.0.0.1")', ["level=", "x"]],
  ['{a="b"} |~ "(?i)x" |~ "a|b" |~ ""', []],
])("of %s a store may look for %j", (query, substrings) => {
  const expected = substrings.flatMap((one) => (one === "er" ? ["err"] : one === "r" ? [] : [one]));
  expect(lineHints(logsOf(query).stages)).toEqual({ substrings: expected });
});

test.each([
  ["abc", ["abc"]],
  ["ab?c", ["a", "c"]],
  ["ab*", ["a"]],
  ["ab+c", ["ab", "c"]],
  ["ab{0,2}c", ["a", "c"]],
  ["a{x}", ["x}"]],
  ["a\\.b\\d+c", ["a.b", "c"]],
  ["[ab]]c", ["]c"]],
  ["[]a]c", ["c"]],
  ["[[:alpha:]]c", ["c"]],
  ["x(a|b)*y", ["x", "y"]],
  ["(?P<n>a)b", ["b"]],
  ["(?:a)?b", ["b"]],
  ["a|b", []],
  ["(?i)a", []],
  ["(?s:a)b", []],
  ["\\Qa*\\Eb", []],
  ["\\x41b", []],
  ["😀+b", ["😀", "b"]],
])("whatever matches %s holds %j", (pattern, literals) => {
  expect(literalsOf(pattern)).toEqual(literals);
});

test("a line that matches a pattern holds the pattern's literals, in their order", () => {
  const atom = fc.constantFrom(
    ..."a b c a. . [ab] [^a] \\d \\. \\w (a) (a|b) (?:bc) ^ $ ab \\\\ [[:alpha:]]".split(" "),
  );
  const quantified = fc
    .tuple(atom, fc.constantFrom("", "", "", "?", "*", "+", "{2}", "{0,1}", "{1,}", "*?"))
    .map(([one, times]) => (one === "^" || one === "$" ? one : one + times));
  const pattern = fc.array(quantified, { minLength: 1, maxLength: 6, size: "max" });
  const line = fc.string({
    unit: fc.constantFrom("a", "b", "c", ".", "1", "\\"),
    size: "max",
    maxLength: 12,
  });
  let matched = 0;
  fc.assert(
    fc.property(pattern, fc.array(line, { minLength: 5, maxLength: 5 }), (parts, all) => {
      const compiled = compilePattern(parts.join(""));
      for (const one of all) {
        if (!compiled.matcher(one).find()) continue;
        matched += 1;
        let from = 0;
        for (const literal of literalsOf(parts.join(""))) {
          const at = one.indexOf(literal, from);
          expect(at).toBeGreaterThanOrEqual(0);
          from = at + literal.length;
        }
      }
    }),
    { numRuns: 500 },
  );
  expect(matched).toBeGreaterThan(100);
});
