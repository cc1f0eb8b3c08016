import { expect, test } from "vitest";
import { detectedFields, detectedLabels } from "../../../aggregator/api/logs-discovery.ts";
import { fieldDetector } from "../../../aggregator/logql/detect-fields.ts";
import { labelPairs, labelsFrom, labelsOf, NO_LABELS } from "../../../shared/model/labels.ts";

test("labels whose values are numbers or UUIDs and nothing else are left out, but for places", () => {
  const id = (n: number) => `0000000${n}-1234-1234-1234-123456789abc`;
  const streams = [1, 2].map((n) =>
    labelsOf({ id: id(n), instance: `${n}`, port: `${n}`, mixed: n === 1 ? "1" : "x" }),
  );
  expect(detectedLabels(streams)).toEqual([
    { label: "instance", cardinality: 2 },
    { label: "mixed", cardinality: 2 },
  ]);
});

const STREAM = labelsOf({ app: "a", level: "info" });

function fieldsOf(lines: readonly string[], metadata = NO_LABELS, fieldsMax = 100) {
  const labels = labelsFrom([...labelPairs(metadata), ...labelPairs(STREAM)]);
  const results = lines.map((line) => ({ labels, stream: STREAM, metadata, timeUs: 0, line }));
  return detectedFields(results, fieldDetector(), fieldsMax).map(
    ({ label, type, values, parser }) => `${label} ${type} ${values.size} ${parser}`,
  );
}

test.each([
  [["1", "-5"], "int"],
  [["1", "1.5", "1e9"], "float"],
  [["true", "FALSE"], "boolean"],
  [["1h2m", "3.5ms"], "duration"],
  [["12KB", "5 MiB", "7b"], "bytes"],
  [["1", "x"], "string"],
  [["1", "1s"], "string"],
])("of the values %j a field is of the kind %s", (values, type) => {
  const lines = values.map((value) => JSON.stringify({ f: value }));
  expect(fieldsOf(lines)).toEqual([`f ${type} ${values.length} json`]);
});

test("fields are metadata, or what a parser finds; those of a label's name are extracted", () => {
  const lines = ['{"level":"x","a":{"b":1}}', 'level=y c="d e"', "neither=", "plain words", "[1]"];
  expect(fieldsOf(lines, labelsOf({ trace: "7" }))).toEqual([
    "a_b int 1 json",
    "c string 1 logfmt",
    "level_extracted string 2 json",
    "trace int 1 null",
  ]);
});

test("fields are as many as they may be, and values too", () => {
  const many = JSON.stringify(
    Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`f${i}`, 1])),
  );
  expect(fieldsOf([many], NO_LABELS, 7)).toHaveLength(7);
  const lines = Array.from({ length: 1500 }, (_, i) => `n=${i}`);
  expect(fieldsOf(lines)).toEqual(["n int 1000 logfmt"]);
});
