import { describe, expect, test } from "vitest";
import { ExpositionReader } from "../../../agent/exposition/exposition-reader.ts";
import { OperationalError } from "../../../shared/errors.ts";
import type { Labels } from "../../../shared/model/labels.ts";

const LIMITS = { samplesMax: 100, labelsMax: 4, nameBytesMax: 40, valueBytesMax: 40 };
const NONE = Number.NaN;

/** Everything that stands on a page; bytes above 127 of a text are written as they are. */
function read(format: "text" | "openmetrics", text: string): unknown[] {
  const reader = new ExpositionReader(LIMITS);
  reader.start(Buffer.from(text), format);
  const found: unknown[] = [];
  for (;;) {
    const kind = reader.next();
    if (kind === "end") return found;
    if (kind === "sample") {
      found.push([reader.name(), reader.labels(), reader.value, reader.timestampMs]);
    } else found.push([kind, reader.name(), reader.text()]);
  }
}

type Sample = [name: string, labels: Labels, value: number, timestampMs: number];

describe("the text format as it is scraped", () => {
  test.each<[string, ...Sample]>([
    ["x 1", "x", [], 1, NONE],
    [" \tx\t1 \t5\t", "x", [], 1, 5],
    ['x{a="1"}1\n', "x", ["a", "1"], 1, NONE],
    ['x{a="1" b="2"}1\n', "x", ["a", "1", "b", "2"], 1, NONE],
    ['x{a="1\n2"} 1\n', "x", ["a", "1\n2"], 1, NONE],
    ['x{a="C:\\dir\\n"} 1\n', "x", ["a", "C:\\dir\n"], 1, NONE],
    ['x{a="1\0"} 1\n', "x", ["a", "1\ufffd"], 1, NONE],
    ['{"x.y"} 1\n', "x.y", [], 1, NONE],
    [' { "x.y" , "l.m" = "1" , b="2", } 1\n', "x.y", ["b", "2", "l.m", "1"], 1, NONE],
    ['{a="1","x\\"\\\\\\n"} 1\n', 'x"\\\n', ["a", "1"], 1, NONE],
    ['x{"a"="1"} 1\n', "x", ["a", "1"], 1, NONE],
    ["x +1\n", "x", [], 1, NONE],
    ["x 007\n", "x", [], 7, NONE],
    ["x 1e-999\n", "x", [], 0, NONE],
    ["x Infinity\n", "x", [], Number.POSITIVE_INFINITY, NONE],
  ])("%j is a sample", (text, ...sample) => {
    expect(read("text", text)).toEqual([sample]);
  });

  test("comments of many kinds are passed over", () => {
    expect(
      read("text", "# TYPE\n#TYPE x foo\n# HELP x-y z\n# UNIT x y\n#\n\n  \n  # a\nx 1"),
    ).toEqual([["x", [], 1, NONE]]);
    expect(read("text", "")).toEqual([]);
  });

  test("HELP and TYPE, quoted names too", () => {
    expect(read("text", '# HELP "x.y" a\\n"b\\"\n#  TYPE  x \t gauge \t\n# HELP x')).toEqual([
      ["HELP", "x.y", 'a\n"b\\"'],
      ["TYPE", "x", "gauge"],
      ["HELP", "x", ""],
    ]);
  });

  test.each([
    ["x", "Line 1: no value"],
    ["x 1\nx\n", "Line 2: no value"],
    ['x{a="\n\n"} 1\nx\n', "Line 4: no value"],
    ["x-1\n", "no metric's name"],
    ['{a="1"} 1\n', "no metric's name"],
    ['x{"y"} 1\n', "no value in quotes"],
    ['{"x","y"} 1\n', "two names"],
    ['{"x" a="1"} 1\n', "no value in quotes"],
    ['{""} 1\n', "no label's name"],
    ['{"x\0"} 1\n', "zero byte"],
    ['{"x\n"} 1\n', "name has no end"],
    ['x{a="1",,} 1\n', "no label's name"],
    ['x{,a="1"} 1\n', "no label's name"],
    ['x{a="1\\\n"} 1\n', "value has no end"],
    ['x{a="1', "value has no end"],
    ['x{a="1\\', "value has no end"],
    ['x{a="1"', "no comma"],
    ["x 1 1.5\n", "no timestamp"],
    ["x 1 # {} 1\n", "no timestamp"],
    ["x 0x1p-2\n", "no number"],
    ["x 1\r\n", "no number"],
    ["# TYPE x\n", 'unknown type ""'],
    ["# TYPE x unknown\n", "unknown type"],
    ["# TYPE x-y gauge\n", "no metric's name"],
    ["# HELP \n", "no metric's name"],
    ['# HELP "x\n', "name has no end"],
    [`{"${"x".repeat(41)}"} 1\n`, "longer than 40 bytes"],
    [`# HELP ${"x".repeat(41)}\n`, "longer than 40 bytes"],
  ])("%j is refused: %s", (text, why) => {
    expect(() => read("text", text)).toThrow(OperationalError);
    expect(() => read("text", text)).toThrow(why);
  });
});

describe("OpenMetrics", () => {
  test.each<[string, ...Sample]>([
    ["x 1\n", "x", [], 1, NONE],
    ["x{} 1 1.5\n", "x", [], 1, 1500],
    ["x 1 -1e-1\n", "x", [], 1, -100],
    ["x 1 1700000000.1239\n", "x", [], 1, 1_700_000_000_123],
    ['x{a="1",b="2"} 1 # {} 5\n', "x", ["a", "1", "b", "2"], 1, NONE],
    ['x 1 2 # {id="#}\\"",b.c="2"} -Inf 0.5\n'.replace("b.c", '"b.c"'), "x", [], 1, 2000],
    ['{"x.y","l.m"="1"} 1\n', "x.y", ["l.m", "1"], 1, NONE],
    ['x{a="\\q\\\\"} NaN\n', "x", ["a", "\\q\\"], Number.NaN, NONE],
  ])("%j is a sample", (text, ...sample) => {
    expect(read("openmetrics", `${text}# EOF\n`)).toEqual([sample]);
  });

  test("HELP, TYPE and UNIT", () => {
    const text =
      '# HELP x_s a\\"b\n# TYPE x_s gaugehistogram\n# UNIT x_s s\n# UNIT y \n# HELP "x.y" \n# EOF';
    expect(read("openmetrics", text)).toEqual([
      ["HELP", "x_s", 'a"b'],
      ["TYPE", "x_s", "gaugehistogram"],
      ["UNIT", "x_s", "s"],
      ["UNIT", "y", ""],
      ["HELP", "x.y", ""],
    ]);
  });

  test.each([
    ["", "does not end with # EOF"],
    ["x 1\n", "does not end with # EOF"],
    ["x 1", "line has no end"],
    ["# EOF\nx 1\n", "something behind # EOF"],
    ["# EOF\n\n", "something behind # EOF"],
    ["# EOF ", "something behind # EOF"],
    ["# EOFx", "something behind # EOF"],
    [" # EOF\n", "no metric's name"],
    ["#EOF\n", "a comment"],
    ["# a\n# EOF\n", "a comment"],
    ["#  TYPE x gauge\n# EOF\n", "a comment"],
    ["#\tTYPE x gauge\n# EOF\n", "a comment"],
    ["# TYPEx gauge\n# EOF\n", "a comment"],
    ["#", "a comment"],
    ["\n# EOF\n", "an empty line"],
    [" x 1\n# EOF\n", "no metric's name"],
    ["x\t1\n# EOF\n", "no value"],
    ["x  1\n# EOF\n", "no value"],
    ["x\n# EOF\n", "no value"],
    ["x 1\t2\n# EOF\n", "something behind the sample"],
    ["x 1 \n# EOF\n", "no timestamp"],
    ["x 1 2 \n# EOF\n", "no exemplar"],
    ["x 1 2 3\n# EOF\n", "no exemplar"],
    ["x 1 NaN\n# EOF\n", "no timestamp"],
    ["x 1 1e300\n# EOF\n", "no timestamp"],
    ["x 1_2\n# EOF\n", "no number"],
    ['x{a="1"}1\n# EOF\n', "no value"],
    ['x {a="1"} 1\n# EOF\n', "no number"],
    ['x{ a="1"} 1\n# EOF\n', "no label's name"],
    ['x{a ="1"} 1\n# EOF\n', "no value in quotes"],
    ['x{a="1" } 1\n# EOF\n', "no comma"],
    ['x{a="1",} 1\n# EOF\n', "a comma without a label"],
    ['x{a="1"b="2"} 1\n# EOF\n', "no comma"],
    ['x{a="1\n"} 1\n# EOF\n', "value has no end"],
    ["x 1 #\n# EOF\n", "no exemplar"],
    ["x 1 #{} 1\n# EOF\n", "no exemplar"],
    ["x 1 # {}\n# EOF\n", "no value"],
    ["x 1 # {}1\n# EOF\n", "no value"],
    ["x 1 # {} 1 NaN\n# EOF\n", "no timestamp"],
    ["x 1 # {} 1 1 1\n# EOF\n", "something behind the sample"],
    ["x 1 # {a=1} 1\n# EOF\n", "no value in quotes"],
    ['x 1 # {"a"} 1\n# EOF\n', "no value in quotes"],
    ["# HELP x\n# EOF\n", "no text of HELP"],
    ["# HELP x a", "line has no end"],
    ["# TYPE x untyped\n# EOF\n", "unknown type"],
    ["# TYPE x gauge \n# EOF\n", "unknown type"],
    ["# TYPE x  gauge\n# EOF\n", "unknown type"],
    ["# UNIT x s\n# EOF\n", "does not end with the unit"],
    ["# UNIT xs s\n# EOF\n", "does not end with the unit"],
    ["# UNIT s seconds\n# EOF\n", "does not end with the unit"],
  ])("%j is refused: %s", (text, why) => {
    expect(() => read("openmetrics", text)).toThrow(OperationalError);
    expect(() => read("openmetrics", text)).toThrow(why);
  });
});
