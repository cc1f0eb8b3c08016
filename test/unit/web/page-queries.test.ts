import { test } from "vitest";
import { parsePromql } from "../../../aggregator/promql/parse.ts";
import { FIGURE_QUERIES } from "../../../aggregator/web/overview-queries.ts";
import { narrowed } from "../../../aggregator/web/page/alerts/expression-parts.ts";
import { CHARTS, nodeMatchers } from "../../../aggregator/web/page/node/chart-plans.ts";
import { SYSTEM_QUERIES } from "../../../aggregator/web/page/system/system-queries.ts";

test("every query that the page asks is PromQL, for a node of any name", () => {
  const matchers = nodeMatchers('a"b\\c\n}');
  const queries = CHARTS.flatMap(({ lines }) => lines.map(({ query }) => query(matchers, "30s")));
  const others = [...Object.values(FIGURE_QUERIES), ...Object.values(SYSTEM_QUERIES)];
  const ofAlert = narrowed("up", { instance: 'a"b\\c\n}$1', path: "" });
  for (const query of [...queries, ...others, ofAlert]) parsePromql(query);
});
