import { test } from "vitest";
import { parsePromql } from "../../../aggregator/promql/parse.ts";
import { FIGURE_QUERIES } from "../../../aggregator/web/overview-queries.ts";
import { CHARTS, nodeMatchers } from "../../../aggregator/web/page/node/chart-plans.ts";

test("every query that the page asks is PromQL, for a node of any name", () => {
  const matchers = nodeMatchers('a"b\\c\n}');
  const queries = CHARTS.flatMap(({ lines }) => lines.map(({ query }) => query(matchers, "30s")));
  for (const query of [...queries, ...Object.values(FIGURE_QUERIES)]) parsePromql(query);
});
