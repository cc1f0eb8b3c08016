import { expect, test } from "vitest";
import {
  alertsText,
  errorBody,
  queryBody,
  rulesText,
  seriesListText,
} from "../../../aggregator/api/prometheus-json.ts";
import { labelsOf, NO_LABELS } from "../../../shared/model/labels.ts";
import { ALERT, RULE_GROUP } from "../../support/rule-group.ts";

const bodyText = (result: Parameters<typeof queryBody>[0]) =>
  Buffer.concat([...queryBody(result)]).toString();

const TIME_MS = 1_435_781_451_781;
const UP = labelsOf({ __name__: "up", instance: 'a"b\n', job: "node" });
const NEW = {
  health: "unknown",
  lastError: "",
  lastEvaluationMs: 0,
  evaluationSeconds: 0,
} as const;

/** Its second rule has not been evaluated yet. */
const GROUP = {
  ...RULE_GROUP,
  intervalMs: 1500,
  rules: RULE_GROUP.rules.map((rule) => ({ ...rule, ...(rule.type === "recording" ? NEW : {}) })),
};

test("a vector has its time in seconds and its values as texts", () => {
  const samples = [
    { labels: UP, value: 1 },
    { labels: NO_LABELS, value: Number.NaN },
  ];
  expect(bodyText({ type: "vector", timeMs: TIME_MS, samples, warnings: [] })).toBe(
    '{"status":"success","data":{"resultType":"vector","result":[' +
      '{"metric":{"__name__":"up","instance":"a\\"b\\n","job":"node"},"value":[1435781451.781,"1"]},' +
      '{"metric":{},"value":[1435781451.781,"NaN"]}]}}',
  );
});

test("a matrix has its points as pairs", () => {
  const times = Float64Array.of(1000, 2500);
  const values = Float64Array.of(0.5, Number.POSITIVE_INFINITY);
  const series = [{ labels: labelsOf({ a: "b" }), times, values }];
  expect(bodyText({ type: "matrix", series, warnings: ["careful"] })).toBe(
    '{"status":"success","data":{"resultType":"matrix","result":[' +
      '{"metric":{"a":"b"},"values":[[1,"0.5"],[2.500,"+Inf"]]}]},"warnings":["careful"]}',
  );
});

test("a scalar and a string are one point", () => {
  expect(bodyText({ type: "scalar", timeMs: 1000, value: 1e21, warnings: [] })).toBe(
    '{"status":"success","data":{"resultType":"scalar","result":[1,"1000000000000000000000"]}}',
  );
  expect(bodyText({ type: "string", timeMs: 1000, value: '"', warnings: [] })).toBe(
    '{"status":"success","data":{"resultType":"string","result":[1,"\\""]}}',
  );
});

test("an empty result is an empty list", () => {
  expect(JSON.parse(bodyText({ type: "vector", timeMs: 0, samples: [], warnings: [] }))).toEqual({
    status: "success",
    data: { resultType: "vector", result: [] },
  });
});

test("an error has its type", () => {
  expect(errorBody("bad_data", "no")).toBe(
    '{"status":"error","errorType":"bad_data","error":"no"}',
  );
});

test("a label called __proto__ is only a label", () => {
  const text = seriesListText([["__proto__", "x", "a", "b"]]);
  expect(text).toBe('[{"__proto__":"x","a":"b"}]');
  expect(alertsText([{ ...ALERT, labels: ["__proto__", "x"] }])).toContain(
    '"labels":{"__proto__":"x"}',
  );
});

test("alerts are as Prometheus gives them", () => {
  expect(JSON.parse(alertsText([ALERT, { ...ALERT, keepFiringSinceMs: TIME_MS }]))).toEqual({
    alerts: [
      {
        labels: { alertname: "NodeDown", instance: "db1", severity: "page" },
        annotations: { summary: "db1 is down" },
        state: "firing",
        activeAt: "2026-01-06T11:46:40Z",
        value: "0e+00",
      },
      expect.objectContaining({ keepFiringSince: "2015-07-01T20:10:51.781Z" }),
    ],
  });
});

test("rules are as Prometheus gives them", () => {
  expect(JSON.parse(rulesText({ groups: [GROUP], nextToken: null }))).toEqual({
    groups: [
      {
        name: "node",
        file: "/etc/telltale/rules/node.yaml",
        interval: 1.5,
        limit: 0,
        evaluationTime: 0.002,
        lastEvaluation: "2026-01-06T11:48:20Z",
        rules: [
          {
            state: "firing",
            name: "NodeDown",
            query: "up == 0",
            duration: 60,
            keepFiringFor: 0,
            labels: { severity: "page" },
            annotations: {},
            alerts: [expect.objectContaining({ state: "firing", value: "0e+00" })],
            health: "ok",
            evaluationTime: 0.001,
            lastEvaluation: "2026-01-06T11:48:20Z",
            type: "alerting",
          },
          {
            name: "job:up:sum",
            query: "sum by (job) (up)",
            health: "unknown",
            evaluationTime: 0,
            lastEvaluation: "0001-01-01T00:00:00Z",
            type: "recording",
          },
        ],
      },
    ],
  });
});

test("a page of rules that is not the last says where the next begins", () => {
  expect(JSON.parse(rulesText({ groups: [], nextToken: "abc" }))).toEqual({
    groups: [],
    groupNextToken: "abc",
  });
});
