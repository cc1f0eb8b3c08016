import fc from "fast-check";
import { expect, test } from "vitest";
import { formatDuration, parseDuration } from "../../../shared/model/duration.ts";
import {
  formatLabels,
  labelsFrom,
  labelsKey,
  labelsOf,
  labelsRecord,
  labelValue,
  withLabel,
} from "../../../shared/model/labels.ts";
import { scaledValue } from "../../../shared/model/series-definition.ts";
import { columnBits, isStale, setStale } from "../../../shared/model/stale.ts";
import { expositionText } from "../../../shared/telemetry/exposition.ts";
import { Metrics } from "../../../shared/telemetry/metrics.ts";

test.each([
  ["0", 0],
  ["250ms", 250],
  ["1h30m", 5_400_000],
  ["2w", 1_209_600_000],
  ["1y", 31_536_000_000],
])("%s is %d ms", (text, ms) => expect(parseDuration(text)).toBe(ms));

test.each(["", "5", "1m1h", "-5s", "1.5s", "5 s", `${"9".repeat(400)}y`])(
  "%j is no duration",
  (text) => {
    expect(() => parseDuration(text)).toThrow("Not a duration");
  },
);

test("a duration that was written is read as the same", () => {
  fc.assert(
    fc.property(fc.nat(1e12), (ms) => {
      expect(parseDuration(formatDuration(ms))).toBe(ms);
    }),
  );
});

test("labels are sorted, have no empty value, and of a name given twice the last stands", () => {
  expect(
    labelsFrom([
      ["b", "1"],
      ["a", "2"],
      ["c", ""],
      ["b", "3"],
    ]),
  ).toEqual(["a", "2", "b", "3"]);
  const labels = labelsOf({ __name__: "up", job: "node" });
  expect(labelsKey(withLabel(labels, "job", ""))).toBe(labelsKey(["__name__", "up"]));
  expect(labelValue(labels, "absent")).toBe("");
  expect(formatLabels(labelsOf({ __name__: "up", job: 'a"b' }))).toBe('up{job="a\\"b"}');
});

test("a label called __proto__ is a label like any other", () => {
  const record = labelsRecord(["__proto__", "x"]);
  expect(Object.keys(record)).toEqual(["__proto__"]);
  expect(JSON.stringify(record)).toBe('{"__proto__":"x"}');
});

test("a scaled integer is the decimal number it stands for", () => {
  expect([scaledValue(45, 2), scaledValue(123_456, 6), scaledValue(7, 0)]).toEqual([
    0.45, 0.123456, 7,
  ]);
});

test("a staleness marker survives a copy and is no other NaN", () => {
  const column = Float64Array.of(1, Number.NaN, 2);
  setStale(columnBits(column), 2);
  const copy = column.slice();
  expect([0, 1, 2].map((i) => isStale(columnBits(copy), i))).toEqual([false, false, true]);
});

test("the text format groups families and escapes what is hostile", () => {
  const metrics = new Metrics();
  const counter = metrics.counter("c_total", "Counts\nthings.");
  const gauge = metrics.gauge("g", "A gauge.");
  counter.add(2, { path: 'a"b\\c\nd' });
  gauge.set(Number.POSITIVE_INFINITY);
  counter.add(1);
  expect(expositionText(metrics.samples())).toBe(
    '# HELP c_total Counts\\nthings.\n# TYPE c_total counter\nc_total{path="a\\"b\\\\c\\nd"} 2\nc_total 1\n' +
      "# HELP g A gauge.\n# TYPE g gauge\ng +Inf\n",
  );
});
