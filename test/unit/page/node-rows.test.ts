import { expect, test } from "vitest";
import {
  alertsByNode,
  levelOf,
  nodeOrder,
} from "../../../aggregator/web/page/overview/node-rows.ts";
import { overviewOf } from "./overviews.ts";

const ALL = { filter: "", sort: "worst", state: "" } as const;
const namesOf = (...args: Parameters<typeof nodeOrder>) =>
  nodeOrder(...args).map((place) => args[0].nodes.name[place]);

test("silent nodes come first, then those with alerts, then the strained, then those that left", () => {
  const overview = overviewOf(
    [
      { name: "calm", cpu: 0.1 },
      { name: "full", disk: 0.97 },
      { name: "gone", state: "left" },
      { name: "silent", state: "down" },
      { name: "warned", cpu: 0.2 },
      { name: "worst", cpu: 0.2 },
    ],
    [
      { instance: "warned", severity: "warning" },
      { instance: "worst", severity: "critical" },
    ],
  );
  expect(namesOf(overview, ALL, alertsByNode(overview))).toEqual([
    ...["silent", "worst", "warned", "full", "calm", "gone"],
  ]);
});

test("a little more or less moves no row", () => {
  const overview = overviewOf([
    { name: "a", cpu: 0.31 },
    { name: "b", cpu: 0.32 },
  ]);
  expect(namesOf(overview, ALL, new Map())).toEqual(["a", "b"]);
  expect(namesOf(overview, { ...ALL, sort: "cpu" }, new Map())).toEqual(["b", "a"]);
});

test("every word of the filter has to be in the name, and the state has to be the chosen one", () => {
  const overview = overviewOf([
    { name: "web-Berlin-1" },
    { name: "web-paris-1", state: "down" },
    { name: "db-berlin-1" },
  ]);
  const chosen = (filter: string, state = "") =>
    namesOf(overview, { ...ALL, filter, state }, new Map());
  expect(chosen(" berlin  web ")).toEqual(["web-Berlin-1"]);
  expect(chosen("", "down")).toEqual(["web-paris-1"]);
  expect(chosen("rome")).toEqual([]);
});

test("an alert that is silenced makes no node worse", () => {
  const overview = overviewOf([{ name: "a" }], [{ instance: "a", severity: "critical" }]);
  overview.alerts.silencedBy = [["id"]];
  expect(alertsByNode(overview).size).toBe(0);
});

test.each([
  ["cpu", null, "none"],
  ["cpu", 0.5, "good"],
  ["disk", 0.86, "high"],
  ["memory", 0.95, "full"],
  ["network", 1e9, "good"],
] as const)("%s of %s is %s", (figure, value, level) => {
  expect(levelOf(figure, value)).toBe(level);
});
