import { expect, test } from "vitest";
import type { Delivery } from "../../../aggregator/web/page/alerts/delivery.ts";
import {
  accountOrder,
  findingsOf,
  limitsOf,
  versionsOf,
} from "../../../aggregator/web/page/system/findings.ts";
import type { SystemNode, SystemState } from "../../../aggregator/web/page/system/load-system.ts";
import {
  SYSTEM_QUERIES,
  type SystemQuery,
} from "../../../aggregator/web/page/system/system-queries.ts";

const BOOKS = { waiting: 0, dropped: {}, unaccounted: 0 };

const node = (name: string, more: Partial<SystemNode> = {}): SystemNode => ({
  ...{ name, state: "up", stateSince: null, agentVersion: "1.0.0", series: 10 },
  ...{ clockAheadMs: 0, isClockOff: false, accounting: BOOKS, logAccounting: null, ...more },
});

type Values = Partial<Record<SystemQuery, Readonly<Record<string, number>>>>;

/** Figures by the value of the label that tells their series apart. */
function stateOf(values: Values, more: Partial<SystemState> = {}): SystemState {
  const figures = Object.fromEntries(
    (Object.keys(SYSTEM_QUERIES) as SystemQuery[]).map((name) => [
      name,
      Object.entries(values[name] ?? {}).map(([label, value]) => {
        return { metric: { instance: label, receiver: label }, value: [0, `${value}`] as const };
      }),
    ]),
  ) as unknown as SystemState["figures"];
  const empty = { version: "1.0.0", nodes: [], targets: [], receivers: [], deliveries: [] };
  return { ...empty, figures, ...more };
}

const kindsOf = (state: SystemState) => findingsOf(state).map(({ kind }) => kind);

test("a system that is well has no findings", () => {
  const values = { diskFree: { x: 90 }, diskSize: { x: 100 }, lost: { a: 0 }, logLag: { a: 1 } };
  expect(findingsOf(stateOf(values, { nodes: [node("a")], receivers: ["ops"] }))).toEqual([]);
});

test("each thing that is wrong is found, the worst first", () => {
  const target = { labels: {}, scrapePool: "web", scrapeUrl: "http://a/", node: "a" };
  const delivery: Delivery = {
    ...{ time: "", receiver: "ops", integration: "webhook", firing: 1, resolved: 0 },
    ...{ answer: "HTTP 403", attempts: 1, waitedSeconds: 0, groupKey: "", outcome: "rejected" },
  };
  const state = stateOf(
    { lost: { a: 12 }, logLag: { b: 45 }, diskFree: { x: 1 }, diskSize: { x: 100 } },
    {
      nodes: [
        node("a", { isClockOff: true, clockAheadMs: -5000, agentVersion: "0.9.0" }),
        node("b", { logAccounting: { ...BOOKS, unaccounted: 3 } }),
      ],
      targets: [{ ...target, health: "down", lastError: "connection refused" }],
      receivers: ["ops"],
      deliveries: [delivery, { ...delivery, outcome: "delivered" }],
    },
  );
  expect(kindsOf(state)).toEqual([
    ...["unaccounted", "receiverRefuses", "nearLimit"],
    ...["clockOff", "lost", "logBehind", "targetDown"],
    "mixedVersions",
  ]);
  expect(findingsOf(state)[0]).toMatchObject({ subject: "b", value: 3 });
});

test("a receiver that has not answered for long is critical, one that has answered is not", () => {
  const waits = stateOf({ oldestWaiting: { ops: 301, dba: 299 } }, { receivers: ["ops", "dba"] });
  expect(findingsOf(waits)).toMatchObject([{ kind: "receiverWaits", subject: "ops", value: 301 }]);
});

test("the clock of a node that is down is not looked at", () => {
  const nodes = [node("a", { isClockOff: true, state: "down" })];
  expect(kindsOf(stateOf({}, { nodes }))).toEqual([]);
});

test("of one kind of finding only so many are listed", () => {
  const nodes = Array.from({ length: 50 }, (_, i) => node(`n${i}`, { isClockOff: true }));
  expect(kindsOf(stateOf({}, { nodes }))).toHaveLength(20);
});

test("limits stand by how near they are, and the agent with least room stands for all", () => {
  const state = stateOf(
    { memoryShare: { a: 0.5, b: 0.9 }, diskFree: { x: 30 }, diskSize: { x: 100 } },
    { nodes: [node("a")] },
  );
  const [first, second] = limitsOf(state);
  expect(first).toMatchObject({ name: "agentMemory", subject: "b", now: 0.9 });
  expect(second).toMatchObject({ name: "disk", now: 70, most: 100 });
  expect(limitsOf(stateOf({})).map(({ name }) => name)).not.toContain("disk");
});

test("books that do not balance come first, then clocks that are off, then what waits", () => {
  const names = accountOrder(
    [
      node("a"),
      node("b"),
      node("off", { isClockOff: true }),
      node("bad", { accounting: { ...BOOKS, unaccounted: 1 } }),
    ],
    (name) => (name === "b" ? 5 : 0),
  ).map(({ name }) => name);
  expect(names).toEqual(["bad", "off", "b", "a"]);
  expect(versionsOf([node("a"), node("b", { agentVersion: "2" }), node("c")])).toEqual([
    ["1.0.0", 2],
    ["2", 1],
  ]);
});
