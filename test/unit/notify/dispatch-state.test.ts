import { expect, test } from "vitest";
import {
  type DispatchedAlert,
  dispatch,
  type Routing,
} from "../../../aggregator/notify/dispatch-state.ts";
import { labelsOf } from "../../../shared/model/labels.ts";

const EXTERNAL = { labels: labelsOf({ region: "eu", job: "x" }), url: "http://t" };

type Kind = "pending" | "firing" | "ended";

function alert(kind: Kind, instance: string, notified: readonly string[] = []): DispatchedAlert {
  const since = { activeAtMs: 1000, isNoData: false };
  const state =
    kind === "pending"
      ? { kind, ...since }
      : { kind: "firing" as const, absentSinceMs: null, ...since };
  const labels = labelsOf({ alertname: "A", instance, job: "node" });
  return {
    alert: {
      ...{ source: [], labels, annotations: [], value: 1, state },
      ...{ firedAtMs: kind === "pending" ? null : 2000, query: "up == 0" },
    },
    endsAtMs: kind === "ended" ? 9000 : null,
    latenessMs: 0,
    notified,
  };
}

/** `QUEUE: status instance, …` of each request. */
function sent(alerts: readonly DispatchedAlert[], routing: Partial<Routing> | null): string[] {
  const { sends } = dispatch(alerts, { routing: routingOf(routing), external: EXTERNAL }, 9000);
  return sends.map(({ queue, notification }) => {
    const texts = notification.alerts.map((one) => {
      return `${one.status} ${one.labels[one.labels.indexOf("instance") + 1]}`;
    });
    return `${queue}: ${texts.join(", ")}`;
  });
}

const TWO = {
  webhooks: [
    { queue: "r/0", sendsResolved: true },
    { queue: "r/1", sendsResolved: false },
  ],
};

function routingOf(routing: Partial<Routing> | null): Routing | null {
  return routing === null ? null : { receiver: TWO, groupBy: ["alertname"], ...routing };
}

test.each<[string, Kind, string[], string[], string[]]>([
  ["a pending alert is nobody's", "pending", [], [], []],
  ["what fires goes to all", "firing", [], ["r/0: firing a", "r/1: firing a"], ["r/0", "r/1"]],
  ["and not again", "firing", ["r/0", "r/1"], [], ["r/0", "r/1"]],
  ["a new queue hears of it", "firing", ["r/0"], ["r/1: firing a"], ["r/0", "r/1"]],
  ["one that is gone is forgotten", "firing", ["q/0", "r/0", "r/1"], [], ["r/0", "r/1"]],
  ["an end goes to who knows it and wants it", "ended", ["r/0", "r/1"], ["r/0: resolved a"], []],
  ["an end of what nobody knows is nobody's", "ended", [], [], []],
])("%s", (_, kind, notified, expected, after) => {
  const one = alert(kind, "a", notified);
  expect(sent([one], {})).toStrictEqual(expected);
  const decision = dispatch([one], { routing: routingOf({}), external: EXTERNAL }, 9000);
  expect(decision.notified).toStrictEqual([after]);
});

test("without a routing nothing is sent, and nobody counts as notified", () => {
  const alerts = [alert("firing", "a", ["r/0"]), alert("ended", "b", ["r/0"])];
  const decision = dispatch(alerts, { routing: null, external: EXTERNAL }, 9000);
  expect(decision).toStrictEqual({ sends: [], notified: [[], []] });
});

test("alerts are grouped by labels, in their order, and cut at the bound", () => {
  const receiver = { webhooks: [{ queue: "q", sendsResolved: true }] };
  const alerts = [alert("firing", "a"), alert("ended", "b", ["q"]), alert("firing", "c")];
  const byName = ["q: firing a, resolved b, firing c"];
  expect(sent(alerts, { receiver })).toStrictEqual(byName);
  expect(sent(alerts, { receiver, groupBy: [] })).toStrictEqual(byName);
  const single = ["q: firing a", "q: resolved b", "q: firing c"];
  expect(sent(alerts, { receiver, groupBy: ["instance"] })).toStrictEqual(single);
  expect(sent(alerts, { receiver, groupBy: null })).toStrictEqual(single);
  const many = Array.from({ length: 1001 }, (_, i) => alert("firing", `n${i}`));
  expect(sent(many, { receiver }).map((text) => text.split(",").length)).toStrictEqual([1000, 1]);
});

test("receivers get external labels that the alert has none for, its expression, and how late it is", () => {
  const late = { ...alert("ended", "a", ["r/0"]), latenessMs: 754_321 };
  const decision = dispatch([late], { routing: routingOf({}), external: EXTERNAL }, 9000);
  expect(decision.sends[0]?.notification).toStrictEqual({
    timeMs: 9000,
    groupKey: '{}:{alertname="A"}',
    groupLabels: labelsOf({ alertname: "A" }),
    alerts: [
      {
        status: "resolved",
        labels: labelsOf({ alertname: "A", instance: "a", job: "node", region: "eu" }),
        annotations: labelsOf({ telltale_late: "12m34s" }),
        startsAtMs: 2000,
        endsAtMs: 9000,
        generatorUrl: "http://t/graph?g0.expr=up+%3D%3D+0&g0.tab=1",
      },
    ],
  });
});
