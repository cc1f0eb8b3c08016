import { expect, test } from "vitest";
import { runScript } from "../../conformance/promql-runner.ts";

/** `TIME QUERY → LINE; LINE` to a case of Prometheus' own test format. */
function caseOf(text: string): string {
  const [query = "", expected = ""] = text.trim().split(" → ");
  const lines = expected === "nothing" ? [] : expected.split("; ");
  const kind = query.startsWith("from ") ? "range" : "instant at";
  return [`eval ${kind} ${query}`, ...lines].join("\n  ");
}

/** What Prometheus' own files do not reach: the cases that go wrong over these series. */
async function failures(series: string, cases: string): Promise<string[]> {
  const all = cases.trim().split("\n").map(caseOf);
  const results = await runScript([`load 10s${series}`, ...all].join("\n\n"));
  expect(results).toHaveLength(all.length);
  return results.flatMap(({ query, failure, rangeFailure }) => {
    const problem = failure ?? rangeFailure;
    return problem === null ? [] : [`${query}: ${problem}`];
  });
}

test("aggregations: by and without, NaN, infinities, ties", async () => {
  const series = `
    a{g="x",i="1"} 1
    a{g="x",i="2"} 3
    a{g="y",i="1"} NaN
    a{g="y",i="2"} -5
    big{i="1"} 1e308
    big{i="2"} 1e308
    ends{i="1"} Inf
    ends{i="2"} -Inf`;
  const cases = `
    0 sum by (g) (a) → {g="x"} 4; {g="y"} NaN
    0 avg without (i) (a) → {g="x"} 2; {g="y"} NaN
    0 min by (g) (a) → {g="x"} 1; {g="y"} -5
    0 max(a) → {} 3
    0 count(a) → {} 4
    0 group(a) → {} 1
    0 stddev(a{g="x"}) → {} 1
    0 stdvar(a{g="x"}) → {} 1
    0 avg(big) → {} 1e308
    0 sum(big) → {} Inf
    0 sum(ends) → {} NaN
    0 quantile(0.5, a{g="x"}) → {} 2
    0 quantile(2, a{g="x"}) → expect warn; {} Inf
    0 topk(1, a) by (g) → a{g="x",i="2"} 3; a{g="y",i="2"} -5
    0 bottomk(2, a) → expect ordered; a{g="y",i="2"} -5; a{g="x",i="1"} 1
    0 topk(-1, a) → nothing
    0 topk(NaN, a) → expect fail
    0 count(limitk(2, a)) → {} 2
    0 count_values("v", a) → {v="1"} 1; {v="3"} 1; {v="NaN"} 1; {v="-5"} 1
    0 count_values("", a) → expect fail
    from 0 to 10s step 10s sum(nothing) → nothing`;
  expect(await failures(series, cases)).toEqual([]);
});

test("functions of single values", async () => {
  const series = `
    v 1.55
    n -4
    t 1709210096`;
  const cases = `
    0 round(v, 0.1) → {} 1.6
    0 sgn(n) → {} -1
    0 sqrt(n) → {} NaN
    0 exp(ln(v)) → {} 1.55
    0 log2(v * 0 + 8) → {} 3
    0 log10(v * 0 + 100) → {} 2
    0 deg(v * 0 + pi()) → {} 180
    0 rad(v * 0 + 180) - pi() → {} 0
    0 year(t) → {} 2024
    0 month(t) → {} 2
    0 day_of_month(t) → {} 29
    0 day_of_week(t) → {} 4
    0 day_of_year(t) → {} 60
    0 days_in_month(t) → {} 29
    0 hour(t) → {} 12
    0 minute(t) → {} 34
    0 year(t * NaN) → {} 292277026596
    0 1 ^ NaN → 1
    0 scalar(nothing) → NaN
    0 label_replace(v, "x", "\${1}-$b$$", "__name__", "(?P<b>v)") → v{x="v-v$"} 1.55
    0 label_replace(v, "x", "[$2]", "__name__", "(v)") → v{x="[]"} 1.55
    0 label_join(v, "x", "-", "__name__", "none") → v{x="v-"} 1.55`;
  expect(await failures(series, cases)).toEqual([]);
});

test("functions of ranges", async () => {
  const series = `
    c_total 0 10 20 5 15 25 35
    g 1 5 2 8 4
    line 0+2x10
    flat 3 3 3`;
  const cases = `
    60s delta(g[1m]) → {} -1.5
    40s idelta(g[1m]) → {} -4
    60s irate(c_total[1m]) → {} 1
    30s irate(c_total[1m]) → {} 0.5
    60s increase(c_total[1m]) → {} 54
    100s deriv(line[1m]) → {} 0.2
    100s predict_linear(line[1m], 50) → {} 30
    20s deriv(flat[1m]) → {} 0
    40s quantile_over_time(0.5, g[1m]) → {} 4
    40s mad_over_time(g[1m]) → {} 2
    40s stddev_over_time(g[1m]) → {} 2.4494897427831779
    40s stdvar_over_time(g[1m]) → {} 6
    40s absent_over_time(g[1m]) → nothing
    40s absent_over_time(none{a="b"}[1m]) → {a="b"} 1
    from 0 to 60s step 30s absent_over_time(flat[15s]) → {} _ _ 1
    40s double_exponential_smoothing(line[1m], 0.5, 0.5) → {} 8
    60s max_over_time(rate(c_total[20s])[1m:10s]) → {} 1`;
  expect(await failures(series, cases)).toEqual([]);
});

test("vector matching: who meets whom, and what is refused", async () => {
  const series = `
    m{a="1",b="1"} 1
    m{a="1",b="2"} 2
    o{a="1",c="x"} 10
    p{a="1",c="y"} 20`;
  const cases = `
    0 m * on (a) group_left (c) o → {a="1",b="1",c="x"} 10; {a="1",b="2",c="x"} 20
    0 o < on (a) group_right (c) m → nothing
    0 o > on (a) group_right (c) m → m{a="1",b="1",c="x"} 10; m{a="1",b="2",c="x"} 10
    0 m + on (a) o → expect fail
    0 o + on (a) m → expect fail
    0 m + on (a) group_left {c=~".+"} → expect fail
    0 m + on (b) nothing → nothing
    0 m unless on (a) o → nothing
    0 m and on (b) o → nothing
    0 o or p → o{a="1",c="x"} 10; p{a="1",c="y"} 20
    0 o or on (a) p → o{a="1",c="x"} 10
    0 abs({c=~".+"}) or m → {a="1",c="x"} 10; {a="1",c="y"} 20; m{a="1",b="1"} 1; m{a="1",b="2"} 2`;
  expect(await failures(series, cases)).toEqual([]);
});

test("classic histograms: order, repair and the lack of an upper end", async () => {
  const series = `
    h_bucket{le="0.5"} 4
    h_bucket{le="1"} 8
    h_bucket{le="+Inf"} 10
    f_bucket{le="1"} 5
    f_bucket{le="2"} 4
    f_bucket{le="+Inf"} 8
    e_bucket{le="1"} 5`;
  const cases = `
    0 histogram_quantile(0.6, h_bucket) → {} 0.75
    0 histogram_quantile(0.95, h_bucket) → {} 1
    0 histogram_fraction(0, 1, h_bucket) → {} 0.8
    0 histogram_quantile(0.5, f_bucket) → expect info; {} 0.8
    0 histogram_quantile(0.5, e_bucket) → {} NaN
    0 histogram_quantile(-1, h_bucket) → expect warn; {} -Inf`;
  expect(await failures(series, cases)).toEqual([]);
});
