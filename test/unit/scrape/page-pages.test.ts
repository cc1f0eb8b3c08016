import fc from "fast-check";
import { expect, test } from "vitest";
import { ExpositionReader } from "../../../agent/exposition/exposition-reader.ts";
import { PageMemory } from "../../../agent/scrape/page/page-memory.ts";
import { OperationalError } from "../../../shared/errors.ts";
import { type Labels, labelsKey } from "../../../shared/model/labels.ts";

type Format = "text" | "openmetrics";

const LIMITS = {
  ...{ pageBytesMax: 100_000, samplesMax: 60, labelsMax: 3, nameBytesMax: 20 },
  ...{ valueBytesMax: 20, seriesOfMetricMax: 1000 },
};

type Sample = { labels: Labels; value: number; timestampMs: number };

/** Without a memory: every line read, the first sample of a series stands. Null: it is refused. */
function naively(page: Buffer, format: Format): Map<string, Sample> | null {
  const reader = new ExpositionReader(LIMITS);
  reader.start(page, format);
  const samples = new Map<string, Sample>();
  try {
    for (let kind = reader.next(); kind !== "end"; kind = reader.next()) {
      if (kind !== "sample") continue;
      const labels = reader.namedLabels();
      const { value, timestampMs } = reader;
      const key = labelsKey(labels);
      if (!samples.has(key)) samples.set(key, { labels, value, timestampMs });
    }
    return samples;
  } catch (error) {
    if (error instanceof OperationalError) return null;
    throw error;
  }
}

/** Holds what it was told to what every page says by itself. */
class Witness {
  readonly memory: PageMemory;
  #handles = new Map<string, number>();
  taken = 0;

  constructor(seed: number) {
    this.memory = new PageMemory(LIMITS, seed);
  }

  see(page: Buffer, format: Format): void {
    const expected = naively(page, format);
    if (expected === null) {
      expect(() => this.memory.read(page, format)).toThrow(OperationalError);
      return;
    }
    this.taken += 1;
    const reading = this.memory.read(page, format);
    const before = this.#handles;
    const gone = [...before].filter(([key]) => !expected.has(key)).map(([, handle]) => handle);
    expect([...reading.gone].sort()).toEqual(gone.sort());
    const added = [...expected].filter(([key]) => !before.has(key));
    expect(reading.added.map(({ labels }) => labels)).toEqual(added.map(([, one]) => one.labels));
    this.#handles = new Map([...before].filter(([key]) => expected.has(key)));
    for (const { handle, labels } of reading.added) this.#handles.set(labelsKey(labels), handle);
    expect(new Set(this.#handles.values()).size).toBe(this.#handles.size);
    expect(reading.count).toBe(expected.size);
    for (const [i, [key, { value, timestampMs }]] of [...expected].entries()) {
      expect(reading.handles[i]).toBe(this.#handles.get(key));
      expect(reading.values[i]).toBe(value);
      expect(reading.timesMs[i]).toBe(timestampMs);
    }
  }
}

const series = fc.constantFrom(
  ...["x", "xy", "x{}", 'x{a="1"}', 'x{a="2"}', 'x{a="12"}', 'x{a="1",b="2"}', 'x{b="2",a="1"}'],
  ...['x{a=""}', 'x{a="\\\\d"}', 'x{a="\\d"}', 'xy{a="1"}', '{"x"}', '{"x.y",a="1"}', "y", "z"],
  ...['x { a = "1" }', 'x{a="1",}', 'x{a="☃"}', 'y{b="2",c="3",a="1"}', 'y{c="3",b="2",a="1"}'],
);
const value = fc.oneof(
  fc.nat().map(String),
  fc.double().map((one) => String(one).replace("Infinity", "Inf")),
  fc.constantFrom("NaN", "+Inf", "-0", "1e-7", "0.1", "1 5", "1 -5.5", "1 # {} 1", "2 3 # {} 1 2"),
);
const sample = fc.tuple(series, fc.constantFrom(" ", " ", " ", " ", "  ", "\t"), value);
const line = fc.oneof(
  { weight: 300, arbitrary: sample.map((parts) => parts.join("")) },
  {
    weight: 3,
    arbitrary: fc.constantFrom("# TYPE x gauge", "# HELP x \\n", "# HELP x.y", "#", ""),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom("x", 'x{a="1} 1', 'x{a="1",a="2"} 1', "# EOF", "x 1 1 1"),
  },
);
/** What happens to the lines from one page to the next. */
const edit = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("numbers"), values: fc.array(value) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constantFrom("insert", "remove", "move", "replace", "double"),
      at: fc.nat(40),
      to: fc.nat(40),
      line,
    }),
  },
);
type Edit = typeof edit extends fc.Arbitrary<infer One> ? One : never;

function edited(lines: readonly string[], one: Edit): string[] {
  if ("values" in one) {
    return lines.map((text, i) => {
      const next = one.values[i % Math.max(one.values.length, 1)];
      return next === undefined || text.startsWith("#")
        ? text
        : text.replace(/ [\d.e+-]+$/, ` ${next}`);
    });
  }
  const at = one.at % Math.max(lines.length, 1);
  const [moved = one.line] = lines.slice(at, at + 1);
  switch (one.kind) {
    case "insert":
      return lines.toSpliced(at, 0, one.line);
    case "remove":
      return lines.toSpliced(at, 1);
    case "move":
      return lines.toSpliced(at, 1).toSpliced(one.to % Math.max(lines.length, 1), 0, moved);
    case "double":
      return lines.toSpliced(one.to % Math.max(lines.length, 1), 0, moved);
    default:
      return lines.toSpliced(at, 1, one.line);
  }
}

/** Mostly what the format can read; some pages stay as they are. */
function pageOf(lines: readonly string[], format: Format, isRaw: boolean): Buffer {
  const end = format === "openmetrics" ? "\n# EOF\n" : "\n";
  if (isRaw) return Buffer.from(lines.join("\n") + end);
  const kept = lines.map((text) => {
    if (format === "text") return text.replace(/ # .*$| -5\.5$/, "");
    return text.replace(/[ \t]+/g, " ").replace(/x \{.*\}|x\{a="1",\}/, 'x{a="1"}');
  });
  const readable = kept.filter((text) => format === "text" || /^[^#]|^# (TYPE|HELP) x /.test(text));
  return Buffer.from(readable.map((text) => `${text}\n`).join("") + end.slice(1));
}

test("whatever changes from page to page, each is told as a reader without memory reads it", () => {
  let taken = 0;
  const one = fc.record({
    change: edit,
    isOpenMetrics: fc.integer({ min: 0, max: 9 }),
    isRaw: fc.integer({ min: 0, max: 9 }),
  });
  fc.assert(
    fc.property(
      fc.array(line, { maxLength: 40, size: "max" }),
      fc.array(one, { maxLength: 20, size: "max" }),
      fc.boolean(),
      fc.integer(),
      (first, pages, isMostlyOpenMetrics, seed) => {
        const witness = new Witness(seed);
        let lines = first;
        for (const { change, isOpenMetrics, isRaw } of pages) {
          const next = edited(lines, change);
          const format = (isOpenMetrics === 0) !== isMostlyOpenMetrics ? "openmetrics" : "text";
          const page = pageOf(next, format, isRaw === 0);
          witness.see(page, format);
          // A page that is refused is mostly followed by one that is not.
          if (naively(page, format) !== null) lines = next;
        }
        taken += witness.taken;
      },
    ),
    { numRuns: 300 },
  );
  expect(taken).toBeGreaterThan(1500);
}, 60_000);
