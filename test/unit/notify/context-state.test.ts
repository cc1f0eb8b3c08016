import { describe, expect, test } from "vitest";
import type { NotifiedAlert } from "../../../aggregator/model/notification.ts";
import {
  aboutAlert,
  changesText,
  clean,
  linesText,
  linkTo,
  logQueries,
  ownElement,
  type SeenNow,
  sparklineText,
  topText,
  withContext,
} from "../../../aggregator/notify/context-state.ts";
import { labelsOf } from "../../../shared/model/labels.ts";

const NOW_MS = Date.parse("2026-01-06T12:00:00Z");

const sample = (labels: Record<string, string>, value: number) => ({
  labels: labelsOf(labels),
  value,
});

describe("an alert is about", () => {
  test.each([
    [{ instance: "n1" }, { node: "n1" }],
    [
      { instance: "n1", name: "web", id: "/docker/abc" },
      { node: "n1", container: "web" },
    ],
    [
      { instance: "n1", name: "nginx.service" },
      { node: "n1", unit: "nginx.service" },
    ],
    [
      { instance: "n1", id: "/system.slice/db.service" },
      { node: "n1", unit: "db.service" },
    ],
    [{ container: "web", command: "node" }, { container: "web" }],
    [{ service: "shop" }, { service: "shop" }],
  ])("%j: %j", (labels, expected) => {
    const nothing = { node: "", container: "", unit: "", service: "" };
    expect(aboutAlert(labelsOf(labels as Record<string, string>))).toEqual({
      ...nothing,
      ...expected,
    });
  });
});

test("lines of what the alert is about come first, then those of its node", () => {
  const level = ' | detected_level=~"error|critical|fatal" or level=~"error|critical|fatal"';
  const about = aboutAlert(labelsOf({ instance: "n1", name: 'w"$&' }));
  expect(logQueries(about)).toEqual([
    String.raw`{container="w\"$&", instance="n1"}${level}`,
    String.raw`{instance="n1", container!="w\"$&"}${level}`,
  ]);
  expect(logQueries(aboutAlert(labelsOf({ service: "shop" })))).toEqual([
    `{service="shop"}${level}`,
  ]);
  expect(logQueries(aboutAlert([]))).toEqual([]);
});

test("those that use most CPU time and most memory take turns", () => {
  const cpu = [
    ...[1, 2, 3, 4].map((n) => sample({ command: `busy${n}` }, n / 2)),
    sample({ command: "idle" }, 0),
  ];
  const memory = [
    sample({ command: "fat", container: "db" }, 3.4 * 1024 ** 3),
    sample({ command: "busy4" }, 500),
    sample({ command: "busy3" }, 20 * 1024 ** 2),
  ];
  expect(topText(cpu, memory).split("\n")).toEqual([
    "busy4: 2.00 cores, 500 B",
    "fat in db: 0.00 cores, 3.4 GiB",
    "busy3: 1.50 cores, 20 MiB",
    "busy2: 1.00 cores, 0 B",
    "busy1: 0.50 cores, 0 B",
  ]);
  expect(topText([], [])).toBe("");
});

describe("what changed", () => {
  const secondsAgo = (s: number) => NOW_MS / 1000 - s;
  const container = (name: string, image: string, startedAgoS: number) =>
    sample({ name, image, id: `/docker/${name}${startedAgoS}` }, secondsAgo(startedAgoS));
  const NOTHING: SeenNow = { started: [], info: [], units: [], boot: [], agent: [] };
  const about = aboutAlert(labelsOf({ instance: "n1", name: "web" }));

  test("is said of containers, units, the node and its agent, the alert's own first", () => {
    const before = {
      started: [container("old", "i:1", 9000), container("web", "i:1", 8000)],
      info: [],
    };
    const now: SeenNow = {
      started: [
        container("old", "i:1", 9000),
        container("web", "i:2", 60),
        container("new", "i:1", 30),
      ],
      info: [],
      units: [sample({ name: "a.service" }, secondsAgo(10)), sample({ name: "b.service" }, 5000)],
      boot: [sample({}, secondsAgo(3000))],
      agent: [sample({}, secondsAgo(20))],
    };
    expect(changesText(before, now, about, NOW_MS).split("\n")).toEqual([
      "11:59:00Z container web started with a new image: i:2, before i:1",
      "11:10:00Z node booted",
      "11:59:40Z agent restarted",
      "11:59:50Z a.service started",
      "11:59:30Z container new started",
    ]);
  });

  test.each([
    ["restarted", "", "sha256:a"],
    ["restarted", "sha256:a", "sha256:a"],
    ["restarted", "sha256:a", ""],
    ["started with a new image: another i:1", "sha256:a", "sha256:b"],
  ])("of a container that %s: its digest was '%s' and is '%s'", (what, was, is) => {
    const info = (digest: string) => [sample({ name: "web", image_digest: digest }, 1)];
    const before = { started: [container("web", "i:1", 8000)], info: info(was) };
    const now = { ...NOTHING, started: [container("web", "i:1", 60)], info: info(is) };
    expect(changesText(before, now, about, NOW_MS)).toBe(`11:59:00Z container web ${what}`);
  });

  test("is not what began before the last hour, or at no time", () => {
    const boot = [sample({}, secondsAgo(3601)), sample({}, Number.NaN), sample({}, 1e300)];
    const now = { ...NOTHING, boot };
    expect(changesText({ started: [], info: [] }, now, about, NOW_MS)).toBe("");
  });
});

describe("a sparkline", () => {
  test.each([
    [[0, 1, 2, 3.5, 7], "▁▂▃▅█ 0 to 7, last 7, in 5m"],
    [[null, 2, 2, Number.NaN], "·▁▁· 2, last 2, in 5m"],
    [[-1e308, 1e308, 0], "▁█▅ -1e+308 to 1e+308, last 0, in 5m"],
    [[1 / 3], "▁ 0.3333, last 0.3333, in 5m"],
    [[null, Number.POSITIVE_INFINITY], ""],
  ])("of %j is %s", (values, expected) => expect(sparklineText(values, "5m")).toBe(expected));

  test("is of the element that the alert was made of", () => {
    const element = (labels: Record<string, string>) => ({ labels: labelsOf(labels) });
    const [all, one, other] = [
      element({}),
      element({ __name__: "load", a: "1" }),
      element({ a: "2" }),
    ];
    const labels = labelsOf({ alertname: "x", a: "1", b: "2" });
    expect(ownElement([all, one, other], labels)).toBe(one);
    expect(ownElement([other], labels)).toBeNull();
  });
});

test("a link has all labels, encoded, and is left out where it would be too long", () => {
  const link = linkTo(labelsOf({ alertname: 'a "b"&', "dotted.name": "ü" }), "http://t:1");
  expect(link.startsWith("http://t:1/#/alerts?filter=%7B")).toBe(true);
  expect(decodeURIComponent(link.split("filter=")[1] ?? "")).toBe(
    '{alertname="a \\"b\\"&","dotted.name"="ü"}',
  );
  expect(linkTo(labelsOf({ a: "x" }), "")).toBe("");
  expect(linkTo(labelsOf({ a: "x".repeat(2000) }), "http://t:1")).toBe("");
  expect(linkTo(labelsOf({ a: "\ud800" }), "http://t:1")).toContain("%5Cud800");
});

describe("hostile text", () => {
  test.each([
    ["\u001b[31mred\u001b[0m plain", "red plain"],
    ["\u001b]0;title\u0007x", "x"],
    ["a\r\nb\tc\0d", "a b c d"],
    ["a\u2028b\u202ec", "a b c"],
    ["half \ud83d", "half"],
    ["<b>&amp;</b>", "<b>&amp;</b>"],
    ["x".repeat(1_000_000), `${"x".repeat(19)}…`],
    ["😀".repeat(21), `${"😀".repeat(19)}…`],
    ["\u001b[".repeat(100_000), "…"],
  ])("case %#", (text, expected) => expect(clean(text, 20)).toBe(expected));

  test("in log lines makes no further lines, and none that are long", () => {
    const lines = Array.from({ length: 9 }, (_, i) => ({
      stream: labelsOf({ container: `web\n${"w".repeat(300)}` }),
      timeUs: NOW_MS * 1000 - i,
      line: `${i}\n\u001b[1mboom\n${"y".repeat(1_000_000)}`,
    }));
    const text = linesText([lines]);
    expect(text.split("\n")).toHaveLength(5);
    for (const line of text.split("\n")) {
      expect(line).toMatch(/^11:59:59Z web w+…: \d boom y+…$/);
      expect(line.length).toBeLessThanOrEqual(200);
    }
    expect(text.startsWith("11:59:59Z")).toBe(true);
    expect(text.split("\n")[0]).toContain(": 8 boom"); // the oldest first
  });
});

test("annotations that are there stay, and an empty text adds none", () => {
  const alert: NotifiedAlert = {
    ...{ status: "firing", labels: [], startsAtMs: 0, endsAtMs: null, generatorUrl: "" },
    annotations: labelsOf({ summary: "s", telltale_logs: "of the one before" }),
  };
  const texts = [["processes", "p"] as const, ["logs", ""] as const];
  const { annotations } = withContext(alert, texts);
  expect(annotations).toEqual(
    labelsOf({ summary: "s", telltale_logs: "of the one before", telltale_top_processes: "p" }),
  );
  expect(withContext(alert, [["logs", ""]])).toBe(alert);
});
