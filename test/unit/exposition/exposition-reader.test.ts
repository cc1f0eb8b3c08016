import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ExpositionReader } from "../../../agent/exposition/exposition-reader.ts";
import { OperationalError } from "../../../shared/errors.ts";
import { type Labels, labelPairs } from "../../../shared/model/labels.ts";
import { expositionText } from "../../../shared/telemetry/exposition.ts";

const LIMITS = { samplesMax: 100, labelsMax: 4, nameBytesMax: 20, valueBytesMax: 40 };

/** Everything that stands in a file. */
function read(text: string | Uint8Array, limits = LIMITS): unknown[] {
  const bytes = Buffer.from(text);
  const reader = new ExpositionReader(limits);
  reader.start(bytes, "file");
  const found: unknown[] = [];
  for (;;) {
    const kind = reader.next();
    if (kind === "end") return found;
    if (kind === "sample") {
      const series = bytes.toString("utf8", reader.seriesStart, reader.seriesEnd);
      found.push([series, reader.name(), reader.labels(), reader.value, reader.timestampMs]);
    } else found.push([kind, reader.name(), reader.text()]);
  }
}

const sample = (text: string) => (read(text)[0] as unknown[]).slice(1);
const NONE = Number.NaN;

describe("a file in the text format", () => {
  test.each<[string, string, Labels, number, number]>([
    ["x 1\n", "x", [], 1, NONE],
    [" \t:a_b9  -1.5e-3  \n", ":a_b9", [], -0.0015, NONE],
    ["x{} 1\n", "x", [], 1, NONE],
    ["x { } 1\n", "x", [], 1, NONE],
    ['x{b="2",a="1"} 1\n', "x", ["a", "1", "b", "2"], 1, NONE],
    ['x\t{\ta\t=\t"1"\t,\tb = "2" , }\t1\t\n', "x", ["a", "1", "b", "2"], 1, NONE],
    ['x{a="} # , \\\\\\"\\n"} 1\n', "x", ["a", '} # , \\"\n'], 1, NONE],
    ['x{a="",é=""} 1\n'.replace("é", "e"), "x", [], 1, NONE],
    ['x{a="häß☃"}1\n', "x", ["a", "häß☃"], 1, NONE],
    ["x 1 1700000000123\n", "x", [], 1, 1_700_000_000_123],
    ["x 1 -5 \n", "x", [], 1, -5],
    ["x -Inf\n", "x", [], Number.NEGATIVE_INFINITY, NONE],
    ["x nan\n", "x", [], Number.NaN, NONE],
  ])("%j is a sample", (text, name, labels, value, timestampMs) => {
    expect(sample(text)).toEqual([name, labels, value, timestampMs]);
  });

  test("HELP and TYPE are given, other comments and empty lines are passed over", () => {
    const text =
      "\n#\n# a comment\n# HELPER x y\n# HELP\n# TYPE \n#TYPE x gauge \n" +
      '# HELP x a\\\\b\\nc\\"\n \t\n# HELP x\n# EOF\nx 1\n';
    expect(read(text)).toEqual([
      ["TYPE", "x", "gauge "],
      ["HELP", "x", 'a\\b\nc\\"'],
      ["HELP", "x", ""],
      ["x", "x", [], 1, NONE],
    ]);
  });

  test.each([
    ["x 1", "Line 1: line has no end"],
    ["\n# x", "Line 2: line has no end"],
    ["x 1 # {} 2\n", "no timestamp"],
    ["x 1 1.5\n", "no timestamp"],
    ["x 1 1e3\n", "no timestamp"],
    [`x 1 ${"9".repeat(30)}\n`, "no timestamp"],
    ["x 1 1 1\n", "something behind the sample"],
    ["x 1\r\n", "no number"],
    ["x\n", "no value"],
    ["x one\n", "no number"],
    ["x 0x10\n", "no number"],
    ["x 0x1p-2\n", "no number"],
    ["x 1_000\n", "no number"],
    ["x 1e999\n", "no number"],
    ["x-1\n", "no metric's name"],
    ['{"x"} 1\n', "no metric's name"],
    ['# TYPE "x" gauge\n', "no metric's name"],
    ['x{"a"="1"} 1\n', "no label"],
    ["x{a=1} 1\n", "a label has no value"],
    ['x{a"1"} 1\n', "a label has no value"],
    ['x{a="1} 1\n', "has no end"],
    ['x{a="1\\\n"} 1\n', "has no end"],
    ['x{a="1" b="2"} 1\n', "no comma"],
    ['x{a="1"\n', "no comma"],
    ['x{,a="1"} 1\n', "no label"],
    ['x{9="1"} 1\n', "no label"],
    ['x{a:b="1"} 1\n', "a label has no value"],
    ['x{a="1",a="2"} 1\n', "label a again"],
    ['x{a="\\t"} 1\n', "unknown escape \\t"],
    ['x{a="\0"} 1\n', "zero byte"],
    [Buffer.from([120, 123, 97, 61, 34, 0xff, 34, 125, 32, 49, 10]), "not UTF-8"],
    [`x{a="${"y".repeat(41)}"} 1\n`, "longer than 40 bytes"],
    [`${"x".repeat(21)} 1\n`, "longer than 20 bytes"],
    ['x{a="",b="",c="",d="",e=""} 1\n', "more than 4 labels"],
    ["x 1\n".repeat(101), "Line 101: more than 100 samples"],
    ["9x 1\n", "no metric's name"],
    ["{} 1\n", "no metric's name"],
    ["\ufeffx 1\n", "no metric's name"],
    ["# HELP 9 a\n", "no metric's name"],
    ["# TYPE a-b gauge\n", "no metric's name"],
  ])("%j is refused: %s", (text, why) => {
    expect(() => read(text)).toThrow(OperationalError);
    expect(() => read(text)).toThrow(why);
  });

  test("a page that we write is read as it was", () => {
    const name = fc.stringMatching(/^[a-zA-Z_:][a-zA-Z0-9_:]{0,9}$/);
    const label = fc.tuple(
      fc.stringMatching(/^[a-z]{1,5}$/),
      fc.string({ minLength: 1, maxLength: 9, unit: "grapheme" }),
    );
    const one = fc.record({
      name,
      labels: fc.array(label, { maxLength: 3 }).map((pairs) => new Map(pairs)),
      value: fc.oneof(fc.double(), fc.integer(), fc.constantFrom(0.1, 1.5e6, 123456.789)),
    });
    fc.assert(
      fc.property(one, ({ name: metric, labels, value }) => {
        fc.pre([...labels.values()].every((text) => !text.includes("\0")));
        const sorted = [...labels].sort(([a], [b]) => (a < b ? -1 : 1));
        const page = expositionText([
          { name: metric, help: "h", type: "gauge", labels: sorted.flat(), value },
        ]);
        const [, , found] = read(page, { ...LIMITS, valueBytesMax: 1000 }) as unknown[][];
        expect(found?.slice(1, 4)).toEqual([metric, sorted.flat(), value]);
        expect(labelPairs((found?.[2] ?? []) as Labels)).toHaveLength(sorted.length);
      }),
    );
  });
});
