import { expect, test } from "vitest";
import { metricBody, nanosecondsText, streamsBody } from "../../../aggregator/api/loki-json.ts";
import { labelsOf } from "../../../shared/model/labels.ts";

const statistics = { lines: 3, bytes: 40 };
const stats = { summary: { totalBytesProcessed: 40, totalLinesProcessed: 3 } };

test("lines are put together by their labels, with times in nanoseconds", () => {
  const [a, b] = [labelsOf({ app: "a" }), labelsOf({ app: "b", ["__proto__"]: "x" })];
  const body = streamsBody(
    [
      { labels: a, timeUs: 1_700_000_000_123_456, line: 'say "x"\n' },
      { labels: b, timeUs: 1_700_000_000_123_457, line: "\ud800" },
      { labels: [...a], timeUs: 1_700_000_000_123_458, line: "" },
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
  expect(JSON.parse(metricBody(vector))).toEqual({
    status: "success",
    data: { resultType: "vector", result: [{ metric: { app: "a" }, value: [1.5, "0.5"] }], stats },
  });
  const [times, values] = [
    Float64Array.of(1000, 2000),
    Float64Array.of(1, Number.POSITIVE_INFINITY),
  ];
  const matrix = { type: "matrix", series: [{ labels, times, values }], ...rest } as const;
  expect(JSON.parse(metricBody({ ...matrix, warnings: ["careful"] }))).toEqual({
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
  expect(JSON.parse(metricBody(scalar)).data).toEqual({
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
