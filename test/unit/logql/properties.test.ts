import fc from "fast-check";
import { expect, test } from "vitest";
import { DEFAULT_LOGQL_OPTIONS, LogqlEngine } from "../../../aggregator/logql/engine.ts";
import { formatLogql } from "../../../aggregator/logql/format.ts";
import { parseLogql } from "../../../aggregator/logql/parse.ts";
import { labelPairs, labelsFrom, labelsRecord } from "../../../shared/model/labels.ts";
import { memorySource } from "./memory-source.ts";

/** What a line says, in whatever form. */
const fields = fc.record({
  host: fc.constantFrom("a", "b", "ü"),
  n: fc.oneof(fc.integer({ min: -3, max: 9 }), fc.constantFrom(0.5, 2.5)),
  ms: fc.integer({ min: 0, max: 3000 }),
  kib: fc.integer({ min: 0, max: 5 }),
  addr: fc.constantFrom("10.0.0.1", "10.1.2.3", "192.168.0.9", "::1"),
});
type Fields = typeof fields extends fc.Arbitrary<infer T> ? T : never;

/** The labels that a parser makes of it. */
const labelsOfLine = ({ host, n, ms, kib, addr }: Fields): Record<string, string> => {
  return { host, n: String(n), took: `${ms}ms`, size: `${kib}KiB`, addr };
};

/** Ways of writing a line, and the stage that reads it. */
const FORMS: readonly (readonly [stage: string, write: (line: Fields) => string])[] = [
  [
    "| logfmt",
    (line) =>
      Object.entries(labelsOfLine(line))
        .map(([name, value]) => `${name}="${value}"`)
        .join(" "),
  ],
  ["| json", (line) => JSON.stringify(labelsOfLine(line))],
  [
    "| pattern `<host> <n> <took> (<size>) <addr>`",
    (line) => `${line.host} ${line.n} ${line.ms}ms (${line.kib}KiB) ${line.addr}`,
  ],
  [
    "| regexp `^(?P<host>\\S+) (?P<n>\\S+) (?P<took>\\S+) (?P<size>\\S+) (?P<addr>\\S+)$`",
    (line) => `${line.host} ${line.n} ${line.ms}ms ${line.kib}KiB ${line.addr}`,
  ],
];
const form = fc.constantFrom(...FORMS);

type Condition = { readonly text: string; readonly test: (line: Fields) => boolean };

const COMPARE: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  "==": (a, b) => a === b,
  "!=": (a, b) => a !== b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
};
const sign = fc.constantFrom(...Object.keys(COMPARE));

/** A quantity of a line compared with one that is written as `write` does it. */
function quantity(
  limits: { readonly min: number; readonly max: number },
  name: string,
  write: (value: number) => string,
  of: (line: Fields) => number,
): fc.Arbitrary<Condition> {
  return fc.tuple(sign, fc.integer(limits)).map(([op, value]) => ({
    text: `${name} ${op} ${write(value)}`,
    test: (line) => COMPARE[op]?.(of(line), value) ?? false,
  }));
}

const word = fc.constantFrom("a", "b", "ü", "none");
const single: fc.Arbitrary<Condition> = fc.oneof(
  fc.tuple(fc.boolean(), word).map(([isNot, value]) => ({
    text: `host ${isNot ? "!=" : "="} "${value}"`,
    test: ({ host }: Fields) => (host === value) !== isNot,
  })),
  fc.tuple(fc.boolean(), word, word).map(([isNot, one, two]) => ({
    text: `host ${isNot ? "!~" : "=~"} "${one}|${two}"`,
    test: ({ host }: Fields) => (host === one || host === two) !== isNot,
  })),
  quantity({ min: -3, max: 9 }, "n", String, ({ n }) => n),
  quantity(
    { min: 0, max: 3000 },
    "took",
    (ms) => `${ms}ms`,
    ({ ms }) => ms,
  ),
  quantity(
    { min: 0, max: 3 },
    "took",
    (s) => `${s}s`,
    ({ ms }) => ms / 1000,
  ),
  quantity(
    { min: 0, max: 5 },
    "size",
    (kib) => `${kib}KiB`,
    ({ kib }) => kib,
  ),
  quantity(
    { min: 0, max: 5000 },
    "size",
    (bytes) => `${bytes}B`,
    ({ kib }) => kib * 1024,
  ),
  fc.boolean().map((isNot) => ({
    text: `addr ${isNot ? "!=" : "="} ip("10.0.0.0/8")`,
    test: ({ addr }: Fields) => addr.startsWith("10.") !== isNot,
  })),
);

const condition: fc.Arbitrary<Condition> = fc.letrec<{ node: Condition }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    single,
    fc.tuple(fc.constantFrom("and", "or"), tie("node"), tie("node")).map(
      ([op, one, two]): Condition => ({
        text: `(${one.text} ${op} ${two.text})`,
        test: (line) =>
          op === "and" ? one.test(line) && two.test(line) : one.test(line) || two.test(line),
      }),
    ),
  ),
})).node;

type Found = { readonly line: string; readonly labels: Record<string, string> };

async function read(query: string, lines: readonly string[]): Promise<Found[]> {
  const expr = parseLogql(query);
  if (expr.kind !== "logs") throw new Error("not a log query");
  const source = memorySource([
    { labels: { app: "x" }, lines: lines.map((line, timeUs) => ({ timeUs, line })) },
  ]);
  const engine = new LogqlEngine(source, DEFAULT_LOGQL_OPTIONS);
  const all = { startUs: 0, endUs: 1e6, direction: "forward", limit: 1e6 } as const;
  const found: Found[] = [];
  for await (const batch of engine.logs(expr, all).lines) {
    for (const { line, labels } of batch) found.push({ line, labels: { ...labelsRecord(labels) } });
  }
  return found;
}

test("conditions on labels, whatever parser made them, keep what a naive evaluation keeps", async () => {
  const chain = fc.array(condition, { minLength: 1, maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(
      form,
      chain,
      fc.array(fields, { maxLength: 12 }),
      async (by, conditions, all) => {
        const [parse, write] = by;
        const query = `{app="x"} ${parse} | ${conditions.map(({ text }) => text).join(" | ")}`;
        const found = await read(query, all.map(write));
        const kept = all.filter((line) => conditions.every((one) => one.test(line)));
        expect(found.map(({ line }) => line)).toEqual(kept.map(write));
        expect(found.map(({ labels }) => labels)).toEqual(
          kept.map((line) => ({ app: "x", ...labelsOfLine(line) })),
        );
        // And so does the same query in the one way of writing it.
        expect(await read(formatLogql(parseLogql(query)), all.map(write))).toEqual(found);
      },
    ),
    { numRuns: 300 },
  );
});

/** A stage that changes lines or labels, and the same by hand. */
type Change = { readonly text: string; readonly apply: (one: Found) => Found };

const name = fc.constantFrom("host", "n", "took", "new", "app");

function withLabels(one: Found, change: (labels: Map<string, string>) => void): Found {
  const labels = new Map(Object.entries(one.labels));
  change(labels);
  const kept = [...labels].filter(([, value]) => value !== "");
  return { ...one, labels: { ...labelsRecord(labelsFrom(kept)) } };
}

const change: fc.Arbitrary<Change> = fc.oneof(
  name.map((drop) => ({
    text: `drop ${drop}`,
    apply: (one: Found) => withLabels(one, (labels) => labels.delete(drop)),
  })),
  fc.tuple(name, word).map(([drop, value]) => ({
    text: `drop ${drop}="${value}"`,
    apply: (one: Found) =>
      withLabels(one, (labels) => labels.get(drop) === value && labels.delete(drop)),
  })),
  fc.tuple(name, name).map(([a, b]) => ({
    text: `keep ${a}, ${b}`,
    apply: (one: Found) =>
      withLabels(one, (labels) => {
        for (const key of [...labels.keys()]) if (key !== a && key !== b) labels.delete(key);
      }),
  })),
  fc.tuple(name, name).map(([to, from]) => ({
    text: `label_format ${to}=${from}`,
    apply: (one: Found) =>
      withLabels(one, (labels) => {
        const value = labels.get(from);
        if (value === undefined) return;
        labels.set(to, value);
        if (to !== from) labels.delete(from);
      }),
  })),
  fc.tuple(name, name).map(([to, from]) => ({
    text: `label_format ${to}="<{{.${from} | upper}}>"`,
    apply: (one: Found) =>
      withLabels(one, (labels) => labels.set(to, `<${(labels.get(from) ?? "").toUpperCase()}>`)),
  })),
  fc.tuple(name, fc.integer({ min: 1, max: 9 })).map(([from, count]) => ({
    text: `line_format "{{.${from}}}|{{ __line__ | trunc ${count} }}"`,
    apply: ({ line, labels }: Found) => {
      return { line: `${labels[from] ?? ""}|${line.slice(0, count)}`, labels };
    },
  })),
  fc.constantFrom("a", "|", "5").map((text) => ({
    text: `decolorize |= "${text}"`,
    apply: (one: Found) => one, // filtered below
  })),
);

test("formats and choices of labels do what a naive evaluation does, in any order", async () => {
  const chain = fc.array(change, { minLength: 1, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(chain, fc.array(fields, { maxLength: 8 }), async (changes, all) => {
      const [, write] = FORMS[0] ?? ["", () => ""];
      const query = `{app="x"} | logfmt ${changes.map(({ text }) => `| ${text}`).join(" ")}`;
      const found = await read(query, all.map(write));
      let expected: Found[] = all.map((line) => {
        return { line: write(line), labels: { app: "x", ...labelsOfLine(line) } };
      });
      for (const { text, apply } of changes) {
        const [, wanted = ""] = /^decolorize \|= "(.)"$/.exec(text) ?? [];
        expected = expected.map(apply).filter(({ line }) => line.includes(wanted));
      }
      expect(found).toEqual(expected);
    }),
    { numRuns: 300 },
  );
});

test("filters by form keep what a naive evaluation keeps, whatever the store leaves out", async () => {
  const part = fc.string({ unit: fc.constantFrom("a", "b", " "), minLength: 1, maxLength: 2 });
  const parts = fc.tuple(fc.constantFrom("", "a"), fc.array(part, { maxLength: 3 }), fc.boolean());
  const line = fc.string({ unit: fc.constantFrom("a", "b", " "), maxLength: 9, size: "max" });
  const lines = fc.array(line, { maxLength: 10 });
  await fc.assert(
    fc.asyncProperty(parts, fc.boolean(), lines, async ([first, others, isOpen], isNot, all) => {
      const literals = [first, ...others, ...(isOpen ? [""] : [])];
      const form = new RegExp(`^${literals.join("[^]*")}$`);
      const query = `{app="x"} ${isNot ? "!>" : "|>"} "${literals.join("<_>")}"`;
      const found = await read(query, all);
      expect(found.map((one) => one.line)).toEqual(all.filter((one) => form.test(one) !== isNot));
    }),
    { numRuns: 300 },
  );
});

test("what Promtail packed is unpacked to what it was", async () => {
  const text = fc.string({ unit: fc.constantFrom("a", '"', "\\", "é", "\n"), maxLength: 6 });
  const packed = fc.record({ level: text, user: text, _entry: text });
  await fc.assert(
    fc.asyncProperty(fc.array(packed, { maxLength: 8 }), async (all) => {
      const found = await read(
        '{app="x"} | unpack',
        all.map((one) => JSON.stringify(one)),
      );
      const expected = all.map(({ level, user, _entry }) => {
        const pairs = [["app", "x"] as const, ["level", level] as const, ["user", user] as const];
        return { line: _entry, labels: { ...labelsRecord(labelsFrom(pairs)) } };
      });
      expect(found).toEqual(expected);
    }),
  );
});

/** By labels: the values at each step, NaN where there is none. */
type Table = ReadonlyMap<string, readonly number[]>;

const SPAN = { startMs: 10_000, endMs: 40_000, stepMs: 5000 };
const STEPS = 7;
const logLine = fc.record({
  timeUs: fc.integer({ min: 0, max: 40 }).map((s) => s * 1e6),
  app: fc.constantFrom("one", "two"),
  host: fc.constantFrom("a", "b", "c"),
  n: fc.integer({ min: 0, max: 20 }),
});
type LogLine = typeof logLine extends fc.Arbitrary<infer T> ? T : never;
const logLines = fc.array(logLine, { size: "max", maxLength: 60 });

async function evaluate(lines: readonly LogLine[], query: string): Promise<Table> {
  const expr = parseLogql(query);
  if (expr.kind === "logs") throw new Error("not a metric query");
  const streams = ["one", "two"].map((app) => ({
    labels: { app },
    lines: lines
      .filter((one) => one.app === app)
      .map(({ timeUs, host, n }) => ({ timeUs, line: `host=${host} n=${n}` })),
  }));
  const engine = new LogqlEngine(memorySource(streams), DEFAULT_LOGQL_OPTIONS);
  const result = await engine.range(expr, SPAN);
  if (result.type !== "matrix") throw new Error("not a matrix");
  return new Map(
    result.series.map(({ labels, times, values }) => {
      const row = new Array<number>(STEPS).fill(Number.NaN);
      times.forEach((timeMs, i) => {
        row[(timeMs - SPAN.startMs) / SPAN.stepMs] = values[i] ?? Number.NaN;
      });
      return [JSON.stringify(labelPairs(labels)), row];
    }),
  );
}

function expectSame(found: Table, expected: Table): void {
  const rows = (table: Table) => {
    const kept = [...table].filter(([, row]) => row.some((value) => !Number.isNaN(value)));
    return Object.fromEntries(kept.map(([key, row]) => [key, row.map((n) => n.toPrecision(9))]));
  };
  expect(rows(found)).toEqual(rows(expected));
}

const pairsOf = (key: string) => JSON.parse(key) as [string, string][];
const keyOf = (key: string, isKept: (name: string) => boolean) =>
  JSON.stringify(pairsOf(key).filter(([label]) => isKept(label)));

const BASE = "count_over_time({app=~`.+`} | logfmt | drop n [10s])";
const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);
const mean = (numbers: readonly number[]) => sum(numbers) / numbers.length;
const variance = (numbers: readonly number[]) =>
  mean(numbers.map((one) => (one - mean(numbers)) ** 2));

const AGGREGATIONS: Readonly<Record<string, (numbers: readonly number[]) => number>> = {
  sum,
  avg: mean,
  min: (numbers) => Math.min(...numbers),
  max: (numbers) => Math.max(...numbers),
  count: (numbers) => numbers.length,
  stddev: (numbers) => Math.sqrt(variance(numbers)),
  stdvar: variance,
};

const GROUPINGS: readonly (readonly [text: string, isKept: (name: string) => boolean])[] = [
  ["", () => false],
  ["by (app)", (label) => label === "app"],
  ["by (host, none)", (label) => label === "host"],
  ["without (host)", (label) => label !== "host"],
  ["without ()", () => true],
];

test.each(Object.keys(AGGREGATIONS))(
  "%s of series is what a naive evaluation gives",
  async (op) => {
    const compute = AGGREGATIONS[op] ?? sum;
    await fc.assert(
      fc.asyncProperty(logLines, fc.constantFrom(...GROUPINGS), async (lines, [clause, isKept]) => {
        const base = await evaluate(lines, BASE);
        const found = await evaluate(lines, `${op} ${clause} (${BASE})`);
        const groups = new Map<string, number[][]>();
        for (const [key, row] of base) {
          const group = keyOf(key, isKept);
          groups.set(group, [...(groups.get(group) ?? []), [...row]]);
        }
        const expected = [...groups].map(([key, rows]) => {
          const steps = Array.from({ length: STEPS }, (_, i) => {
            const values = rows
              .map((row) => row[i] ?? Number.NaN)
              .filter((one) => !Number.isNaN(one));
            return values.length === 0 ? Number.NaN : compute(values);
          });
          return [key, steps] as const;
        });
        expectSame(found, new Map(expected));
      }),
      { numRuns: 40 },
    );
  },
);

test.each(["topk", "bottomk", "approx_topk"])(
  "%s keeps the values that a naive evaluation keeps",
  async (op) => {
    await fc.assert(
      fc.asyncProperty(logLines, fc.integer({ min: 1, max: 4 }), async (lines, k) => {
        const base = await evaluate(lines, BASE);
        const found = await evaluate(lines, `${op}(${k}, ${BASE})`);
        for (let i = 0; i < STEPS; i += 1) {
          const at = (table: Table) =>
            [...table.values()]
              .map((row) => row[i] ?? Number.NaN)
              .filter((one) => !Number.isNaN(one));
          const order = op === "bottomk" ? 1 : -1;
          const best = at(base).sort((a, b) => (a - b) * order);
          expect(at(found).sort((a, b) => (a - b) * order)).toEqual(best.slice(0, k));
        }
        for (const [key, row] of found) {
          row.forEach((value, i) => {
            if (!Number.isNaN(value)) expect(base.get(key)?.[i]).toBe(value);
          });
        }
      }),
      { numRuns: 40 },
    );
  },
);

const ARITHMETIC: Readonly<Record<string, (a: number, b: number) => number>> = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => a / b,
  "%": (a, b) => a % b,
  "^": (a, b) => a ** b,
};

const NONE = Number.NaN;
const OPERATIONS: Readonly<Record<string, (a: number, b: number) => number>> = {
  ...ARITHMETIC,
  ...Object.fromEntries(
    Object.entries(COMPARE).flatMap(([op, test]) => [
      [op, (a: number, b: number) => (test(a, b) ? a : NONE)],
      [`${op} bool`, (a: number, b: number) => Number(test(a, b))],
    ]),
  ),
};

const LEFT = "sum by (host) (count_over_time({app=`one`} | logfmt [10s]))";
const RIGHT = "sum by (host) (count_over_time({app=`two`} | logfmt [15s]))";

test.each(Object.keys(OPERATIONS))("operator %s is what a naive evaluation gives", async (op) => {
  const compute = OPERATIONS[op] ?? (() => NONE);
  await fc.assert(
    fc.asyncProperty(logLines, fc.integer({ min: 1, max: 4 }), async (lines, number) => {
      const [left, right] = [await evaluate(lines, LEFT), await evaluate(lines, RIGHT)];
      const joined = new Map(
        [...left].map(([key, row]) => [
          key,
          row.map((value, i) => {
            const other = right.get(key)?.[i] ?? NONE;
            return Number.isNaN(value) || Number.isNaN(other) ? NONE : compute(value, other);
          }),
        ]),
      );
      expectSame(await evaluate(lines, `${LEFT} ${op} ${RIGHT}`), joined);
      const withNumber = new Map(
        [...left].map(([key, row]) => [
          key,
          row.map((value) => (Number.isNaN(value) ? NONE : compute(value, number))),
        ]),
      );
      expectSame(await evaluate(lines, `${LEFT} ${op} ${number}`), withNumber);
    }),
    { numRuns: 15 },
  );
});

test.each(["and", "or", "unless"])("operator %s is what a naive evaluation gives", async (op) => {
  await fc.assert(
    fc.asyncProperty(logLines, async (lines) => {
      const [left, right] = [await evaluate(lines, LEFT), await evaluate(lines, RIGHT)];
      const keys = new Set([...left.keys(), ...right.keys()]);
      const expected = [...keys].map((key) => {
        const row = Array.from({ length: STEPS }, (_, i) => {
          const [a, b] = [left.get(key)?.[i] ?? NONE, right.get(key)?.[i] ?? NONE];
          if (op === "or") return Number.isNaN(a) ? b : a;
          return Number.isNaN(b) === (op === "unless") ? a : NONE;
        });
        return [key, row] as const;
      });
      expectSame(await evaluate(lines, `${LEFT} ${op} ${RIGHT}`), new Map(expected));
    }),
    { numRuns: 40 },
  );
});

test("absent_over_time is there where a naive evaluation finds no line", async () => {
  await fc.assert(
    fc.asyncProperty(logLines, async (lines) => {
      const found = await evaluate(lines, "absent_over_time({app=`one`} |= `host=a` [7s])");
      const row = Array.from({ length: STEPS }, (_, i) => {
        const end = 10 + i * 5;
        const isThere = lines.some(({ timeUs, app, host }) => {
          return app === "one" && host === "a" && timeUs > (end - 7) * 1e6 && timeUs <= end * 1e6;
        });
        return isThere ? NONE : 1;
      });
      expectSame(found, new Map([[JSON.stringify([["app", "one"]]), row]]));
    }),
  );
});
