import { expect, test } from "vitest";
import {
  builtInRules,
  filesInForce,
  shippedRulesPaths,
} from "../../../aggregator/built-in-rules.ts";
import { DEFAULT_LOGQL_OPTIONS, LogqlEngine } from "../../../aggregator/logql/engine.ts";
import { DEFAULT_ENGINE_OPTIONS, PromqlEngine } from "../../../aggregator/promql/engine.ts";
import { compileForRules } from "../../../aggregator/rule-expressions.ts";

test("the built-in rules are good rules, with the limit of the configuration", () => {
  const engine = new PromqlEngine({ select: async () => [] }, DEFAULT_ENGINE_OPTIONS);
  const lines = new LogqlEngine({ select: async () => [] }, DEFAULT_LOGQL_OPTIONS);
  const [group, ...others] = builtInRules(2500, compileForRules(engine, lines));
  expect(others).toStrictEqual([]);
  expect(group).toMatchObject({ file: "built-in", name: "telltale", intervalMs: 5000 });
  const texts = group?.rules.map(({ name, expr }) => `${name}: ${expr.query}`);
  expect(texts).toStrictEqual([
    'TelltaleClockOffset: abs(telltale_node_clock_offset_seconds{job="telltale"}) > 2.5',
  ]);
  expect(group?.rules).toMatchObject([{ forMs: 10_000, keepFiringForMs: 0, noData: "resolve" }]);
});

test("a rule file of the same name takes the place of the one that is shipped", () => {
  const [shipped, services] = shippedRulesPaths().map((path) => ({ path, text: "shipped" }));
  if (shipped === undefined || services === undefined) throw new Error("two files are shipped");
  const other = { path: "/etc/telltale/rules/other.yaml", text: "" };
  const own = { path: "/etc/telltale/rules/telltale.yaml", text: "own" };
  expect(filesInForce([other, shipped, services])).toEqual([other, shipped, services]);
  expect(filesInForce([own, other, shipped, services])).toEqual([own, other, services]);
  expect(filesInForce([own])).toEqual([own]);
});
