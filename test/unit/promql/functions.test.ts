import { expect, test } from "vitest";
import { runScript } from "../../conformance/promql-runner.ts";

/** Scripts in the format of Prometheus' own tests: what its files here do not reach. */
async function failures(script: string): Promise<string[]> {
  const results = await runScript(script);
  expect(results.length).toBeGreaterThan(0);
  return results.flatMap(({ line, query, failure, rangeFailure }) => {
    const problem = failure ?? rangeFailure;
    return problem === null ? [] : [`${line}: ${query}: ${problem}`];
  });
}

test("aggregations: by and without, NaN, infinities, ties", async () => {
  const script = `load 10s
  a{g="x",i="1"} 1
  a{g="x",i="2"} 3
  a{g="y",i="1"} NaN
  a{g="y",i="2"} -5
  big{i="1"} 1e308
  big{i="2"} 1e308
  ends{i="1"} Inf
  ends{i="2"} -Inf

eval instant at 0 sum by (g) (a)
  {g="x"} 4
  {g="y"} NaN

eval instant at 0 avg without (i) (a)
  {g="x"} 2
  {g="y"} NaN

eval instant at 0 min by (g) (a)
  {g="x"} 1
  {g="y"} -5

eval instant at 0 max(a)
  {} 3

eval instant at 0 count(a)
  {} 4

eval instant at 0 group(a)
  {} 1

eval instant at 0 stddev(a{g="x"})
  {} 1

eval instant at 0 stdvar(a{g="x"})
  {} 1

eval instant at 0 avg(big)
  {} 1e308

eval instant at 0 sum(big)
  {} Inf

eval instant at 0 sum(ends)
  {} NaN

eval instant at 0 quantile(0.5, a{g="x"})
  {} 2

eval instant at 0 quantile(2, a{g="x"})
  expect warn
  {} Inf

eval instant at 0 topk(1, a) by (g)
  a{g="x",i="2"} 3
  a{g="y",i="2"} -5

eval instant at 0 bottomk(2, a)
  expect ordered
  a{g="y",i="2"} -5
  a{g="x",i="1"} 1

eval instant at 0 topk(-1, a)

eval instant at 0 topk(NaN, a)
  expect fail

eval instant at 0 count(limitk(2, a))
  {} 2

eval instant at 0 count_values("v", a)
  {v="1"} 1
  {v="3"} 1
  {v="NaN"} 1
  {v="-5"} 1

eval instant at 0 count_values("", a)
  expect fail

eval range from 0 to 10s step 10s sum(nothing)`;
  expect(await failures(script)).toEqual([]);
});

test("functions of single values", async () => {
  const script = `load 10s
  v 1.55
  n -4
  t 1709210096

eval instant at 0 round(v, 0.1)
  {} 1.6

eval instant at 0 sgn(n)
  {} -1

eval instant at 0 sqrt(n)
  {} NaN

eval instant at 0 exp(ln(v))
  {} 1.55

eval instant at 0 log2(v * 0 + 8)
  {} 3

eval instant at 0 log10(v * 0 + 100)
  {} 2

eval instant at 0 deg(v * 0 + pi())
  {} 180

eval instant at 0 rad(v * 0 + 180) - pi()
  {} 0

eval instant at 0 year(t)
  {} 2024

eval instant at 0 month(t)
  {} 2

eval instant at 0 day_of_month(t)
  {} 29

eval instant at 0 day_of_week(t)
  {} 4

eval instant at 0 day_of_year(t)
  {} 60

eval instant at 0 days_in_month(t)
  {} 29

eval instant at 0 hour(t)
  {} 12

eval instant at 0 minute(t)
  {} 34

eval instant at 0 year(t * NaN)
  {} NaN

eval instant at 0 1 ^ NaN
  1

eval instant at 0 scalar(nothing)
  NaN

eval instant at 0 label_replace(v, "x", "\${1}-$b$$", "__name__", "(?P<b>v)")
  v{x="v-v$"} 1.55

eval instant at 0 label_replace(v, "x", "[$2]", "__name__", "(v)")
  v{x="[]"} 1.55

eval instant at 0 label_join(v, "x", "-", "__name__", "none")
  v{x="v-"} 1.55`;
  expect(await failures(script)).toEqual([]);
});

test("functions of ranges", async () => {
  const script = `load 10s
  c_total 0 10 20 5 15 25 35
  g 1 5 2 8 4
  line 0+2x10
  flat 3 3 3

eval instant at 60s delta(g[1m])
  {} -1.5

eval instant at 40s idelta(g[1m])
  {} -4

eval instant at 60s irate(c_total[1m])
  {} 1

eval instant at 30s irate(c_total[1m])
  {} 0.5

eval instant at 60s increase(c_total[1m])
  {} 54

eval instant at 100s deriv(line[1m])
  {} 0.2

eval instant at 100s predict_linear(line[1m], 50)
  {} 30

eval instant at 20s deriv(flat[1m])
  {} 0

eval instant at 40s quantile_over_time(0.5, g[1m])
  {} 4

eval instant at 40s mad_over_time(g[1m])
  {} 2

eval instant at 40s stddev_over_time(g[1m])
  {} 2.4494897427831779

eval instant at 40s stdvar_over_time(g[1m])
  {} 6

eval instant at 40s absent_over_time(g[1m])

eval instant at 40s absent_over_time(none{a="b"}[1m])
  {a="b"} 1

eval range from 0 to 60s step 30s absent_over_time(flat[15s])
  {} _ _ 1

eval instant at 40s double_exponential_smoothing(line[1m], 0.5, 0.5)
  {} 8

eval instant at 60s max_over_time(rate(c_total[20s])[1m:10s])
  {} 1`;
  expect(await failures(script)).toEqual([]);
});

test("vector matching: who meets whom, and what is refused", async () => {
  const script = `load 10s
  m{a="1",b="1"} 1
  m{a="1",b="2"} 2
  o{a="1",c="x"} 10
  p{a="1",c="y"} 20

eval instant at 0 m * on (a) group_left (c) o
  {a="1",b="1",c="x"} 10
  {a="1",b="2",c="x"} 20

eval instant at 0 o < on (a) group_right (c) m

eval instant at 0 o > on (a) group_right (c) m
  m{a="1",b="1",c="x"} 10
  m{a="1",b="2",c="x"} 10

eval instant at 0 m + on (a) o
  expect fail

eval instant at 0 o + on (a) m
  expect fail

eval instant at 0 m + on (a) group_left {c=~".+"}
  expect fail

eval instant at 0 m + on (b) nothing

eval instant at 0 m unless on (a) o

eval instant at 0 m and on (b) o

eval instant at 0 o or p
  o{a="1",c="x"} 10
  p{a="1",c="y"} 20

eval instant at 0 o or on (a) p
  o{a="1",c="x"} 10

eval instant at 0 abs({c=~".+"}) or m
  {a="1",c="x"} 10
  {a="1",c="y"} 20
  m{a="1",b="1"} 1
  m{a="1",b="2"} 2`;
  expect(await failures(script)).toEqual([]);
});

test("classic histograms: order, repair and the lack of an upper end", async () => {
  const script = `load 10s
  h_bucket{le="0.5"} 4
  h_bucket{le="1"} 8
  h_bucket{le="+Inf"} 10
  f_bucket{le="1"} 5
  f_bucket{le="2"} 4
  f_bucket{le="+Inf"} 8
  e_bucket{le="1"} 5

eval instant at 0 histogram_quantile(0.6, h_bucket)
  {} 0.75

eval instant at 0 histogram_quantile(0.95, h_bucket)
  {} 1

eval instant at 0 histogram_fraction(0, 1, h_bucket)
  {} 0.8

eval instant at 0 histogram_quantile(0.5, f_bucket)
  expect info
  {} 0.8

eval instant at 0 histogram_quantile(0.5, e_bucket)
  {} NaN

eval instant at 0 histogram_quantile(-1, h_bucket)
  expect warn
  {} -Inf`;
  expect(await failures(script)).toEqual([]);
});
