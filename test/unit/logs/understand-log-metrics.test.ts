import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { z } from "zod";
import { LogMetric } from "../../../aggregator/logs/understand/log-metrics.ts";
import { logMetric, logMetrics } from "../../../aggregator/logs/understand/log-metrics-config.ts";
import type { MetricRecord } from "../../../aggregator/logs/understand/metric-table.ts";
import { decodeYaml, formatFault } from "../../../shared/config/decode-yaml.ts";
import { formatLabels, labelsKey, withLabel } from "../../../shared/model/labels.ts";

const PAYMENTS: z.input<typeof logMetric> = {
  name: "payments_cents_total",
  type: "counter",
  pattern: "paid by (?P<method>\\w+), (?P<cents>-?[\\d.e+]+) cents",
  labels: ["method"],
  value: "cents",
};
const create = (config: z.input<typeof logMetric>) => new LogMetric(logMetric.parse(config));
const at = (service: string) => ({ instance: "n1", service });
/** Of what is stored; the node of all is left out. */
const samplesOf = ({ table }: LogMetric) => {
  table.settle(true);
  return [...table.series()].flatMap(({ labels, values }) =>
    labels.map((one, i) => `${formatLabels(withLabel(one, "instance", ""))} ${values[i]}`),
  );
};

test("a counter adds what lines say, by label and service", () => {
  const metric = create(PAYMENTS);
  metric.add(at("shop"), "order 1 paid by card, 250 cents");
  metric.add(at("shop"), "order 2 paid by card, 50.5 cents");
  metric.add(at("shop"), "order 3 paid by cash, 1e2 cents");
  metric.add(at(""), "order 4 paid by cash, 1 cents");
  metric.add(at("shop"), "order 5 refused");
  expect(samplesOf(metric)).toEqual([
    'payments_cents_total{method="card", service="shop"} 300.5',
    'payments_cents_total{method="cash", service="shop"} 100',
    'payments_cents_total{method="cash"} 1',
  ]);
});

test("a counter without a value counts lines", () => {
  const metric = create({ name: "timeouts_total", type: "counter", pattern: "(?i)timed? ?out" });
  for (const line of ["Timeout", "timed out", "in time"]) metric.add(at("a"), line);
  expect(samplesOf(metric)).toEqual(['timeouts_total{service="a"} 2']);
});

test("a gauge has the last value, a histogram its buckets", () => {
  const gauge = create({ name: "q", type: "gauge", pattern: "q=(?P<v>\\S+)", value: "v" });
  for (const line of ["q=3", "q=-2.5"]) gauge.add(at(""), line);
  expect(samplesOf(gauge)).toEqual(["q -2.5"]);
  const histogram = create({
    ...{ name: "t", type: "histogram", pattern: "t=(?P<v>\\S+)", value: "v", buckets: [1, 2] },
  });
  for (const line of ["t=1", "t=1.5", "t=9"]) histogram.add(at(""), line);
  expect(samplesOf(histogram)).toEqual([
    't_bucket{le="1"} 1',
    't_bucket{le="2"} 2',
    't_bucket{le="+Inf"} 3',
    "t_count 3",
    "t_sum 11.5",
  ]);
});

test("a value that is no number, or makes a counter go back, is left out and counted", () => {
  const metric = create(PAYMENTS);
  for (const text of ["..", "-1", "1e400", "e", "1.2.3"])
    metric.add(at(""), `paid by a, ${text} cents`);
  expect([metric.notNumbers, samplesOf(metric)]).toEqual([5, []]);
});

test("label sets beyond the bound are left out and counted", () => {
  const metric = create({ ...PAYMENTS, series_max: 2 });
  for (const method of ["a", "b", "c", "a"]) metric.add(at(""), `paid by ${method}, 1 cents`);
  expect(metric.table.leftOut).toBe(1);
  expect(samplesOf(metric).length).toBe(2);
});

test("batches that fail and restarts change nothing", () => {
  const double = fc.double({ min: 0, max: 1e9, noNaN: true });
  const steps = fc.oneof(
    fc.array(double, { minLength: 1, maxLength: 5 }).map((values) => ({ kind: "write", values })),
    fc.array(double, { minLength: 1, maxLength: 5 }).map((values) => ({ kind: "fail", values })),
    fc.constant({ kind: "restart", values: [] as number[] }),
  );
  fc.assert(
    fc.property(fc.array(steps, { maxLength: 30, size: "max" }), (all) => {
      const config = { ...PAYMENTS, pattern: "(?P<method>[ab]) (?P<cents>.*)" };
      let metric = create(config);
      const whole = create(config);
      const stored = new Map<string, MetricRecord>();
      for (const { kind, values } of all) {
        if (kind === "restart") {
          metric = create(config);
          for (const record of stored.values()) expect(metric.table.load(record)).toBe(true);
        }
        for (const value of values) {
          const line = `${value > 5e8 ? "a" : "b"} ${value}`;
          metric.add(at("s"), line);
          if (kind === "write") whole.add(at("s"), line);
        }
        const changes = metric.table.changes();
        metric.table.settle(kind === "write");
        if (kind !== "write") continue;
        for (const record of changes) stored.set(labelsKey(record.labels), record);
      }
      expect(samplesOf(metric).sort()).toEqual(samplesOf(whole).sort());
      expect(stored.size).toBe(samplesOf(whole).length);
    }),
  );
});

test("nothing is seen before it is stored", () => {
  const metric = create(PAYMENTS);
  const seen = () => [...metric.table.series()].map(({ values }) => values[0]);
  metric.add(at("shop"), "paid by card, 1 cents");
  metric.table.settle(true);
  metric.add(at("shop"), "paid by card, 2 cents");
  metric.add(at("shop"), "paid by cash, 5 cents");
  expect(seen()).toEqual([1]);
  metric.table.settle(false);
  expect(seen()).toEqual([1]);
  metric.add(at("shop"), "paid by card, 2 cents");
  metric.table.settle(true);
  expect(seen()).toEqual([3]);
});

test("a histogram whose buckets were changed begins anew", () => {
  const config = { name: "t", type: "histogram", pattern: "(?P<v>\\d)", value: "v" } as const;
  const before = create({ ...config, buckets: [1, 2] });
  before.add(at(""), "1");
  const after = create({ ...config, buckets: [1] });
  for (const record of before.table.changes()) expect(after.table.load(record)).toBe(false);
  expect(samplesOf(after)).toEqual([]);
});

test("a pattern that would take for ever elsewhere and a long line take a moment", () => {
  const metric = create({ name: "a", type: "counter", pattern: "(a+)+$" });
  const before = process.cpuUsage();
  metric.add(at(""), `${"a".repeat(2 ** 20)}b`);
  const { user, system } = process.cpuUsage(before);
  expect(user + system).toBeLessThan(2_000_000);
});

describe("a faulty metric is refused with its place", () => {
  test.each([
    ["name: 1a", "Not a metric name"],
    ["pattern: '('", "Not a regular expression"],
    ["labels: [other]", 'The pattern has no group "other"'],
    ["labels: [toString]", 'The pattern has no group "toString"'],
    ["labels: [le]", 'The label "le" is set by itself'],
    ["value: other", 'The pattern has no group "other"'],
    ["type: gauge", "A gauge needs the name of a group"],
    ["buckets: [2, 1]", "Buckets must ascend"],
    ["series_max: 1000000", "Too big"],
    ["colour: red", "unknown key"],
  ])("%s", (line, message) => {
    const key = line.slice(0, line.indexOf(":"));
    const good = ["name: a_total", "type: counter", "pattern: '(?P<a>x)'"];
    const text = [...good.filter((one) => !one.startsWith(`${key}:`)), line].join("\n");
    const { faults } = decodeYaml(logMetric, "logs.yaml", text);
    expect(faults.map(formatFault).join()).toContain(`: ${message}`);
  });
});

test("no two metrics give series of the same name", () => {
  const counter = (name: string) => ({ name, type: "counter", pattern: "x" });
  const faultsOf = (...all: readonly object[]) =>
    logMetrics.safeParse(all).error?.issues.map(({ message }) => message) ?? [];
  expect(faultsOf(counter("a_total"), counter("b_total"))).toEqual([]);
  expect(faultsOf(counter("a_total"), counter("a_total"))).toEqual([
    'There is a series "a_total" already',
  ]);
  expect(faultsOf(counter("http_requests_total"))).toHaveLength(1);
  const histogram = { name: "t", type: "histogram", pattern: "(?P<v>x)", value: "v" };
  expect(faultsOf(histogram, counter("t_sum"))).toEqual(['There is a series "t_sum" already']);
  expect(faultsOf({ ...histogram, series_max: 100_000 })).toEqual([
    "At most 7142: each has 14 series",
  ]);
});
