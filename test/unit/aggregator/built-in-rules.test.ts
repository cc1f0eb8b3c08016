import { expect, test } from "vitest";
import { builtInRules } from "../../../aggregator/built-in-rules.ts";
import { DEFAULT_ENGINE_OPTIONS, PromqlEngine } from "../../../aggregator/promql/engine.ts";
import { compileForRules } from "../../../aggregator/queries.ts";

test("the built-in rules are good rules, with the limit of the configuration", () => {
  const engine = new PromqlEngine({ select: async () => [] }, DEFAULT_ENGINE_OPTIONS);
  const [group, ...others] = builtInRules(2500, compileForRules(engine));
  expect(others).toStrictEqual([]);
  expect(group).toMatchObject({ file: "built-in", name: "telltale", intervalMs: 5000 });
  const texts = group?.rules.map(({ name, expr }) => `${name}: ${expr.query}`);
  expect(texts).toStrictEqual([
    'TelltaleAccountingMismatch: {__name__=~"telltale_node_(frames|log_blocks)_unaccounted",job="telltale"} != 0',
    'TelltaleLogFileStalled: telltale_agent_log_stalled_files{job="telltale-agent"} > 0',
    'TelltaleClockOffset: abs(telltale_node_clock_offset_seconds{job="telltale"}) > 2.5',
  ]);
  expect(group?.rules).toMatchObject([
    { forMs: 30_000, keepFiringForMs: 0, noData: "keep" },
    { forMs: 30_000, keepFiringForMs: 0, noData: "keep" },
    { forMs: 10_000, keepFiringForMs: 0, noData: "resolve" },
  ]);
});
