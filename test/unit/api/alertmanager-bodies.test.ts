import { describe, expect, test } from "vitest";
import {
  readAlerts,
  readSilence,
  SchemaError,
} from "../../../aggregator/api/alertmanager-bodies.ts";
import { labelsOf } from "../../../shared/model/labels.ts";

const bytes = (value: unknown) =>
  Buffer.from(typeof value === "string" ? value : JSON.stringify(value));
const alerts = (value: unknown) => readAlerts(bytes(value));
const LABELS = { alertname: "Full" };

function refusal(read: () => unknown): { status: number; message: string } {
  try {
    read();
  } catch (error) {
    const { message } = error as Error;
    return { status: error instanceof SchemaError ? error.statusCode : 0, message };
  }
  throw new Error("nothing was refused");
}

describe("alerts", () => {
  test("as Prometheus sends them", () => {
    const posted = {
      labels: { ...LABELS, disk: "a", none: "" },
      annotations: { summary: "100 %\nfull" },
      startsAt: "2026-01-06T12:00:00.5Z",
      endsAt: "2026-01-06T14:00:00+02:00",
      generatorURL: "http://p:9090/graph?g0.expr=up",
      more: 1,
    };
    expect(alerts([{ ...posted, endsAt: "2026-01-06T14:04:00+02:00" }])).toEqual({
      alerts: [
        {
          labels: labelsOf({ alertname: "Full", disk: "a" }),
          annotations: labelsOf({ summary: "100 %\nfull" }),
          startsAtMs: Date.parse("2026-01-06T12:00:00.5Z"),
          endsAtMs: Date.parse("2026-01-06T12:04:00Z"),
          generatorUrl: "http://p:9090/graph?g0.expr=up",
        },
      ],
      problems: [],
    });
    expect(alerts([posted]).problems).toEqual(["start time must be before end time"]);
  });

  test.each([undefined, null, "", "0001-01-01T00:00:00Z"])(
    "a time may be left open: %j",
    (time) => {
      const { alerts: read } = alerts([{ labels: LABELS, startsAt: time, endsAt: time }]);
      expect(read).toMatchObject([{ startsAtMs: null, endsAtMs: null }]);
    },
  );

  test("none is none", () => {
    expect([alerts([]), alerts("null")]).toEqual(Array(2).fill({ alerts: [], problems: [] }));
  });

  test("names may be of any letters, or names that objects have", () => {
    const text = '[{"labels":{"Σ":"a","00":"b","🙂":"dΘ","__proto__":"c","constructor":"d"}}]';
    expect(alerts(text).alerts[0]?.labels).toEqual([
      "00",
      "b",
      "__proto__",
      "c",
      "constructor",
      "d",
      "Σ",
      "a",
      "🙂",
      "dΘ",
    ]);
  });

  test("those that are good are taken, and the answer names what is wrong with others", () => {
    const bad = [
      {},
      { a: "" },
      { "": "x" },
      { a: "b\u0000" },
      { "\ud83d": "x" },
      { a: "x".repeat(4097) },
    ];
    const { alerts: good, problems } = alerts([...bad, LABELS].map((labels) => ({ labels })));
    expect(good).toHaveLength(1);
    expect(problems).toEqual([
      "at least one label pair required",
      "at least one label pair required",
      'invalid label set: invalid name ""',
      'invalid label set: invalid value of "a"',
      'invalid label set: invalid name "\\ud83d"',
    ]);
  });

  test.each<[string, object]>([
    ["invalid annotations", { annotations: { "": "x" } }],
    ["invalid annotations: value of", { annotations: { a: "x".repeat(65_537) } }],
    ["generatorURL of", { generatorURL: `http://${"x".repeat(8192)}` }],
    [
      "64 are allowed",
      { labels: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`n${i}`, "v"])) },
    ],
    ["name over 256", { labels: { ["n".repeat(257)]: "v" } }],
    ["start time must be", { startsAt: "2026-01-06T12:00:01Z", endsAt: "2026-01-06T12:00:00Z" }],
  ])("left out: %s", (problem, fields) => {
    const { alerts: good, problems } = alerts([{ labels: LABELS, ...fields }]);
    expect(good).toEqual([]);
    expect(problems).toEqual([expect.stringContaining(problem)]);
  });

  test.each<[number, string, unknown]>([
    [422, "alerts in body is required", ""],
    [422, "1.labels in body is required", [{ labels: LABELS }, { annotations: {} }]],
    [422, "0.labels in body is required", [{ labels: null }]],
    [400, "parsing alerts body failed", "[{"],
    [400, "parsing alerts body failed", {}],
    [400, "0.labels: not an object", [{ labels: ["a", "b"] }]],
    [400, '0.labels: "a" is no text', [{ labels: { a: 1 } }]],
    [400, '0.startsAt: not a time: "yesterday"', [{ labels: LABELS, startsAt: "yesterday" }]],
    [400, "0.endsAt: not a time", [{ labels: LABELS, endsAt: "9999-12-31T23:59:59-12:00" }]],
    [400, "0.generatorURL: not a URI", [{ labels: LABELS, generatorURL: "no url" }]],
  ])("%i %s", (status, message, body) => {
    const refused = refusal(() => alerts(body));
    expect(refused.status).toBe(status);
    expect(refused.message).toContain(message);
  });

  test("10,000 are taken and one more is not", () => {
    const some = (length: number) => Array.from({ length }, () => ({ labels: LABELS }));
    expect(alerts(some(10_000)).alerts).toHaveLength(10_000);
    expect(refusal(() => alerts(some(10_001))).message).toBe("10001 alerts, 10000 are allowed");
  });
});

const SILENCE = {
  matchers: [{ name: "a", value: "b", isRegex: false }],
  startsAt: "2026-01-06T12:00:00Z",
  endsAt: "2026-01-06T13:00:00Z",
  createdBy: "me",
  comment: "why",
};
const silence = (fields: object) => readSilence(bytes({ ...SILENCE, ...fields }));

describe("a silence", () => {
  test("new, without a word on equality", () => {
    expect(silence({})).toEqual({
      id: null,
      matchers: [{ name: "a", type: "=", value: "b" }],
      startsAtMs: Date.parse("2026-01-06T12:00:00Z"),
      endsAtMs: Date.parse("2026-01-06T13:00:00Z"),
      createdBy: "me",
      comment: "why",
    });
  });

  test.each<[string | null, unknown]>([
    [null, ""],
    [null, null],
    ["x", "x"],
  ])("id %j is %j", (id, given) => {
    expect(silence({ id: given }).id).toBe(id);
  });

  test.each([
    ["=", false, true],
    ["!=", false, false],
    ["=~", true, true],
    ["!~", true, false],
  ])("%s", (type, isRegex, isEqual) => {
    const matchers = [{ name: "a", value: "b", isRegex, isEqual }];
    expect(silence({ matchers }).matchers).toEqual([{ name: "a", type, value: "b" }]);
  });

  test.each<[number, string, unknown]>([
    [422, "silence in body is required", ""],
    [422, "matchers in body is required", "null"],
    [
      422,
      "matchers.0.isRegex in body is required",
      { ...SILENCE, matchers: [{ name: "a", value: "b" }] },
    ],
    [422, "comment in body is required", { ...SILENCE, comment: null }],
    [422, "createdBy in body is required", { ...SILENCE, createdBy: undefined }],
    [422, "startsAt in body is required", { ...SILENCE, startsAt: undefined }],
    [400, "endsAt: not a time", { ...SILENCE, endsAt: "tomorrow" }],
    [400, "parsing silence body failed", "[]"],
    [400, "parsing silence body failed", "{"],
  ])("%i %s", (status, message, body) => {
    const refused = refusal(() => readSilence(bytes(body)));
    expect(refused.status).toBe(status);
    expect(refused.message).toContain(message);
  });
});
