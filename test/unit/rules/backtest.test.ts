import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { backtestRuleFiles } from "../../../aggregator/offline-rules.ts";
import { DEFAULT_ENGINE_OPTIONS, PromqlEngine } from "../../../aggregator/promql/engine.ts";
import { parsePromql } from "../../../aggregator/promql/parse.ts";
import { MemorySeries } from "../../../aggregator/rule-tests/memory-series.ts";
import type { AskRange } from "../../../aggregator/rule-tests/range-walk.ts";
import { parseMetric, parsePoints } from "../../../aggregator/rule-tests/series-notation.ts";
import { formatLabels } from "../../../shared/model/labels.ts";

/** Series by name and notation, a second apart; what is asked of them is noted. */
function stored(series: Readonly<Record<string, string>>) {
  const store = new MemorySeries();
  for (const [name, values] of Object.entries(series)) {
    store.load(parseMetric(name), parsePoints(values), 0, 1000);
  }
  const engine = new PromqlEngine(store, DEFAULT_ENGINE_OPTIONS);
  const asked: string[] = [];
  const ask: AskRange = async (query, steps) => {
    asked.push(`${query} ${steps.startMs / 1000}..${steps.endMs / 1000}`);
    const { series } = await engine.range(parsePromql(query), steps);
    return series.map(({ labels, times, values }) => {
      return { labels, timesMs: [...times], values: [...values] };
    });
  };
  return { ask, asked };
}

function ruleFile(rules: string): string {
  const directory = mkdtempSync(join(tmpdir(), "telltale-backtest-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const path = join(directory, "rules.yaml");
  writeFileSync(path, `groups:\n- name: g\n  interval: 1s\n  rules:\n${rules}`);
  return path;
}

async function episodes(rules: string, series: Readonly<Record<string, string>>, endS: number) {
  const { ask } = stored(series);
  const span = { startMs: 0, endMs: endS * 1000, stepMs: null };
  const results = await backtestRuleFiles([ruleFile(rules)], span, ask);
  return results.flatMap(({ rule, episodes, error }) => [
    ...episodes.map(({ labels, fromMs, untilMs }) => {
      return `${formatLabels(labels)} ${fromMs / 1000}..${untilMs === null ? "" : untilMs / 1000}`;
    }),
    ...(error === null ? [] : [`${rule}: ${error}`]),
  ]);
}

test("an alert fires after its time, and as long as it is held", async () => {
  const rules = `  - {alert: High, expr: "x > 1", for: 2s, keep_firing_for: 3s}
  - {record: y, expr: x}
`;
  // It holds from 2 to 5, from 10 to 11 and from 14 on.
  const series = { 'x{a="1"}': "0x1 2x3 0x3 2x1 0x1 2x9" };
  expect(await episodes(rules, series, 20)).toEqual([
    '{a="1", alertname="High"} 4..9',
    '{a="1", alertname="High"} 16..',
  ]);
});

test("what its data's end means to an alert is what its rule says", async () => {
  const series = { 'x{a="1"}': "2x3 stale" };
  const rule = (noData: string) => `  - {alert: High, expr: x > 1, no_data: ${noData}}\n`;
  expect(await episodes(rule("keep"), series, 20)).toEqual(['{a="1", alertname="High"} 0..']);
  expect(await episodes(rule("resolve"), series, 20)).toEqual(['{a="1", alertname="High"} 0..4']);
});

test("templates ask for what was there at the time", async () => {
  const rules = `  - alert: High
    expr: x > 1
    labels: {y: '{{ query "y" | first | value }}'}
`;
  const series = { x: "2x1 0x1 2x1", y: "1x3 5x5" };
  expect(await episodes(rules, series, 5)).toEqual([
    '{alertname="High", y="1"} 0..2',
    '{alertname="High", y="5"} 4..',
  ]);
});

test("a rule that fails says why, and the others go on", async () => {
  const rules = `  - {alert: Broken, expr: "x + on() y"}
  - {alert: High, expr: x > 1}
  - {alert: Lines, expr: 'sum(count_over_time({job="a"} |= "b" [1m])) > 1'}
`;
  const series = { x: "2x3", 'y{a="1"}': "1x3", 'y{a="2"}': "1x3" };
  expect(await episodes(rules, series, 3)).toEqual([
    expect.stringMatching(/^Broken: .*several elements of the right side/),
    '{alertname="High"} 0..',
    "Lines: rules on log lines cannot be tested back",
  ]);
});

test("a long time is asked for in stretches that join", async () => {
  const { ask, asked } = stored({ x: "0x4990 2x30 0x20000" });
  const path = ruleFile("  - {alert: High, expr: x > 1}\n");
  const span = { startMs: 0, endMs: 12_000_500, stepMs: null };
  const [result] = await backtestRuleFiles([path], span, ask);
  expect(result?.episodes.map(({ fromMs, untilMs }) => [fromMs, untilMs])).toEqual([
    [4_991_000, 5_022_000],
  ]);
  expect(asked.filter((one) => one.startsWith("x > 1"))).toEqual([
    "x > 1 0..5000",
    "x > 1 5001..10001",
    "x > 1 10002..12000",
  ]);
});

test("too many steps are refused, and faults are named", async () => {
  const { ask } = stored({});
  const span = { startMs: 0, endMs: 2e9, stepMs: 1000 };
  const good = ruleFile("  - {alert: High, expr: x > 1}\n");
  await expect(backtestRuleFiles([good], span, ask)).rejects.toThrow("over 1000000 steps");
  const bad = ruleFile("  - {alert: High}\n");
  await expect(backtestRuleFiles([bad], span, ask)).rejects.toThrow(
    "rules[0].expr: expr must be set",
  );
});
