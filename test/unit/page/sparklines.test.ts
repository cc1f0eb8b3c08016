import { expect, test } from "vitest";
import { culpritOf } from "../../../aggregator/web/page/alerts/shown-alert.ts";
import { runsOf, scaleOf } from "../../../aggregator/web/page/overview/sparklines.ts";
import { visibleRows } from "../../../aggregator/web/page/overview/visible-rows.ts";
import { addressOf, nodePath, viewOf } from "../../../aggregator/web/page/view.ts";

test("stretches of a line", () => {
  const points = [null, 1, 2, null, 3];
  expect(runsOf(points, (value) => value !== null)).toEqual([
    { from: 1, to: 3 },
    { from: 4, to: 5 },
  ]);
});

test("shares have the same scale everywhere; what hardly moves does not look busy", () => {
  expect(scaleOf("cpu", [0.1])).toBe(1);
  expect(scaleOf("network", [null, 3])).toBe(100_000);
  expect(scaleOf("network", [null, 3e6])).toBe(3e6);
});

test.each([
  [-400, 900, 1000, 0, 40],
  [0, 900, 5, 0, 5],
  [29_100, 900, 1000, 960, 1000],
  [90_000, 900, 10, 9, 10],
  [0, 900, 0, 0, 0],
])("at %s of %s pixels of %s rows, rows %s to %s are made", (top, height, count, first, end) => {
  expect(visibleRows(top, height, 30, count)).toEqual({ first, end });
});

test.each([
  [{ instance: "a", mountpoint: "/var", device: "vda1" }, ["/var"]],
  [{ instance: "a", name: "shop", image: "x" }, ["shop"]],
  [{ instance: "a", queue: "mail", alertname: "A" }, ["mail"]],
  [{}, []],
])("%j is about %j", (labels, parts) => {
  expect(culpritOf({ labels }).parts).toEqual(parts);
});

test.each(["n1", "a/b", "ä ?#%", "<img src=x>", "日本"])(
  "a node called %s has an address",
  (name) => {
    const { pathname } = new URL(nodePath(name), "http://localhost");
    expect(viewOf(pathname)).toEqual({ kind: "node", name });
  },
);

test("under a prefix a view is where the prefix says, and nowhere else", () => {
  expect(viewOf("/a/telltale/nodes/n1", "/a/telltale")).toEqual({ kind: "node", name: "n1" });
  expect(addressOf("/alerts", "/a/telltale")).toBe("/a/telltale/alerts");
  for (const path of ["/alerts", "/a/telltale", "/a/telltalex/alerts", "/a/alerts"]) {
    expect(viewOf(path, "/a/telltale").kind, path).toBe("unknown");
  }
});

test.each(["/nodes/", "/nodes/a/b", "/nodes/%E0%A4%A", "/other"])("%s shows nothing", (path) => {
  expect(viewOf(path).kind).toBe("unknown");
});
