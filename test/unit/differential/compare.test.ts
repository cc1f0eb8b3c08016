import { expect, test } from "vitest";
import { compare } from "../../differential/compare.ts";
import type { Notice, WebhookAlert } from "../../differential/recorder.ts";

const ZERO_MS = Date.parse("2026-11-30T10:00:00Z");
const STRETCH = { zeroMs: ZERO_MS, endMs: ZERO_MS + 60_000 };
const GROUP = '{}:{alertname="x"}';

const timeOf = (seconds: number) => new Date(ZERO_MS + seconds * 1000).toISOString();

/** `name` fires since second 1; `name:5` is resolved at second 5. */
function alert(text: string): WebhookAlert {
  const [name = "", end] = text.split(":");
  return {
    status: end === undefined ? "firing" : "resolved",
    labels: { alertname: "x", name },
    annotations: {},
    startsAt: timeOf(1),
    endsAt: end === undefined ? "0001-01-01T00:00:00Z" : timeOf(Number(end)),
    fingerprint: name,
  };
}

function notice(atS: number, alerts: string, groupKey = GROUP, webhook = "r/0"): Notice {
  const body = {
    receiver: "r",
    status: "firing",
    groupKey,
    groupLabels: { alertname: "x" },
    commonLabels: {},
    commonAnnotations: {},
    alerts: alerts.split(" ").map(alert),
  };
  return { atMs: ZERO_MS + atS * 1000, webhook, body };
}

function judge(real: Notice[], ours: Notice[]) {
  const { firstDifference } = compare(real, ours, STRETCH);
  return firstDifference?.split("\n")[0] ?? null;
}

test("the same notifications at almost the same times are equal", () => {
  const real = [notice(2, "a b"), notice(7, "a b:5"), notice(9, "a", "{}:{}"), notice(9, "a")];
  const ours = [notice(2.4, "b a"), notice(9.1, "a", "{}:{}"), notice(6.5, "b:5.6 a")];
  expect(compare(real, [...ours, notice(9.9, "a")], STRETCH)).toEqual({
    real: 4,
    ours: 4,
    equal: 4,
    apartMaxMs: 900,
    firstDifference: null,
  });
});

test.each<[string, Notice[], Notice[], string]>([
  ["one is missing", [notice(2, "a"), notice(7, "a")], [notice(2, "a")], "only the real one sends"],
  ["one is too many", [], [notice(2, "a")], "only ours sends"],
  ["an alert is missing", [notice(2, "a b")], [notice(2, "a")], "not the same content"],
  ["an alert is another one", [notice(2, "a b")], [notice(2, "a c")], "not the same content"],
  ["a status differs", [notice(2, "a:1")], [notice(2, "a")], "not the same content"],
  ["it is late", [notice(2, "a")], [notice(3.1, "a")], "not at the same time"],
  ["an end differs", [notice(9, "a:5")], [notice(9, "a:7")], "endsAt 5.00 s and 7.00 s"],
])("where %s, that is the difference", (_, real, ours, why) => {
  expect(judge(real, ours)).toBe(`r/0 ${GROUP}: ${why}`);
});

test("a start and a common label must be equal too", () => {
  const one = notice(2, "a");
  const later = { ...alert("a"), startsAt: timeOf(3) };
  expect(judge([one], [{ ...one, body: { ...one.body, alerts: [later] } }])).toBe(
    `r/0 ${GROUP}: startsAt 1.00 s and 3.00 s`,
  );
  const common = { ...one, body: { ...one.body, commonLabels: { team: "db" } } };
  expect(judge([one], [common])).toBe(`r/0 ${GROUP}: not the same content`);
});

test("a start or an end that is no time differs from each that is one", () => {
  const one = notice(9, "a:5");
  const broken = { ...alert("a:5"), endsAt: "soon" };
  expect(judge([one], [{ ...one, body: { ...one.body, alerts: [broken] } }])).toMatch(/endsAt/);
});

test("webhooks and groups are compared each for itself, and the earliest difference is shown", () => {
  const real = [notice(2, "a"), notice(3, "a", GROUP, "r/1"), notice(7, "b")];
  const ours = [notice(2, "a"), notice(7, "c"), notice(2.5, "a", "{}:{}")];
  const { firstDifference, equal } = compare(real, ours, STRETCH);
  expect(equal).toBe(1);
  expect(firstDifference).toBe(
    "r/0 {}:{}: only ours sends\n" +
      "  here, real: nothing\n" +
      "  here, ours: 2.50 s firing {alertname=x name=a}",
  );
});

test("a difference is shown with what came before it", () => {
  const difference = compare(
    [notice(2, "a"), notice(7, "a b")],
    [notice(2.1, "a"), notice(7, "a")],
    STRETCH,
  ).firstDifference;
  expect(difference?.split("\n").slice(1)).toEqual([
    "  before, real: 2.00 s firing {alertname=x name=a}",
    "  before, ours: 2.10 s firing {alertname=x name=a}",
    "  here, real: 7.00 s firing {alertname=x name=a}; firing {alertname=x name=b}",
    "  here, ours: 7.00 s firing {alertname=x name=a}",
  ]);
});

test("what only one sent in the last second is left open, and no more than that", () => {
  expect(judge([notice(59.5, "a")], [])).toBeNull();
  expect(judge([], [notice(59.5, "a")])).toBeNull();
  expect(judge([notice(58.5, "a")], [])).toMatch(/only the real one sends/);
});
