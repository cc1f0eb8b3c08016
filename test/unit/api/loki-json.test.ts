import { expect, test } from "vitest";
import {
  metricBody,
  nanosecondsText,
  patternsBody,
  streamsBody,
  tailText,
} from "../../../aggregator/api/loki-json.ts";
import { labelsOf } from "../../../shared/model/labels.ts";

const bodyText = (result: Parameters<typeof metricBody>[0]) =>
  Buffer.concat([...metricBody(result)]).toString();

const own = { stream: [], metadata: [] };
const statistics = { lines: 3, bytes: 40 };
const stats = { summary: { totalBytesProcessed: 40, totalLinesProcessed: 3 } };

test("lines are put together by their labels, with times in nanoseconds", () => {
  const [a, b] = [labelsOf({ app: "a" }), labelsOf({ app: "b", ["__proto__"]: "x" })];
  const body = streamsBody(
    [
      { labels: a, ...own, timeUs: 1_700_000_000_123_456, line: 'say "x"\n' },
      { labels: b, ...own, timeUs: 1_700_000_000_123_457, line: "\ud800" },
      { labels: [...a], ...own, timeUs: 1_700_000_000_123_458, line: "" },
    ],
    statistics,
  );
  expect(JSON.parse(body)).toEqual({
    status: "success",
    data: {
      resultType: "streams",
      result: [
        {
          stream: { app: "a" },
          values: [
            ["1700000000123456000", 'say "x"\n'],
            ["1700000000123458000", ""],
          ],
        },
        {
          stream: JSON.parse('{"__proto__":"x","app":"b"}'),
          values: [["1700000000123457000", "\ud800"]],
        },
      ],
      stats,
    },
  });
});

test("no line at all is an empty list", () => {
  expect(JSON.parse(streamsBody([], statistics)).data.result).toEqual([]);
});

test("a vector, a matrix and a scalar are as in Prometheus' API, with stats", () => {
  const labels = labelsOf({ app: "a" });
  const rest = { warnings: [], statistics };
  const vector = {
    type: "vector",
    timeMs: 1500,
    samples: [{ labels, value: 0.5 }],
    ...rest,
  } as const;
  expect(JSON.parse(bodyText(vector))).toEqual({
    status: "success",
    data: { resultType: "vector", result: [{ metric: { app: "a" }, value: [1.5, "0.5"] }], stats },
  });
  const [times, values] = [
    Float64Array.of(1000, 2000),
    Float64Array.of(1, Number.POSITIVE_INFINITY),
  ];
  const matrix = { type: "matrix", series: [{ labels, times, values }], ...rest } as const;
  expect(JSON.parse(bodyText({ ...matrix, warnings: ["careful"] }))).toEqual({
    status: "success",
    data: {
      resultType: "matrix",
      result: [
        {
          metric: { app: "a" },
          values: [
            [1, "1"],
            [2, "+Inf"],
          ],
        },
      ],
      stats,
    },
    warnings: ["careful"],
  });
  const scalar = { type: "scalar", timeMs: 1000, value: 7, ...rest } as const;
  expect(JSON.parse(bodyText(scalar)).data).toEqual({
    resultType: "scalar",
    result: [1, "7"],
    stats,
  });
});

test.each([
  [0, "0"],
  [1, "1000"],
  [-1, "-1000"],
  [1_700_000_000_000_001, "1700000000000001000"],
])("%d microseconds are %s nanoseconds", (timeUs, expected) => {
  expect(nanosecondsText(timeUs)).toBe(expected);
});

test("categorised, labels are told by where they are from, and a stream is one though its lines differ", () => {
  const stream = labelsOf({ app: "a", level: "info", gone: "x" });
  const metadata = labelsOf({ trace: "1", status: "200" });
  const labels = labelsOf({ app: "a", level: "error", trace: "1", status: "500", user: "7" });
  const lines = [
    { labels, stream, metadata, timeUs: 1, line: "one" },
    { labels: labelsOf({ app: "a" }), stream, metadata, timeUs: 2, line: "two" },
    { labels: stream, stream, metadata: [], timeUs: 3, line: "three" },
  ];
  const expected = [
    {
      stream: { app: "a" },
      values: [
        [
          "1000",
          "one",
          {
            structuredMetadata: { trace: "1" },
            parsed: { level: "error", status: "500", user: "7" },
          },
        ],
        ["2000", "two", {}],
      ],
    },
    { stream: { app: "a", gone: "x", level: "info" }, values: [["3000", "three", {}]] },
  ];
  expect(JSON.parse(streamsBody(lines, statistics, true)).data).toEqual({
    resultType: "streams",
    encodingFlags: ["categorize-labels"],
    result: expected,
    stats,
  });
  expect(JSON.parse(tailText(lines, true))).toEqual({
    streams: expected,
    dropped_entries: null,
    encodingFlags: ["categorize-labels"],
  });
});

test("patterns have Loki's sign for what varies", () => {
  const patterns = [{ template: "<*> took <*><*>ms", samples: [[10, 2]] as const }];
  expect(JSON.parse(patternsBody(patterns))).toEqual({
    status: "success",
    data: [{ pattern: "<_> took <_>ms", samples: [[10, 2]] }],
  });
});
