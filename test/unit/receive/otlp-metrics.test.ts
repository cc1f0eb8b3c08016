import { expect, test } from "vitest";
import { readJsonMetrics } from "../../../agent/receive/otlp/json-metrics.ts";
import { OtlpMetrics, type Rejected } from "../../../agent/receive/otlp/otlp-metrics.ts";
import { PushedSeries } from "../../../agent/receive/pushed-series.ts";
import { Metrics } from "../../../shared/telemetry/metrics.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { TableSink } from "../../support/table-sink.ts";

const NEVER = new AbortController().signal;
const SERVICE = { "service.name": "shop", "service.instance.id": "1" };

class Bed {
  readonly clock = new FakeClock();
  readonly sink = new TableSink();
  readonly metrics = new Metrics();
  readonly pushed: PushedSeries;
  readonly otlp: OtlpMetrics;

  constructor(series = 1000) {
    const { clock, metrics } = this;
    const limits = { senders: 2, series };
    this.pushed = new PushedSeries("otlp", this.sink, limits, { clock, metrics });
    this.otlp = new OtlpMetrics({ clock, metrics, pushed: this.pushed, node: "n1" });
  }

  /** Nanoseconds, as OTLP has them in JSON. */
  at(ms = 0): string {
    return `${this.clock.nowMs() + ms}000000`;
  }

  async send(metric: object, resource: Record<string, string> = SERVICE): Promise<Rejected> {
    return await this.sendAll([metric], resource);
  }

  async sendAll(metrics: object[], resource: Record<string, string> = SERVICE): Promise<Rejected> {
    const scopeMetrics = [{ scope: {}, metrics }];
    const body = {
      resourceMetrics: [{ resource: { attributes: attributes(resource) }, scopeMetrics }],
    };
    return await this.otlp.take(Buffer.from(JSON.stringify(body)), readJsonMetrics, NEVER);
  }

  tick(): void {
    this.pushed.tick(this.clock.nowMs());
  }

  /** The last value of each series, without what all have. */
  last(): Record<string, number | null | undefined> {
    return Object.fromEntries(
      [...this.sink.series].map(([key, { samples }]) => [
        key
          .replace(/,?instance:1,job:shop/, "")
          .replace(/,?service:shop/, "")
          .replace("{,", "{"),
        samples.at(-1)?.[1],
      ]),
    );
  }

  leftOut(): Record<string, number> {
    const counted = this.metrics.samples().filter(({ name }) => name.endsWith("left_out_total"));
    return Object.fromEntries(
      counted.map(({ labels, value }) => [labels[labels.indexOf("reason") + 1] ?? "", value]),
    );
  }
}

function attributes(record: Record<string, string>) {
  return Object.entries(record).map(([key, stringValue]) => ({ key, value: { stringValue } }));
}

test("gauges, sums, histograms and summaries are series of a service", async () => {
  const bed = new Bed();
  const time = { timeUnixNano: bed.at() };
  const rejected = await bed.sendAll([
    { name: "g", gauge: { dataPoints: [{ ...time, asDouble: "NaN" }] } },
    { name: "up", sum: { aggregationTemporality: 2, dataPoints: [{ ...time, asInt: "-3" }] } },
    {
      name: "h",
      unit: "s",
      histogram: {
        aggregationTemporality: "AGGREGATION_TEMPORALITY_CUMULATIVE",
        dataPoints: [
          { ...time, count: "6", sum: 2.5, bucketCounts: ["1", 2, "3"], explicitBounds: [0.5, 1] },
          {
            ...time,
            attributes: attributes({ a: "b" }),
            count: 1,
            bucketCounts: [],
            explicitBounds: [],
          },
        ],
      },
    },
    {
      name: "s",
      summary: {
        dataPoints: [{ ...time, count: 2, sum: 4, quantileValues: [{ quantile: 0.99, value: 3 }] }],
      },
    },
  ]);
  expect(rejected).toEqual({ count: 0, reason: "" });
  bed.tick();
  expect(bed.last()).toEqual({
    "g{}": Number.NaN,
    "up{}": -3,
    "h_seconds_count{}": 6,
    "h_seconds_sum{}": 2.5,
    "h_seconds_bucket{le:0.5}": 1,
    "h_seconds_bucket{le:1}": 3,
    "h_seconds_bucket{le:+Inf}": 6,
    "h_seconds_count{a:b}": 1,
    "h_seconds_bucket{a:b,le:+Inf}": 1,
    "s_count{}": 2,
    "s_sum{}": 4,
    "s{quantile:0.99}": 3,
  });
});

test("what cannot be taken is left out by reason, and the rest is taken", async () => {
  const bed = new Bed();
  const point = (value: object, ms = 0) => ({ timeUnixNano: bed.at(ms), ...value });
  const counted = { aggregationTemporality: 2 };
  const histogram = (value: object) => ({
    ...counted,
    dataPoints: [point({ count: 1, ...value })],
  });
  const rejected = await bed.sendAll([
    { name: "good", gauge: { dataPoints: [point({ asInt: 1 })] } },
    { name: "none", gauge: { dataPoints: [point({})] } },
    { name: "old", gauge: { dataPoints: [{ asInt: 1 }] } }, // of 1970
    { name: "next.year", gauge: { dataPoints: [point({ asInt: 1 }, 365 * 86_400_000)] } },
    { name: "temporality", sum: { dataPoints: [point({ asInt: 1 })] } },
    { name: "counts", histogram: histogram({ bucketCounts: [1, 1], explicitBounds: [1, 2] }) },
    { name: "order", histogram: histogram({ bucketCounts: [1, 0, 0], explicitBounds: [2, 1] }) },
    { name: "nan", histogram: histogram({ bucketCounts: [1, 0], explicitBounds: ["NaN"] }) },
    {
      name: "many",
      histogram: histogram({
        bucketCounts: Array(1001).fill(0),
        explicitBounds: Array.from({ length: 1000 }, (_, i) => i),
      }),
    },
    { name: "scale", exponentialHistogram: histogram({ scale: 1e9 }) },
    { name: "", gauge: { dataPoints: [point({ asInt: 1 })] } },
    {
      name: "long",
      gauge: {
        dataPoints: [point({ asInt: 1, attributes: attributes({ a: "x".repeat(1_000_000) }) })],
      },
    },
    {
      name: "falls",
      sum: {
        aggregationTemporality: 1,
        isMonotonic: true,
        dataPoints: [point({ asInt: -1 })],
      },
    },
  ]);
  expect(rejected).toEqual({ count: 12, reason: "malformed" });
  bed.tick();
  expect(bed.last()).toEqual({ "good{}": 1 });
  expect(bed.leftOut()).toEqual({
    malformed: 7,
    old: 1,
    future: 1,
    buckets: 1,
    label_text: 1,
    label_length: 1,
  });
});

test("labels are those of the resource, and a point's own of the same name stand beside them", async () => {
  const bed = new Bed();
  const own = attributes({ service: "mine", "a.b": "2", "a-b": "1", __name__: "x" });
  const metric = {
    name: "g",
    gauge: { dataPoints: [{ timeUnixNano: bed.at(), asInt: 1, attributes: own }] },
  };
  await bed.send(metric, {
    "service.name": "shop",
    "service.namespace": "web",
    "host.name": "h1",
    "os.type": "linux",
  });
  bed.tick();
  expect([...bed.sink.series.keys()]).toEqual([
    "g{a_b:1;2,exported_service:mine,instance:h1,job:web/shop,service:shop}",
    "target_info{host_name:h1,instance:h1,job:web/shop,os_type:linux,service:shop}",
  ]);
});

test("a resource that says nothing of itself is this node", async () => {
  const bed = new Bed();
  await bed.send({ name: "g", gauge: { dataPoints: [{ timeUnixNano: bed.at(), asInt: 1 }] } }, {});
  bed.tick();
  expect([...bed.sink.series.keys()]).toEqual(["g{instance:n1}"]);
});

test("increases add up, in any order of attributes, and an end ends the series", async () => {
  const bed = new Bed();
  const point = (value: object, start: number, own: Record<string, string>) => ({
    ...{ name: "c", unit: "1" },
    sum: {
      ...{ aggregationTemporality: 1, isMonotonic: true },
      dataPoints: [
        {
          ...{ startTimeUnixNano: bed.at(start), timeUnixNano: bed.at(), ...value },
          attributes: attributes(own),
        },
      ],
    },
  });
  await bed.send(point({ asInt: 2 }, -1000, { a: "1", b: "2" }));
  bed.tick();
  await bed.clock.advance(10_000);
  await bed.send(point({ asInt: 3 }, -10_000, { b: "2", a: "1" }));
  expect(await bed.send(point({ asInt: 3 }, -10_000, { b: "2", a: "1" }))).toMatchObject({
    count: 0,
  });
  bed.tick();
  expect(bed.last()).toEqual({ "c_total{a:1,b:2}": 5 });
  await bed.clock.advance(10_000);
  await bed.send(point({ flags: 1 }, -10_000, { a: "1", b: "2" }));
  bed.tick();
  expect(bed.last()).toEqual({ "c_total{a:1,b:2}": null });
});

test("a sender has its series and the door its senders", async () => {
  const bed = new Bed(3);
  const points = Array.from({ length: 5 }, (_, i) => ({
    ...{ timeUnixNano: bed.at(), asInt: i },
    attributes: attributes({ i: String(i) }),
  }));
  expect(await bed.send({ name: "g", gauge: { dataPoints: points } })).toEqual({
    count: 2,
    reason: "sender_series",
  });
  const one = { name: "g", gauge: { dataPoints: [{ timeUnixNano: bed.at(), asInt: 1 }] } };
  expect(await bed.send(one, { "service.name": "b" })).toMatchObject({ count: 0 });
  expect(await bed.send(one, { "service.name": "c" })).toEqual({ count: 1, reason: "senders" });
});

test("several times of a series wait for as many ticks, but not for ever", async () => {
  const bed = new Bed();
  const dataPoints = [-300, -200, -100].map((ms) => ({ timeUnixNano: bed.at(ms), asInt: ms }));
  const metric = { name: "g", gauge: { dataPoints } };
  const sent = bed.send(metric);
  for (let i = 0; i < 2; i += 1) {
    await Promise.resolve();
    bed.tick();
    await bed.clock.advance(1000);
  }
  expect(await sent).toMatchObject({ count: 0 });
  bed.tick();
  expect(bed.sink.series.get("g{instance:1,job:shop,service:shop}")?.samples.length).toBe(3);

  const many = Array.from({ length: 20 }, (_, i) => ({ timeUnixNano: bed.at(i), asInt: i * 50 }));
  const refused = bed.send({ name: "g", gauge: { dataPoints: many } });
  const reason = refused.then(
    () => "taken",
    (error) => error.code,
  );
  for (let i = 0; i < 10; i += 1) {
    bed.tick();
    await bed.clock.advance(1000);
  }
  expect(await reason).toBe("LIMIT");
});

test("a request of very many points is refused, of which nothing is taken", async () => {
  const bed = new Bed();
  const dataPoints = [{ timeUnixNano: bed.at(), asInt: 1 }, ...Array(100_000).fill({})];
  const refused = bed.send({ name: "g", gauge: { dataPoints } });
  await expect(refused).rejects.toMatchObject({ code: "PARSE" });
  bed.tick();
  expect(bed.last()).toEqual({});
});
