import { expect, test } from "vitest";
import {
  alertsText,
  errorBody,
  queryBody,
  rulesText,
  seriesListText,
} from "../../../aggregator/api/prometheus-json.ts";
import type { AlertSnapshot, RuleGroupSnapshot } from "../../../aggregator/model/rule-snapshot.ts";
import { labelsOf, NO_LABELS } from "../../../shared/model/labels.ts";

const TIME_MS = 1_435_781_451_781;
const UP = labelsOf({ __name__: "up", instance: 'a"b\n', job: "node" });

const ALERT: AlertSnapshot = {
  state: "firing",
  labels: labelsOf({ alertname: "High", instance: "web1" }),
  annotations: labelsOf({ summary: "too high" }),
  activeAtMs: TIME_MS,
  keepFiringSinceMs: null,
  value: 1,
  isNoData: false,
};

const GROUP: RuleGroupSnapshot = {
  name: "node",
  file: "/etc/telltale/rules/node.yaml",
  intervalMs: 1500,
  limit: 0,
  lastEvaluationMs: TIME_MS,
  evaluationSeconds: 0.002,
  rules: [
    {
      type: "alerting",
      name: "High",
      query: "load > 1",
      labels: labelsOf({ severity: "page" }),
      health: "ok",
      lastError: "",
      lastEvaluationMs: TIME_MS,
      evaluationSeconds: 0.001,
      state: "firing",
      forMs: 60_000,
      keepFiringForMs: 0,
      annotations: NO_LABELS,
      alerts: [ALERT],
    },
    {
      type: "recording",
      name: "job:load:sum",
      query: "sum by (job) (load)",
      labels: NO_LABELS,
      health: "unknown",
      lastError: "",
      lastEvaluationMs: 0,
      evaluationSeconds: 0,
    },
  ],
};

test("a vector has its time in seconds and its values as texts", () => {
  const samples = [
    { labels: UP, value: 1 },
    { labels: NO_LABELS, value: Number.NaN },
  ];
  expect(queryBody({ type: "vector", timeMs: TIME_MS, samples, warnings: [] })).toBe(
    '{"status":"success","data":{"resultType":"vector","result":[' +
      '{"metric":{"__name__":"up","instance":"a\\"b\\n","job":"node"},"value":[1435781451.781,"1"]},' +
      '{"metric":{},"value":[1435781451.781,"NaN"]}]}}',
  );
});

test("a matrix has its points as pairs", () => {
  const times = Float64Array.of(1000, 2500);
  const values = Float64Array.of(0.5, Number.POSITIVE_INFINITY);
  const series = [{ labels: labelsOf({ a: "b" }), times, values }];
  expect(queryBody({ type: "matrix", series, warnings: ["careful"] })).toBe(
    '{"status":"success","data":{"resultType":"matrix","result":[' +
      '{"metric":{"a":"b"},"values":[[1,"0.5"],[2.500,"+Inf"]]}]},"warnings":["careful"]}',
  );
});

test("a scalar and a string are one point", () => {
  expect(queryBody({ type: "scalar", timeMs: 1000, value: 1e21, warnings: [] })).toBe(
    '{"status":"success","data":{"resultType":"scalar","result":[1,"1000000000000000000000"]}}',
  );
  expect(queryBody({ type: "string", timeMs: 1000, value: '"', warnings: [] })).toBe(
    '{"status":"success","data":{"resultType":"string","result":[1,"\\""]}}',
  );
});

test("an empty result is an empty list", () => {
  expect(JSON.parse(queryBody({ type: "vector", timeMs: 0, samples: [], warnings: [] }))).toEqual({
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
  expect(JSON.parse(alertsText([ALERT, { ...ALERT, keepFiringSinceMs: TIME_MS + 1000 }]))).toEqual({
    alerts: [
      {
        labels: { alertname: "High", instance: "web1" },
        annotations: { summary: "too high" },
        state: "firing",
        activeAt: "2015-07-01T20:10:51.781Z",
        value: "1e+00",
      },
      expect.objectContaining({ keepFiringSince: "2015-07-01T20:10:52.781Z" }),
    ],
  });
});

test("rules are as Prometheus gives them", () => {
  expect(JSON.parse(rulesText([GROUP], null))).toEqual({
    groups: [
      {
        name: "node",
        file: "/etc/telltale/rules/node.yaml",
        interval: 1.5,
        limit: 0,
        evaluationTime: 0.002,
        lastEvaluation: "2015-07-01T20:10:51.781Z",
        rules: [
          {
            state: "firing",
            name: "High",
            query: "load > 1",
            duration: 60,
            keepFiringFor: 0,
            labels: { severity: "page" },
            annotations: {},
            alerts: [expect.objectContaining({ state: "firing", value: "1e+00" })],
            health: "ok",
            evaluationTime: 0.001,
            lastEvaluation: "2015-07-01T20:10:51.781Z",
            type: "alerting",
          },
          {
            name: "job:load:sum",
            query: "sum by (job) (load)",
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

test("the rules of one type are given alone", () => {
  const typesOf = (only: "alert" | "record") =>
    JSON.parse(rulesText([GROUP], only)).groups[0].rules.map((rule: { type: string }) => rule.type);
  expect(typesOf("alert")).toEqual(["alerting"]);
  expect(typesOf("record")).toEqual(["recording"]);
});
