import { expect, test } from "vitest";
import { parsePromql } from "../../../aggregator/promql/parse.ts";
import {
  comparePlan,
  knownMetrics,
  matchersOf,
} from "../../../aggregator/web/page/compare/compare-plan.ts";
import {
  CONTAINER_CHARTS,
  containerMatchers,
} from "../../../aggregator/web/page/containers/container-charts.ts";
import type { CHARTS } from "../../../aggregator/web/page/node/chart-plans.ts";
import { CONTAINER_QUERIES } from "../../../aggregator/web/page/node/container-queries.ts";
import { SERVICE_CHARTS } from "../../../aggregator/web/page/services/service-charts.ts";

const HOSTILE = 'a"b\\c\n}';

test("queries of containers, services and comparisons are PromQL, whatever these are called", () => {
  const service = `service=${JSON.stringify(HOSTILE)}`;
  const queriesOf = (plans: typeof CHARTS, of: string) =>
    plans.flatMap(({ lines }) => lines.map(({ query }) => query(of, "30s")));
  const compared = (["nodes", "containers"] as const).flatMap((by) =>
    [...knownMetrics(by), "node_load1", "http_requests_total"].flatMap((metric) =>
      ["", matchersOf({ instance: HOSTILE, name: HOSTILE }, by)].map(
        (of) => comparePlan(metric, by)?.expression(of, "30s") ?? "",
      ),
    ),
  );
  for (const query of [
    ...queriesOf(CONTAINER_CHARTS, containerMatchers(HOSTILE, HOSTILE)),
    ...queriesOf(SERVICE_CHARTS, service),
    ...Object.values(CONTAINER_QUERIES).map((query) => query(`${service},image!=""`)),
    ...compared.flatMap((one) => [one, `topk(8, ${one})`, `count(${one})`, `(${one}) or (${one})`]),
  ]) {
    parsePromql(query);
  }
  expect(comparePlan('x"} or up', "nodes")).toBeNull();
});
