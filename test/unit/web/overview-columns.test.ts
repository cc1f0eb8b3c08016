import { expect, test } from "vitest";
import type { NodeStatus } from "../../../aggregator/model/node.ts";
import type { ShownAlert } from "../../../aggregator/model/notification.ts";
import { alertColumns, nodeColumns, rounded } from "../../../aggregator/web/overview-columns.ts";
import { labelsOf } from "../../../shared/model/labels.ts";

function node(name: string, state: NodeStatus["state"]): NodeStatus {
  return {
    ...{ name, state, stateSinceMs: 5, agentVersion: "", address: "", lastTickMs: 0 },
    ...{ framesStored: 0, framesDuplicate: 0, framesRejected: 0, framesMissing: 0, series: 0 },
    ...{ accounting: null, logAccounting: null, clockAheadMs: null, isClockOff: false },
  };
}

function alert(name: string, over: Partial<ShownAlert> = {}, severity = "warning"): ShownAlert {
  return {
    labels: labelsOf({ alertname: name, severity }),
    annotations: labelsOf({ summary: `${name}!` }),
    ...{ startsAtMs: 100, endsAtMs: 0, updatedAtMs: 0, generatorUrl: "", fingerprint: name },
    ...{ receivers: [], state: "active", silencedBy: [], inhibitedBy: [], mutedBy: [] },
    ...{ acknowledgedBy: "", acknowledgeComment: "", ...over },
  };
}

const NO_FIGURES = { cpu: [], memory: [], disk: [], network: [], load: [] };

test("nodes stand by name, and a figure goes to the node of its instance", () => {
  const cpu = [
    { labels: labelsOf({ instance: "b" }), value: 0.256 },
    { labels: labelsOf({ instance: "stranger" }), value: 1 },
  ];
  const columns = nodeColumns([node("b", "up"), node("a", "up")], { ...NO_FIGURES, cpu });
  expect(columns.name).toEqual(["a", "b"]);
  expect(columns.cpu).toEqual([null, 0.26]);
});

test("a node that is silent has no figures, though its last samples are still seen", () => {
  const cpu = [{ labels: labelsOf({ instance: "a" }), value: 0.5 }];
  expect(nodeColumns([node("a", "down")], { ...NO_FIGURES, cpu }).cpu).toEqual([null]);
});

test.each([
  ["cpu", 0.12345, 0.12],
  ["cpu", 1.02, 1],
  ["memory", -0.01, 0],
  ["network", 123_456, 120_000],
  ["load", 3.149, 3.1],
  ["disk", Number.NaN, null],
  ["disk", undefined, null],
] as const)("%s %s is told as %s", (figure, value, expected) => {
  expect(rounded(figure, value)).toBe(expected);
});

test("first what nobody sees to, then by severity, then what began last", () => {
  const columns = alertColumns(
    [
      alert("muted", { state: "suppressed", silencedBy: ["s"] }, "critical"),
      alert("acknowledged", { acknowledgedBy: "ann" }, "critical"),
      alert("old"),
      alert("new", { startsAtMs: 200 }),
      alert("bad", {}, "critical"),
      alert("odd", {}, "sev9"),
    ],
    [
      {
        id: "s",
        endsAtMs: 900,
        matchers: [],
        startsAtMs: 0,
        updatedAtMs: 0,
        createdBy: "",
        comment: "",
      },
    ],
  );
  expect(columns.fingerprint).toEqual(["bad", "new", "old", "odd", "acknowledged", "muted"]);
  expect(columns.silencedUntilMs).toEqual([0, 0, 0, 0, 0, 900]);
});

test("of alerts that are too many, or too long, the worst are told, with how many there are", () => {
  const many = Array.from({ length: 1500 }, (_, i) => alert(`a${i}`));
  expect(alertColumns(many, [])).toMatchObject({ total: 1500, fingerprint: { length: 1000 } });
  const long = Array.from({ length: 100 }, (_, i) =>
    alert(`a${i}`, { labels: labelsOf({ x: "y".repeat(60_000) }) }),
  );
  expect(alertColumns(long, []).fingerprint).toHaveLength(17);
});

test("a label may be called __proto__", () => {
  const labels = ["__proto__", "x", "alertname", "y"];
  const { labels: shown } = alertColumns([alert("a", { labels })], []);
  expect(JSON.stringify(shown)).toBe('[{"__proto__":"x","alertname":"y"}]');
});
