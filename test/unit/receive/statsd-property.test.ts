import "../../support/property-seed.ts";
import fc from "fast-check";
import { expect, test } from "vitest";
import { StatsdBed } from "../../support/statsd-bed.ts";

/** What a line gives: naive, by regular expressions, and without any memory of lines before it. */
type Model = { values: Record<string, number>; types: Record<string, string>; refused: number };

const LINE = /^([^:]+):([^|]*)\|(c|g|ms|h|d|s)((?:\|[^|]*)*)$/;
const NUMBER = /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i;
const TIMER_BOUNDS = [0.01, 0.1, 1];
const OTHER_BOUNDS = [1, 10];

function applyLine(model: Model, line: string): void {
  const [, subject = "", values = "", type = "", rest = ""] = LINE.exec(line) ?? [];
  const sections = rest.split("|").slice(1);
  const rates = sections.filter((one) => one.startsWith("@")).map((one) => one.slice(1));
  const rate = Number(rates.at(-1) ?? 1);
  const areGood =
    sections.every((one) => /^(@|#|T\d+$|c:)/.test(one)) &&
    rates.every((one) => NUMBER.test(one) && Number(one) > 0 && Number(one) <= 1);
  if (type === "" || !areGood) {
    model.refused += 1;
    return;
  }
  const tags = new Map<string, string>();
  for (const tag of sections
    .filter((one) => one.startsWith("#"))
    .join(",")
    .replaceAll("#", "")
    .split(",")) {
    const [key = "", ...value] = tag.split(":");
    if (key !== "") tags.set(key, value.join(":") || "true");
  }
  const name = subject.replace(/[^a-z0-9]/g, "_").replace(/^(\d)/, "_$1");
  const family = { c: "c", g: "g", ms: "ms", h: "h", d: "h", s: "s" }[type] ?? "";
  model.types[name] ??= family;
  if (model.types[name] !== family) {
    model.refused += 1;
    return;
  }
  if (type === "s") {
    if (values === "") model.refused += 1;
    return; // counted only after its window
  }
  for (const value of values.split(":")) applyValue(model, { name, family, tags, value, rate });
}

type One = { name: string; family: string; tags: Map<string, string>; value: string; rate: number };

function applyValue(model: Model, { name, family, tags, value, rate }: One): void {
  const number = NUMBER.test(value) ? Number(value) : Number.NaN;
  if (!Number.isFinite(number) || (family === "c" && number < 0)) {
    model.refused += 1;
    return;
  }
  const add = (suffix: string, n: number, le = "") => {
    const labels = [...tags, ...(le === "" ? [] : [["le", le] as const])];
    const sorted = labels.map(([key, text]) => `${key}:${text}`).sort();
    const key = `${name}${suffix}${sorted.length === 0 ? "" : `{${sorted}}`}`;
    model.values[key] = (model.values[key] ?? 0) + n;
    return key;
  };
  if (family === "c") add("", number / rate);
  else if (family === "g") {
    const key = add("", 0);
    model.values[key] = /^[+-]/.test(value) ? (model.values[key] ?? 0) + number : number;
  } else {
    const scaled = family === "ms" ? number / 1000 : number;
    for (const bound of family === "ms" ? TIMER_BOUNDS : OTHER_BOUNDS) {
      add("_bucket", scaled <= bound ? 1 / rate : 0, String(bound));
    }
    add("_bucket", 1 / rate, "+Inf");
    add("_sum", scaled / rate);
    add("_count", 1 / rate);
  }
}

const value = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: 2000 }).map(String) },
  { weight: 2, arbitrary: fc.integer({ min: -9, max: 9 }).map((n) => (n < 0 ? `${n}` : `+${n}`)) },
  { weight: 2, arbitrary: fc.constantFrom("0.25", ".5", "5.", "1e2", "1e-2", "-0.5") },
  { weight: 1, arbitrary: fc.constantFrom("", "NaN", "1e999", "inf", "x", "1,5", "--1", "0x1") },
);
const values = fc.array(value, { minLength: 1, maxLength: 3 }).map((list) => list.join(":"));
const tag = fc.constantFrom("a:1", "b:x:y", "b:2", "c", "", "a:", "d:ü");
const section = fc.oneof(
  fc.constantFrom("@0.5", "@0.25", "@1"),
  fc.array(tag, { maxLength: 3 }).map((tags) => `#${tags}`),
  fc.constantFrom("T1700000000", "c:abc"),
  { weight: 1, arbitrary: fc.constantFrom("@0", "@x", "@1.5", "x", "") },
);
const line = fc
  .tuple(
    fc.constantFrom("a", "b.c", "b-c", "9x", "m"),
    values,
    fc.constantFrom("c", "g", "ms", "h", "d", "s", "c", "ms"),
    fc.array(section, { maxLength: 3 }),
  )
  .filter(([, , , sections]) => new Set(sections.map((one) => one[0])).size === sections.length)
  .map(([name, text, type, sections]) => [`${name}:${text}`, type, ...sections].join("|"));

test("any lines in any datagrams give what a naive reading of each gives", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(line, { maxLength: 6 }), { maxLength: 12 }),
      async (sent) => {
        const bed = new StatsdBed();
        await using _listening = await bed.listen();
        await bed.send(...sent.map((lines) => lines.join("\n")));
        const model: Model = { values: {}, types: {}, refused: 0 };
        for (const one of sent.flat()) applyLine(model, one);
        const told = Object.fromEntries(
          Object.entries(bed.values).map(([key, number]) => [key, rounded(number ?? Number.NaN)]),
        );
        const expected = Object.entries(model.values).map(([key, number]) => [
          key,
          rounded(number),
        ]);
        expect(told).toEqual(Object.fromEntries(expected));
        const refused = Object.values(bed.refused).reduce((sum, count) => sum + count, 0);
        expect(refused).toBe(model.refused);
      },
    ),
    { numRuns: 150 },
  );
});

/** Sums come in another order. */
function rounded(number: number): number {
  return Number(number.toPrecision(12));
}

test("bytes of any kind do no harm, and what is good beside them is taken", async () => {
  const bytes = fc.uint8Array({ maxLength: 200, size: "max" });
  const broken = fc.tuple(line, fc.nat(), fc.nat(255)).map(([text, at, byte]) => {
    const buffer = Buffer.from(text);
    buffer[at % buffer.length] = byte;
    return buffer;
  });
  const datagrams = fc.array(fc.oneof(bytes, broken), { maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(datagrams, async (sent) => {
      const bed = new StatsdBed();
      await using _listening = await bed.listen();
      await bed.send(...sent.map((one) => Buffer.from(one)), "good_one:1|c");
      expect(bed.values["good_one"]).toBe(1);
    }),
    { numRuns: 100 },
  );
});
