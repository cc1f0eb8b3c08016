import { expect, test } from "vitest";
import { matchRoutes } from "../../../../aggregator/notify/dispatch/match-routes.ts";
import type { Route } from "../../../../aggregator/notify/routing.ts";
import { labelsOf } from "../../../../shared/model/labels.ts";
import { readConfig } from "./reading.ts";

const REST = `
receivers: [{ name: a }, { name: b }, { name: c }, { name: d }]
time_intervals: [{ name: night, time_intervals: [{}] }, { name: day, time_intervals: [{}] }]
`;

function rootOf(route: string): Route {
  return readConfig(`route:\n${route}\n${REST}`).root;
}

function receiversFor(root: Route, labels: Record<string, string>): string[] {
  return matchRoutes(root, labelsOf(labels)).map(({ receiver }) => receiver);
}

test("what a file does not say has Alertmanager's defaults", () => {
  expect(rootOf("  receiver: a")).toMatchObject({
    key: "{}",
    receiver: "a",
    groupBy: [],
    groupWaitMs: 30_000,
    groupIntervalMs: 300_000,
    repeatIntervalMs: 14_400_000,
    continues: false,
    muteTimes: [],
    activeTimes: [],
    routes: [],
  });
});

test("a route has what its parent has, but for times and what it says itself", () => {
  const root = rootOf(`
  receiver: a
  group_by: [alertname, cluster]
  group_wait: 0s
  group_interval: 1m
  repeat_interval: 1h
  routes:
    - matchers: [x=1]
      mute_time_intervals: [night]
      active_time_intervals: [day]
      continue: true
      routes:
        - { matchers: [y=2], receiver: b, group_by: [], group_wait: 5s, repeat_interval: 2h }
        - { matchers: [y=3], receiver: "", group_by: ["..."], routes: [{ match: { z: 1 } }] }
`);
  const [child] = root.routes;
  const inherited = { groupBy: ["alertname", "cluster"], groupWaitMs: 0, groupIntervalMs: 60_000 };
  expect(child).toMatchObject({
    ...inherited,
    receiver: "a",
    repeatIntervalMs: 3_600_000,
    continues: true,
    muteTimes: ["night"],
    activeTimes: ["day"],
  });
  expect(child?.routes).toMatchObject([
    {
      receiver: "b",
      groupBy: [],
      groupWaitMs: 5000,
      groupIntervalMs: 60_000,
      repeatIntervalMs: 7_200_000,
      continues: false,
      muteTimes: [],
      activeTimes: [],
    },
    { receiver: "a", groupBy: null, groupWaitMs: 0, routes: [{ groupBy: null, receiver: "a" }] },
  ]);
});

test("a route's key has the matchers from the root on, in order, as Alertmanager writes them", () => {
  const root = rootOf(`
  receiver: a
  routes:
    - matchers: ['{zone="x y",app!="b"}', 'app="a"']
      match: { team: core, version: 1.10, on: true, none: }
      match_re: { service: foo|bar }
      routes:
        - matchers: ['"a b"=~"x.*"']
`);
  const key =
    '{}/{app="a",app!="b",none="",on="true",service=~"^(?:foo|bar)$",team="core",' +
    'version="1.10",zone="x y"}';
  expect(root.routes[0]?.key).toBe(key);
  expect(root.routes[0]?.routes[0]?.key).toBe(`${key}/{"a b"=~"x.*"}`);
  const labels = { app: "a", on: "true", service: "bar", team: "core", version: "1.10" };
  expect(root.routes[0]?.test.matches(labelsOf({ ...labels, zone: "x y" }))).toBe(true);
  expect(root.routes[0]?.test.matches(labelsOf({ ...labels, service: "xbar" }))).toBe(false);
});

test("an alert takes the first child that takes it, and further ones after `continue`", () => {
  const root = rootOf(`
  receiver: a
  routes:
    - { matchers: [x=~"1|2"], receiver: b, continue: true }
    - matchers: [x=~"2|3"]
      receiver: c
      routes:
        - { matchers: [y=1], receiver: d, continue: true }
        - { matchers: [y=~"1|2"], receiver: b }
    - { matchers: [x=~".*"], receiver: d }
`);
  expect(receiversFor(root, { x: "1" })).toEqual(["b", "d"]);
  expect(receiversFor(root, { x: "2" })).toEqual(["b", "c"]);
  expect(receiversFor(root, { x: "3" })).toEqual(["c"]);
  expect(receiversFor(root, { x: "3", y: "1" })).toEqual(["d", "b"]);
  expect(receiversFor(root, { x: "3", y: "2" })).toEqual(["b"]);
  expect(receiversFor(root, { x: "4" })).toEqual(["d"]);
});

test("an alert that no child takes stays with the parent", () => {
  const root = rootOf(`
  receiver: a
  routes:
    - { matchers: [x=1], receiver: b, continue: true }
`);
  expect(receiversFor(root, {})).toEqual(["a"]);
  expect(receiversFor(root, { x: "1" })).toEqual(["b"]);
});

test("names may be any UTF-8", () => {
  const root = rootOf(
    "  receiver: a\n  group_by: [foo🙂, '00', k8s.pod]\n  routes: [{ matchers: [foo🙂=bar], receiver: b }]",
  );
  expect(root.groupBy).toEqual(["foo🙂", "00", "k8s.pod"]);
  expect(receiversFor(root, { "foo🙂": "bar" })).toEqual(["b"]);
});

test.each([
  ["group_wait: 1s", "1: route.receiver: root route must specify a default receiver"],
  ["receiver: a\n  match: { x: 1 }", "1: route: root route must not have any matchers"],
  ["receiver: x", '2: route.receiver: undefined receiver "x" used in route'],
  ["receiver: a\n  continue: perhaps", "3: route.continue: must be true or false"],
  ["receiver: a\n  group_interval: 0s", "3: route.group_interval: group_interval cannot be zero"],
  ["receiver: a\n  group_wait: soon", "3: route.group_wait: Not a duration"],
  ["receiver: a\n  group_by: ['...', a]", "3: route.group_by: cannot have wildcard group_by"],
  ["receiver: a\n  group_by: ['']", 'route.group_by[0]: invalid label name "" in group_by list'],
  ["receiver: a\n  routes: [{ match: { a-b: c } }]", 'match.a-b: invalid label name "a-b"'],
  ["receiver: a\n  routes: [{ match_re: { a: '(' } }]", "match_re.a: Not a regular expression"],
  ["receiver: a\n  routes: [{ matchers: ['a=~\"(\"'] }]", "matchers[0]: Not a regular expression"],
  ["receiver: a\n  routes: [{ matchers: [ab] }]", "routes[0].matchers[0]: Matchers 1:3: expected"],
  [
    "receiver: a\n  routes: [{ match: { __proto__: x } }]",
    "the label __proto__ goes into matchers",
  ],
  ["receiver: a\n  routes: [{ match: [x] }]", "3: route.routes[0].match: Invalid input"],
  ["receiver: a\n  routes: [{ colour: red }]", "3: route.routes[0].colour: unknown key"],
])("%s is refused", (route, message) => {
  expect(() => rootOf(`  ${route}`)).toThrow(message);
});

test("routes are nested and counted up to a bound", () => {
  const nested = (depth: number) =>
    `  receiver: a\n  routes: ${"[{ routes: ".repeat(depth)}[]${" }]".repeat(depth)}`;
  expect(rootOf(nested(49)).routes).toHaveLength(1);
  expect(() => rootOf(nested(50))).toThrow("routes are nested over 50 deep");
  const many = `  receiver: a\n  routes: [${"{},".repeat(5000)}]`;
  expect(() => rootOf(many)).toThrow("route.routes: over 5000 routes");
});
