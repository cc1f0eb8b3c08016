import { describe, expect, test, vi } from "vitest";
import { PageMemory } from "../../../agent/scrape/page/page-memory.ts";
import type { PageReading } from "../../../agent/scrape/page/page-reading.ts";
import { SeriesForms } from "../../../agent/scrape/page/series-forms.ts";
import { OperationalError } from "../../../shared/errors.ts";
import { formatLabels } from "../../../shared/model/labels.ts";

const LIMITS = {
  ...{ pageBytesMax: 100_000, samplesMax: 1000, labelsMax: 4, nameBytesMax: 20 },
  ...{ valueBytesMax: 20, seriesOfMetricMax: 100 },
};

/** Of one target; `take` gives what a page tells, with series by their labels. */
class Target {
  readonly memory: PageMemory;
  readonly names = new Map<number, string>();

  constructor(limits: Partial<typeof LIMITS> = {}) {
    this.memory = new PageMemory({ ...LIMITS, ...limits }, 7);
  }

  take(text: string | Uint8Array, format: "text" | "openmetrics" = "text") {
    const reading = this.memory.read(Buffer.from(text), format);
    const gone = reading.gone.map((handle) => this.names.get(handle));
    for (const handle of reading.gone) this.names.delete(handle);
    const added = reading.added.map(({ handle, labels }) => {
      expect(this.names.has(handle)).toBe(false);
      this.names.set(handle, formatLabels(labels));
      return formatLabels(labels);
    });
    expect(this.memory.seriesCount).toBe(this.names.size);
    return { samples: this.#samples(reading), added, gone };
  }

  #samples({ count, handles, values, timesMs }: PageReading): unknown[] {
    return Array.from({ length: count }, (_, i) => {
      const time = timesMs[i] ?? 0;
      const sample = [this.names.get(handles[i] ?? -1), values[i]];
      return Number.isNaN(time) ? sample : [...sample, time];
    });
  }
}

test("a first page, one with other numbers, and one with other series", () => {
  const target = new Target();
  expect(target.take('# a\nx{a="1"} 1\nx{a="2"} 2 5\ny 3\n')).toEqual({
    samples: [
      ['x{a="1"}', 1],
      ['x{a="2"}', 2, 5],
      ["y", 3],
    ],
    added: ['x{a="1"}', 'x{a="2"}', "y"],
    gone: [],
  });
  expect(target.take('x{a="1"} 4\nx{a="2"} NaN\n# a\ny 6 7\n')).toEqual({
    samples: [
      ['x{a="1"}', 4],
      ['x{a="2"}', Number.NaN],
      ["y", 6, 7],
    ],
    added: [],
    gone: [],
  });
  expect(target.take('x{a="1"} 1\nx{a="3"} 2\n')).toEqual({
    samples: [
      ['x{a="1"}', 1],
      ['x{a="3"}', 2],
    ],
    added: ['x{a="3"}'],
    gone: ['x{a="2"}', "y"],
  });
  expect(target.take("")).toEqual({ samples: [], added: [], gone: ['x{a="1"}', 'x{a="3"}'] });
});

describe("a series is the same", () => {
  test.each([
    ['x{a="1",b="2"} 1', 'x{b="2",a="1"} 1'],
    ['x{a="1"} 1', ' x { a = "1" , } 1'],
    ['x{a="1",b=""} 1', 'x{a="1"} 1'],
    ['x{a="\\\\d"} 1', 'x{a="\\d"} 1'],
    ['x{a="\\n"} 1', 'x{a="\n"} 1'],
    ["x 1", '{"x"} 1'],
    ['x{a="1"} 1', '{"a"="1","x"} 1'],
    ["x 1", "x{} 1"],
  ])("%j as %j", (before, after) => {
    const target = new Target();
    const first = target.take(before);
    for (const text of [after, after, before]) {
      expect(target.take(text)).toEqual({ samples: first.samples, added: [], gone: [] });
    }
    expect(target.memory.read(Buffer.from(`${before}\n${after}`), "text").duplicates).toBe(1);
  });

  test("but not when only its beginning is", () => {
    const target = new Target();
    target.take("x 1\n");
    expect(target.take("xy 1\n").added).toEqual(["xy"]);
    expect(target.take('xy{a="1"} 1\n').added).toEqual(['xy{a="1"}']);
    expect(target.take("xy 1\n").added).toEqual(["xy"]);
    expect(target.take('xy {a="1"} 1\n').added).toEqual(['xy{a="1"}']);
    target.take("xy 1\n");
    expect(target.take('xy  {a="1"} 1\n').added).toEqual(['xy{a="1"}']);
  });

  test("in the other format, if that can write it so", () => {
    const target = new Target();
    const before = target.take('x{a="1"} 1 5\n');
    const after = target.take('x{a="1"} 1 0.005\n# EOF\n', "openmetrics");
    expect(after).toEqual({ ...before, added: [] });
    target.take('x{ a="1"} 1\n');
    expect(() => target.take('x{ a="1"} 1\n# EOF\n', "openmetrics")).toThrow("no label's name");
  });
});

test("after a line that went, came or moved, the last page is followed again", () => {
  const target = new Target();
  const lines = Array.from({ length: 50 }, (_, i) => `x{a="${i}"} 1`);
  const pages = [
    lines,
    lines.toSpliced(10, 5),
    lines.toSpliced(10, 5).toSpliced(20, 0, "y 1"),
    lines.toSpliced(10, 5).toSpliced(20, 0, "y 1").reverse().slice(0, 44).reverse(),
  ];
  const looked = vi.spyOn(SeriesForms.prototype, "first");
  const counts = pages.map((page) => {
    looked.mockClear();
    target.take(page.join("\n"));
    return looked.mock.calls.length;
  });
  looked.mockRestore();
  expect(counts).toEqual([100, 1, 2, 1]); // for a new series twice
});

test("of a series that a page has twice the first sample is taken", () => {
  const { memory } = new Target();
  for (let i = 0; i < 3; i += 1) {
    const reading = memory.read(Buffer.from("x 1\nx 2\ny 3\ny 4\nx 5\n"), "text");
    expect([...reading.values.subarray(0, reading.count)]).toEqual([1, 3]);
    expect(reading).toMatchObject({ samples: 5, duplicates: 3, gone: [] });
  }
});

test("what the page says of its families goes with new series, wherever it stands", () => {
  const { memory } = new Target();
  const page =
    "# TYPE a counter\n# HELP a A.\n# TYPE h_s histogram\n# UNIT h_s s\n# TYPE g gauge\n" +
    'a_total 1\na_created 1\na_sum 1\nh_s_bucket{le="1"} 1\nh_s_total 1\ng 1\nz 1\n' +
    "# HELP z Z.\n# EOF\n";
  const { added } = memory.read(Buffer.from(page), "openmetrics");
  const unknown = { type: "unknown", help: "", unit: "" };
  const counter = { name: "a", type: "counter", help: "A.", unit: "" };
  expect(added.map(({ family }) => family)).toEqual([
    counter,
    counter,
    { name: "a_sum", ...unknown },
    { name: "h_s", type: "histogram", help: "", unit: "s" },
    { name: "h_s_total", ...unknown },
    { name: "g", type: "gauge", help: "", unit: "" },
    { name: "z", ...unknown, help: "Z." },
  ]);
  const text = memory.read(Buffer.from("# TYPE u untyped\nu 1\n"), "text");
  expect(text.added[0]?.family).toEqual({ name: "u", ...unknown });
});

describe("a page that is refused", () => {
  test.each([
    ["x 1\nnew 1\nx\n", "Line 3: no value"],
    ['x 1\nx{a="1",a="2"} 1\n', "Line 2: label a again"],
    ['x 1\nx{__name__="y"} 1\n', "Line 2: label __name__ again"],
    ['x 1\nx{a="12345678901234567890x"} 1\n', "longer than 20 bytes"],
    ["x 1\nx2345678901234567890x 1\n", "longer than 20 bytes"],
    ['x 1\nx{a="",b="",c="",d="",e=""} 1\n', "Line 2: more than 4 labels"],
    [Buffer.from([...Buffer.from('x 1\nx{a="'), 0xff, ...Buffer.from('"} 1\n')]), "Line 2: text"],
    [Buffer.from([...Buffer.from("x 1\n# HELP x "), 0xff, 10]), "Line 2: text is not UTF-8"],
  ])("%j leaves all as it was: %s", (text, why) => {
    const target = new Target();
    target.take("x 1\ny 2\n");
    for (let i = 0; i < 3; i += 1) {
      expect(() => target.take(text)).toThrow(OperationalError);
      expect(() => target.take(text)).toThrow(why);
    }
    const samples = [
      ["x", 3],
      ["y", 4],
    ];
    expect(target.take("x 3\ny 4\n")).toEqual({ samples, added: [], gone: [] });
  });

  test("keeps no memory of what it had", () => {
    const compacted = vi.spyOn(SeriesForms.prototype, "compact");
    const target = new Target({ samplesMax: 10_000, seriesOfMetricMax: 10_000 });
    target.take("x 1\n");
    const lines = Array.from({ length: 1000 }, (_, i) => `x{a="${i}"} 1\n`).join("");
    for (let i = 0; i < 100; i += 1) expect(() => target.take(`${lines}x\n`)).toThrow("no value");
    const forms = compacted.mock.contexts.at(-1) as SeriesForms;
    expect(forms.bytes.length).toBeLessThan(100_000);
    compacted.mockRestore();
    expect(target.take("x 2\n")).toEqual({ samples: [["x", 2]], added: [], gone: [] });
  });

  test("may have comments that are not UTF-8 all the same", () => {
    const target = new Target();
    const page = Buffer.from([35, 32, 0xff, 10, ...Buffer.from("x 1\n")]);
    expect(target.take(page).samples).toEqual([["x", 1]]);
  });
});

test("limits of a page: bytes, samples; and of a metric: series, which are left out", () => {
  expect(() => new Target({ pageBytesMax: 3 }).take("x 1\n")).toThrow("longer than 3 bytes");
  const two = new Target({ samplesMax: 2 });
  two.take("x 1\ny 1\n");
  expect(() => two.take("x 1\ny 1\nz 1\n")).toThrow("Line 3: more than 2 samples");
  expect(() => two.take("x 1\ny 1\nx 1\n")).toThrow("Line 3: more than 2 samples");
  const target = new Target({ seriesOfMetricMax: 2 });
  const page = (values: string[]) => values.map((a) => `x{a="${a}"} 1\n`).join("");
  expect(target.take(`${page(["1", "2", "3"])}y 1\n`).added).toEqual(['x{a="1"}', 'x{a="2"}', "y"]);
  const reading = target.memory.read(Buffer.from(page(["3", "4", "2", "1"])), "text");
  expect(reading).toMatchObject({ count: 2, leftOut: 2, samples: 4, duplicates: 0 });
  expect(target.memory.read(Buffer.from(page(["3", "2"])), "text")).toMatchObject({ leftOut: 1 });
  expect(target.memory.read(Buffer.from(page(["3", "2"])), "text")).toMatchObject({ leftOut: 0 });
});

describe("hostile pages are read or refused in time that grows with their size", () => {
  const large = { ...{ pageBytesMax: 2 ** 26, samplesMax: 100_000, labelsMax: 100 } };
  test.each<[string, string]>([
    ["a name", "x".repeat(2 ** 19)],
    ["a value", `x{a="${"y".repeat(2 ** 19)}"} 1\n`],
    ["a quote without end", `x{a="${"y\n".repeat(2 ** 18)}`],
    ["labels", `x{${'a="",'.repeat(2 ** 17)}} 1\n`],
    ["a number", `x ${"1".repeat(2 ** 19)}x\n`],
    ["blanks", `x${" ".repeat(2 ** 19)}\n`],
    ["backslashes", `# HELP x ${"\\".repeat(2 ** 19)}\nx\n`],
    ["comments", `${"# HELP x\n".repeat(2 ** 16)}x\n`],
    ["empty lines", `${"\n".repeat(2 ** 19)}x\n`],
    ["one series many times", `${"x 1\n".repeat(30_000)}x\n`],
    ["the same with an empty label", `${'x{a=""} 1\nx 1\n'.repeat(15_000)}x\n`],
    [
      "series of a metric",
      `${Array.from({ length: 30_000 }, (_, i) => `x{a="${i}"} 1\n`).join("")}x`,
    ],
  ])("%s", (_, text) => {
    const target = new Target(large);
    for (let i = 0; i < 2; i += 1) expect(() => target.take(text)).toThrow(OperationalError);
  });
});
