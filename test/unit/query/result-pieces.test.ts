import fc from "fast-check";
import { expect, test } from "vitest";
import { resultPieces } from "../../../aggregator/query/result-pieces.ts";
import { sampleText, secondsText } from "../../../shared/model/go-number.ts";
import { labelsOf } from "../../../shared/model/labels.ts";

const text = (pieces: Iterable<Uint8Array>) => Buffer.concat([...pieces]).toString();

test("a large matrix comes in pieces that together are its JSON, whatever shares its times", () => {
  const times = Float64Array.from({ length: 900 }, (_, i) => 1e12 + i * 15_000);
  const others = times.map((timeMs) => timeMs + 1);
  const longest = fc.constantFrom("a", 'q"\n', "ü".repeat(50_000));
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), fc.double(), longest), { maxLength: 9 }), (all) => {
      const series = all.map(([isFirst, start, name], n) => ({
        labels: labelsOf({ __name__: name, n: String(n) }),
        times: isFirst ? times : others,
        values: times.map((_, i) => start * i),
      }));
      const expected = series.map((one) => ({
        metric: Object.fromEntries([
          ["__name__", one.labels[1]],
          ["n", one.labels[3]],
        ]),
        values: [...one.times].map((timeMs, i) => {
          return [Number(secondsText(timeMs)), sampleText(one.values[i] ?? 0)];
        }),
      }));
      const result = { type: "matrix", series, warnings: [] } as const;
      const pieces = [...resultPieces('{"a":', result, "}")];
      expect(JSON.parse(text(pieces))).toEqual({ a: expected });
      if (all.length > 3) expect(pieces.length).toBeGreaterThan(1);
    }),
    { numRuns: 60 },
  );
});

test("a vector of many elements comes in pieces too", () => {
  const samples = Array.from({ length: 5000 }, (_, i) => {
    return { labels: labelsOf({ i: String(i) }), value: i / 8 };
  });
  const pieces = [...resultPieces("", { type: "vector", timeMs: 1500, samples, warnings: [] }, "")];
  expect(pieces.length).toBeGreaterThan(2);
  expect(JSON.parse(text(pieces))[4999]).toEqual({
    metric: { i: "4999" },
    value: [1.5, "624.875"],
  });
});
