import { expect, test } from "vitest";
import { DEFAULT_ENGINE_OPTIONS, PromqlEngine } from "../../../aggregator/promql/engine.ts";
import { FEATURES } from "../../../aggregator/promql/features.ts";
import { parsePromql } from "../../../aggregator/promql/parse.ts";
import { runScript } from "../../conformance/promql-runner.ts";

/** What goes wrong of a script in Prometheus' own test format. */
async function failures(script: string): Promise<string[]> {
  const results = await runScript(script);
  expect(results.length).toBeGreaterThan(0);
  return results.flatMap(({ query, failure, rangeFailure }) => {
    const problem = failure ?? rangeFailure;
    return problem === null ? [] : [`${query}: ${problem}`];
  });
}

test("anchored begins with the sample before the range, smoothed with what lies between", async () => {
  const script = `
load 10s
  c_total 0 10 20 5 15 25
  g 1 2 4

eval instant at 45s increase(c_total[30s] anchored)
  {} 25

eval instant at 45s increase(c_total[30s] smoothed)
  {} 25

eval instant at 45s rate(c_total[30s] smoothed)
  {} 0.8333333333333334

eval instant at 45s resets(c_total[30s] anchored)
  {} 1

eval instant at 45s changes(c_total[10s] anchored)
  {} 1

eval instant at 15s delta(g[10s] smoothed)
  {} 1.5

eval instant at 15s g smoothed
  g 3

eval instant at 5m15s g smoothed
  g 4

eval instant at 45s deriv(c_total[30s] anchored)
  expect fail

eval instant at 15s g[10s] anchored
  expect range vector from 5s to 15s step 5s
  g 1 2 2
`;
  expect(await failures(script)).toEqual([]);
});

test("info() adds the labels of the newest info series of the same instance and job", async () => {
  const script = `
load 1m
  up{instance="a",job="x"} 1 1 1
  up{instance="b",job="x"} 1 1 1
  target_info{instance="a",job="x",version="1",os="l"} 1 stale
  target_info{instance="a",job="x",version="2",os="l"} _ 1 1
  build_info{instance="a",job="x",revision="r"} 1 1 1

eval instant at 0m info(up)
  up{instance="a",job="x",os="l",version="1"} 1
  up{instance="b",job="x"} 1

eval range from 0m to 1m step 1m info(up, {version=~".+"})
  up{instance="a",job="x",version="1"} 1
  up{instance="a",job="x",version="2"} _ 1

eval instant at 1m info(up, {__name__="build_info"})
  up{instance="a",job="x",revision="r"} 1
  up{instance="b",job="x"} 1

eval instant at 1m info(target_info)
  target_info{instance="a",job="x",version="2",os="l"} 1
`;
  expect(await failures(script)).toEqual([]);
});

test("limit_ratio and its complement share out all elements; ratios are capped with a warning", async () => {
  const series = Array.from({ length: 40 }, (_, i) => `  m{i="${i}"} 1`).join("\n");
  const script = `
load 1m
${series}

eval instant at 0m count(limit_ratio(0.4, m)) + count(limit_ratio(-0.6, m))
  {} 40

eval instant at 0m limit_ratio(0.4, m) and limit_ratio(-0.6, m)

eval instant at 0m count(limit_ratio(1.5, m))
  expect warn msg: PromQL warning: ratio value should be between -1 and 1, got 1.5, capping to 1 (1:19)
  {} 40

eval instant at 0m limit_ratio(NaN, m)
  expect fail

eval instant at 0m limit_ratio(0, m)
`;
  expect(await failures(script)).toEqual([]);
});

test("numbers as labels, NaN and infinite bounds, factors beyond 0 and 1 are as in Prometheus", async () => {
  const script = `
load 10s
  small 1e-7
  large 1e21
  x{v="a",w="1"} 5
  x{v="b",w="1"} 6
  odd NaN
  line 1 2 3

eval instant at 0 count_values("v", small)
  {v="0.0000001"} 1

eval instant at 0 count_values("v", large)
  {v="1000000000000000000000"} 1

eval instant at 0 count_values without (v) ("v", x)
  {w="1"} 2

eval instant at 0 clamp_min(odd, Inf)
  {} Inf

eval instant at 0 clamp_max(odd, -Inf)
  {} -Inf

eval instant at 0 clamp_min(x, NaN)
  {v="a",w="1"} NaN
  {v="b",w="1"} NaN

eval instant at 20s double_exponential_smoothing(line[1m], 0, 0.5)
  expect fail

eval instant at 20s double_exponential_smoothing(line[1m], 0.5, 1)
  expect fail

eval instant at 20s double_exponential_smoothing(line[1m], 0.5, 2)
  expect fail

eval instant at 20s double_exponential_smoothing(none[1m], 2, 2)

eval instant at 0 year(odd)
  {} 292277026596

eval instant at 1m rate(line[1m])[1m:30s]
  expect range vector from 30s to 1m step 30s
  {} 0.058333333333333334 0.041666666666666664
`;
  expect(await failures(script)).toEqual([]);
});

test("counts of buckets that fall are levelled, and the info says which and how far", async () => {
  const script = `
load 1m
  h_bucket{le="1"} 10 10
  h_bucket{le="2"} 8 10
  h_bucket{le="5"} 7 10
  h_bucket{le="+Inf"} 20 20

eval instant at 0m histogram_quantile(0.5, h_bucket)
  expect info msg: PromQL info: input to histogram_quantile needed to be fixed for monotonicity (see https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile) for metric name "h_bucket", from buckets 2 to 5, with a max diff of 3, over 1 samples from 1970-01-01T00:00:00Z to 1970-01-01T00:00:00Z (1:25)
  {} 1
`;
  expect(await failures(script)).toEqual([]);
});

test.each([
  ["limitk(1, up)", "promql-experimental-functions"],
  ["info(up)", "promql-experimental-functions"],
  ["rate(up[5m + 1m])", "promql-duration-expr"],
  ["up offset step()", "promql-duration-expr"],
  ["sum(rate(up[5m] anchored))", "promql-extended-range-selectors"],
  ["up + fill(0) up", "promql-binop-fill-modifiers"],
] as const)("%s needs the feature %s", (query, feature) => {
  const source = { select: async () => [] };
  const expr = parsePromql(query);
  const others = new Set(FEATURES.filter((one) => one !== feature));
  const without = new PromqlEngine(source, { ...DEFAULT_ENGINE_OPTIONS, features: others });
  expect(() => without.check(expr)).toThrow(`query.features: [${feature}]`);
  const features = new Set([feature]);
  new PromqlEngine(source, { ...DEFAULT_ENGINE_OPTIONS, features }).check(expr);
});
