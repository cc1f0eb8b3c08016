import { describe, expect, test } from "vitest";
import { DEFAULT_LOGQL_OPTIONS, LogqlEngine } from "../../../aggregator/logql/engine.ts";
import { DEFAULT_ENGINE_OPTIONS, PromqlEngine } from "../../../aggregator/promql/engine.ts";
import { compileForRules } from "../../../aggregator/rule-expressions.ts";
import { AlertsInMemory } from "../../../aggregator/rule-tests/alert-history.ts";
import { MemorySeries } from "../../../aggregator/rule-tests/memory-series.ts";
import { offlineDeps } from "../../../aggregator/rule-tests/offline-deps.ts";
import { parseMetric, parsePoints } from "../../../aggregator/rule-tests/series-notation.ts";
import { GroupRunner } from "../../../aggregator/rules/group.ts";
import { parseRuleFiles } from "../../../aggregator/rules/rule-files.ts";
import { formatFault } from "../../../shared/config/decode-yaml.ts";
import { labelValue } from "../../../shared/model/labels.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { alertsOf, Scene } from "./scene.ts";

const STEP_MS = 5000;

/**
 * How the alert of a rule stands, a letter an evaluation: p pending, f firing, in capitals without
 * data; E: it says how its subject ended; a dot: there is none. Values are a step apart, too.
 */
async function trace(rule: string, series: Readonly<Record<string, string>>): Promise<string> {
  const store = new MemorySeries();
  const startMs = 1_000_000;
  let steps = 0;
  for (const [name, values] of Object.entries(series)) {
    const points = parsePoints(values);
    steps = Math.max(steps, points.length);
    store.load(parseMetric(name), points, startMs, STEP_MS);
  }
  const engine = new PromqlEngine(store, DEFAULT_ENGINE_OPTIONS);
  const lines = new LogqlEngine({ select: async () => [] }, DEFAULT_LOGQL_OPTIONS);
  const text = `groups: [{ name: g, rules: [{ alert: A, ${rule} }] }]`;
  const files = [{ path: "r.yaml", text }];
  const { groups, faults } = parseRuleFiles(files, compileForRules(engine, lines));
  if (groups[0] === undefined) throw new Error(faults.map(formatFault).join("\n"));
  const alerts = new AlertsInMemory();
  const deps = offlineDeps({ clock: new FakeClock(), alerts, write: async () => {} });
  const options = { defaultIntervalMs: STEP_MS, external: { labels: [], url: "" } };
  const runner = new GroupRunner(groups[0], deps, options);
  let letters = "";
  for (let step = 0; step < steps; step += 1) {
    store.visibleToMs = startMs + step * STEP_MS;
    expect(await runner.evaluate(store.visibleToMs)).toEqual([]);
    const [alert] = alerts.alertsOf(runner.ruleIds[0] ?? "").values();
    if (alert === undefined) letters += ".";
    else if (labelValue(alert.annotations, "telltale_ended") !== "") letters += "E";
    else if (alert.state.isNoData) letters += alert.state.kind.slice(0, 1).toUpperCase();
    else letters += alert.state.kind.slice(0, 1);
  }
  return letters;
}

const USED = 'used{instance="n",job="cadvisor",id="/docker/a"}';
const ROOT = 'container_last_seen{instance="n",job="cadvisor",id="/"}';
const OWN = 'container_last_seen{instance="n",job="cadvisor",id="/docker/a",name="web"}';
const LEFT_OUT = 'telltale_agent_cgroups_left_out{instance="n",job="telltale-agent"}';
const HIGH = "expr: used > 5";

describe("an alert without data, of a container", () => {
  test.each<{ which: string; rule: string; values: [string, string, string]; expected: string }>([
    {
      which: "that ended",
      rule: HIGH,
      values: ["9x2 stale", "1x12", "1x2 stale"],
      expected: "fffFFFE......",
    },
    {
      which: "that ended, where the condition is on a sum",
      rule: "expr: 'sum by (instance, id) (used) > 5'",
      values: ["9x2 stale", "1x12", "1x2 stale"],
      expected: "fffFFFE......",
    },
    {
      which: "that ended while its alert was pending",
      rule: `${HIGH}, for: 1m`,
      values: ["9x2 stale", "1x12", "1x2 stale"],
      expected: "pppPPP.......",
    },
    {
      which: "that ended, and whose alert is held",
      rule: `${HIGH}, keep_firing_for: 10s`,
      values: ["9x2 stale", "1x12", "1x2 stale"],
      expected: "fffFFFEEE....",
    },
    {
      which: "that ended while its node was away",
      rule: HIGH,
      values: ["9x2 stale", "1x2 stale _x5 1x8", "1x2 stale"],
      expected: "fffFFFFFFFFFE.....",
    },
    {
      which: "that is started again within ten seconds",
      rule: HIGH,
      values: ["9x2 stale _ 9x3", "1x8", "1x2 stale _ 1x3"],
      expected: "fffFFffff",
    },
    {
      which: "whose node is silent, for longer than samples count",
      rule: HIGH,
      values: ["9x2 _x70", "1x2 _x70", "1x2 _x70"],
      expected: `${"f".repeat(62)}${"F".repeat(11)}`,
    },
    {
      which: "whose agent said goodbye",
      rule: HIGH,
      values: ["9x2 stale _x9", "1x2 stale", "1x2 stale"],
      expected: "fffFFFFFFFFFF",
    },
    {
      which: "whose collector failed for a while",
      rule: HIGH,
      values: ["9x2 stale _x4 9x5", "1x2 stale _x4 1x5", "1x2 stale _x4 1x5"],
      expected: "fffFFFFFffffff",
    },
    {
      which: "whose agent started again, and does not know its name yet",
      rule: HIGH,
      values: ["9x2 stale _x3 9x5", "1x2 stale _x1 1x7", "1x2 stale _x3 1x5"],
      expected: "fffFFFFffffff",
    },
  ])("$which, is $expected", async ({ rule, values: [used, root, own], expected }) => {
    expect(await trace(rule, { [USED]: used, [ROOT]: root, [OWN]: own })).toBe(expected);
  });

  test("is kept where the agent leaves cgroups out, or reports none", async () => {
    const ended = { [USED]: "9x2 stale", [ROOT]: "1x12", [OWN]: "1x2 stale" };
    expect(await trace(HIGH, { ...ended, [LEFT_OUT]: "1x12" })).toBe(`fff${"F".repeat(10)}`);
    expect(await trace(HIGH, { ...ended, [ROOT]: "_x13" })).toBe(`fff${"F".repeat(10)}`);
  });

  test("is kept where it says of no container, or of another job's things", async () => {
    const seen = { [ROOT]: "1x12", [OWN]: "1x2 stale" };
    const kept = `fff${"F".repeat(10)}`;
    const sum = "expr: sum by (instance) (used) > 5";
    expect(await trace(sum, { ...seen, [USED]: "9x2 stale" })).toBe(kept);
    const other = USED.replace("cadvisor", "disks");
    expect(await trace(HIGH, { ...seen, [other]: "9x2 stale" })).toBe(kept);
  });

  test("with no_data fire is no alert any more", async () => {
    const ended = { [USED]: "1x2 stale", [ROOT]: "1x12", [OWN]: "1x2 stale" };
    expect(await trace(`${HIGH}, no_data: fire`, ended)).toBe("...FFFE......");
    expect(await trace(`${HIGH}, no_data: fire, for: 20s`, ended)).toBe("...PPP.......");
  });

  test("of a node whose name is a query asks for that name", async () => {
    const name = String.raw`n\"} or up{a=\"`;
    const renamed = (metric: string) => metric.replace('instance="n"', `instance="${name}"`);
    const ended = { [renamed(USED)]: "9x2 stale", [renamed(ROOT)]: "1x12" };
    expect(await trace(HIGH, ended)).toBe("fffE.........");
  });

  test("tells its receivers how it ended", async () => {
    const scene = new Scene();
    const runner = await scene.open();
    const labels = { instance: "n", job: "cadvisor", id: "/docker/a" };
    const text = "expr: load > 0, annotations: { summary: s }";
    await scene.apply(runner, `groups: [{ name: g, rules: [{ alert: A, ${text} }] }]`);
    scene.set("load", 1, labels);
    scene.set('container_last_seen{instance="n"}', 1, { id: "/" });
    await scene.clock.advance(1000);
    scene.set("load", null, labels);
    await scene.clock.advance(2000);
    expect(alertsOf(runner)).toEqual([]);
    expect(scene.toldAnnotations).toEqual([
      'firing n {summary="s"}',
      'resolved n {summary="s", telltale_ended="the container or service has ended"}',
    ]);
  });
});

test.each([
  ["file system", "node_filesystem_readonly", "device", "mountpoint"],
  ["unit", "node_systemd_unit_state", "name", "type"],
])("an alert without data of a %s that is gone is resolved", async (_, metric, one, two) => {
  const of = (name: string, value: string) =>
    `${name}{instance="n",job="node",${one}="${value}",${two}="x"}`;
  const ended = { [of("used", "a")]: "9x2 stale", [of(metric, "a")]: "0x2 stale" };
  expect(await trace(HIGH, { ...ended, [of(metric, "b")]: "0x12" })).toBe("fffFFFE......");
  expect(await trace(HIGH, { ...ended, [of(metric, "b")]: "0x2 stale _x9" })).toBe(
    `fff${"F".repeat(10)}`,
  );
});

// A sample counts for five minutes: so it is a marker that makes a gap.
test.each([
  { gapMax: "", values: "9x3 stale _x1 9x3", expected: "ppppPPffff" },
  { gapMax: "gap_max: 40%, ", values: "9x3 stale _x1 9x3", expected: "ppppPPffff" },
  { gapMax: "gap_max: 20%, ", values: "9x3 stale _x1 9x7", expected: "ppppPPppppppff" },
  { gapMax: "gap_max: 20%, ", values: "9x1 stale 9x1 stale 9x7", expected: "ppPppPppppppff" },
  { gapMax: "gap_max: 0%, ", values: "9x3 stale 9x7", expected: "ppppPppppppff" },
])("a pending alert with gaps, $gapMax of $values, is $expected", async (row) => {
  const { gapMax, values, expected } = row;
  expect(await trace(`${HIGH}, ${gapMax}for: 30s`, { [USED]: values })).toBe(expected);
});
