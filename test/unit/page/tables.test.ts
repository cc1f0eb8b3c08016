import { expect, test } from "vitest";
import { secondsText } from "../../../aggregator/web/page/services/seconds-text.ts";
import {
  badness,
  type Service,
  stateOf,
} from "../../../aggregator/web/page/services/service-rows.ts";
import {
  type Column,
  chosenColumns,
  columnsText,
  rowOrder,
} from "../../../aggregator/web/page/table/columns.ts";
import { containerPath, servicePath, viewOf } from "../../../aggregator/web/page/view.ts";

type Row = { readonly name: string; readonly size: number | null };

const column = (key: string, value: Column<Row>["valueOf"], isExtra = false): Column<Row> => ({
  ...{ key, title: key, width: "1fr", valueOf: value, cell: () => null },
  ...(isExtra ? { isExtra } : {}),
});
const NAME = column("name", ({ name }) => name);
const SIZE = column("size", ({ size }) => size);
const COLUMNS = [NAME, SIZE, column("extra", () => null, true)];
const ROWS: readonly Row[] = [
  { name: "beta", size: 1 },
  { name: "alpha", size: null },
  { name: "gamma ray", size: 3 },
];

function order(filter: string, by: Column<Row> | undefined, isReversed = false): string {
  const places = rowOrder(ROWS, ({ name }) => name, filter, by, isReversed);
  return places.map((place) => ROWS[place]?.name[0]).join("");
}

test("numbers are sorted from the greatest, texts from A, and what is not known stands last", () => {
  expect(order("", SIZE)).toBe("gba");
  expect(order("", SIZE, true)).toBe("bga");
  expect(order("", NAME)).toBe("abg");
  expect(order("", NAME, true)).toBe("gba");
  expect(order("", undefined)).toBe("bag");
});

test("every word of the filter has to be there", () => {
  expect(order("RAY gam", NAME)).toBe("g");
  expect(order("ray beta", NAME)).toBe("");
});

test("a link names the columns; the first is always there, the usual ones need no word", () => {
  const keys = (text: string) => chosenColumns(COLUMNS, text).map(({ key }) => key);
  expect(keys("")).toEqual(["name", "size"]);
  expect(keys("extra,__proto__")).toEqual(["name", "extra"]);
  expect(keys("none")).toEqual(["name"]);
  for (const chosen of [["size"], ["extra"], ["size", "extra"], []]) {
    expect(keys(columnsText(COLUMNS, new Set(chosen)))).toEqual(["name", ...chosen]);
  }
  expect(columnsText(COLUMNS, new Set(["size"]))).toBe("");
});

test.each([
  [null, "–"],
  [0, "0 s"],
  [0.0123, "12.3 ms"],
  [0.9999, "1 s"],
  [2, "2 s"],
  [0.0000004, "0.4 µs"],
])("%s seconds read as %s", (seconds, text) => {
  expect(secondsText("en", seconds)).toBe(text);
});

const NONE = { containers: 0, units: 0, targets: 0, targetsUp: 0, alerts: [] };
const service = (given: object) =>
  ({
    ...{ requestsPerSecond: null, errorRatio: null, latencyP95Seconds: null },
    ...{ latencyMeanSeconds: null, ...NONE, ...given },
  }) as unknown as Service;

test("the state of a service is the worst that is known of it, and the worst is sorted first", () => {
  const services = [
    service({ containers: 1, alerts: [{ name: "A" }] }),
    service({ targets: 2, targetsUp: 1, errorRatio: 1 }),
    service({ containers: 1, errorRatio: 0.5 }),
    service({ containers: 1, latencyP95Seconds: 3 }),
    service({ requestsPerSecond: 0 }),
    service({}),
  ];
  const states = ["alerting", "down", "good", "good", "good", "unknown"];
  expect(services.map(stateOf)).toEqual(states);
  const ranks = services.map(badness);
  expect(ranks).toEqual(ranks.toSorted((a, b) => b - a));
});

test.each([
  ["a/b", "c d"],
  ["ä?#%", "<img src=x>"],
  ["nodes", "日本"],
])("a container %s of the node %s has an address, and a service too", (node, name) => {
  const of = (path: string) => viewOf(new URL(path, "http://localhost").pathname);
  expect(of(containerPath(node, name))).toEqual({ kind: "container", node, name });
  expect(of(servicePath(name))).toEqual({ kind: "service", name });
});

test.each(["/containers/a", "/containers/a/b/c", "/services/a/b", "/constructor", "/compare/"])(
  "%s shows nothing",
  (path) => {
    expect(viewOf(path).kind).toBe("unknown");
  },
);
