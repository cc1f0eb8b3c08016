import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PatternTable } from "../../../aggregator/logs/patterns/pattern-table.ts";
import { detectFormat } from "../../../aggregator/logs/understand/detect.ts";
import { HttpMetrics } from "../../../aggregator/logs/understand/http-metrics.ts";
import { ALL_VALUES } from "../../../aggregator/logs/watch/metric-records.ts";
import { spanText } from "../../../shared/model/byte-span.ts";
import {
  formatLabels,
  type Labels,
  labelsOf,
  labelValue,
  METRIC_NAME,
  withLabel,
} from "../../../shared/model/labels.ts";
import { seqOf } from "../../../shared/model/sequence.ts";
import { type BatchOperation, put } from "../../../shared/platform/ports.ts";
import { Metrics } from "../../../shared/telemetry/metrics.ts";
import { encodeBlock } from "../../../shared/wire/line-block.ts";
import { FAKE_START_MS } from "../../support/fake-clock.ts";
import { blockOf, LogHub, PAID, request, STREAM_ID, WEB } from "../../support/log-hub.ts";
import { MemoryLogger } from "../../support/memory-logger.ts";
import { MemoryStore } from "../../support/memory-store.ts";
import { metricTotal } from "../../support/metric-total.ts";

test("requests and configured metrics are counted by node and service, over a restart", async () => {
  const hub = await LogHub.open();
  await hub.store([request("/a"), "paid card 250", request("/a", 500), "nothing"]);
  await hub.store([request("/a")], labelsOf({ filename: "/var/log/nginx/access.log" }));
  const before = hub.totals();
  expect(before.filter((line) => !line.includes("duration"))).toEqual([
    'http_requests_total{method="GET", route="/a", service="/var/log/nginx/access.log", status="200"} 1',
    'http_requests_total{method="GET", route="/a", service="web", status="200"} 1',
    'http_requests_total{method="GET", route="/a", service="web", status="500"} 1',
    'paid_cents_total{by="card", service="web"} 250',
  ]);
  expect(before).toContain(
    'http_request_duration_seconds_bucket{le="0.025", route="/a", service="web"} 2',
  );
  await hub.reopen();
  expect(hub.totals()).toEqual(before);
});

/** Each format that tells of requests, and some lines that only look like it. */
const LINES = [
  request("/a"),
  request("/static/app.js?v=1", 404, "12.5"),
  request("/späť", 200, "rt=1.250"),
  request("/b", 200, '"x" 250ms'),
  `<13>Nov 30 03:14:15 web nginx: ${request("/c")}`,
  request("/d").replace("GET /d HTTP/1.1", "\\x16\\x03"),
  '{"method":"POST","path":"/orders/7","status":201,"duration_ms":12}',
  "method=PUT path=/orders/8 status=500 duration=1.5s",
  '[2026-11-30T03:14:15.123Z] "GET /e HTTP/1.1" 200 - 0 5 7 6 "-" "curl" "id" "host" "up"',
  request("/g").replace('"curl"', '"cu\\" 9.5 rl"'),
  request("/h").replace("::1", "<13>1"),
  request("/i").replace("::1", "2026-11-30T03:14:15.123456+00:00"),
  "no request",
  "a=b",
  'says "GET /f HTTP/1.1" 200 5',
  "",
];

test("requests are counted in each format, whatever lines stand around them", async () => {
  const line = fc.oneof(fc.constantFrom(...LINES), fc.string({ unit: "binary-ascii" }));
  await fc.assert(
    fc.asyncProperty(fc.array(line, { minLength: 1, maxLength: 20 }), async (lines) => {
      const expected = new HttpMetrics();
      for (const text of lines) {
        const { access } = detectFormat(text);
        if (access !== null) expected.add({ instance: "n1", service: "web" }, access);
      }
      const hub = await LogHub.open();
      await hub.store(lines);
      const requests = [...expected.requests.changes()];
      const total = requests.reduce((sum, { values }) => sum + (values[0] ?? 0), 0);
      expect(hub.total("http_requests_total")).toBe(total);
      const durations = [...expected.durations.changes()].flatMap(({ values }) => values.slice(-1));
      const seconds = durations.reduce((sum, one) => sum + one, 0);
      expect(hub.total("http_request_duration_seconds_sum")).toBeCloseTo(seconds, 9);
      for (const { labels, values } of requests) {
        const shown = formatLabels(withLabel(labels, "instance", ""));
        expect(hub.totals()).toContain(`http_requests_total${shown} ${values[0]}`);
      }
    }),
    { numRuns: 60 },
  );
});

test("a block that comes again counts once", async () => {
  const hub = await LogHub.open();
  const item = { kind: "block", node: "n1", streamId: STREAM_ID } as const;
  const bytes = blockOf(1, [request("/a")]);
  const stored = hub.log.commit(
    [
      { ...item, bytes },
      { ...item, bytes },
    ],
    hub,
  );
  await hub.clock.advance(10);
  expect((await stored).map(({ kind }) => kind)).toEqual(["stored", "duplicate"]);
  expect(hub.total("http_requests_total")).toBe(1);
});

describe("series", () => {
  test("are written on the whole second when they changed, a counter's first sample after a 0", async () => {
    const hub = await LogHub.open();
    const turn = async () => {
      await hub.clock.advance(1000 - (hub.clock.nowMs() % 1000));
      await hub.watch.turn();
      await hub.watch.turn(); // of one time only one sample is taken
    };
    const values = () => hub.written.map(({ samples }) => samples.map(({ value }) => value));
    await hub.store([request("/a"), request("/a")]);
    await turn();
    expect(values()).toEqual([[0], [2]]);
    await turn();
    expect(values()).toEqual([[0], [2]]);
    await hub.store([request("/b"), request("/a")]);
    await turn();
    expect(values().slice(2)).toEqual([
      [3, 0],
      [3, 1],
    ]);
    expect(hub.written.map(({ timeMs }) => timeMs % 1000)).toEqual([500, 0, 500, 0]);
    for (let i = 0; i < 10; i += 1) await turn();
    expect(values().slice(4)).toEqual([
      [3, 1],
      [3, 1],
    ]);
    await hub.reopen();
    await turn();
    expect(values().slice(6)).toEqual([[3, 1]]);
  });

  test("that could not be written are written the next second", async () => {
    const hub = await LogHub.open();
    await hub.store([request("/a")]);
    hub.isSeriesDown = true;
    await hub.clock.advance(1000);
    await expect(hub.watch.turn()).rejects.toThrow("no room");
    hub.isSeriesDown = false;
    for (let i = 0; i < 3; i += 1) {
      await hub.clock.advance(1000);
      await hub.watch.turn();
    }
    expect(hub.written.map(({ samples }) => samples.map(({ value }) => value))).toEqual([[0], [1]]);
  });

  test("go on after the clock was set back", async () => {
    const hub = await LogHub.open();
    await hub.store([request("/a")]);
    await hub.watch.turn();
    hub.clock.stepWall(-3_600_000);
    await hub.clock.advance(1000);
    await hub.watch.turn();
    const times = hub.written.map(({ timeMs }) => timeMs - FAKE_START_MS);
    expect(times).toEqual([-500, 0, 1000 - 3_600_000]);
  });

  test("end a day after the last line of their service, and begin anew", async () => {
    const hub = await LogHub.open();
    const hours = async (count: number, lines: readonly string[]) => {
      for (let i = 0; i < count; i += 1) {
        await hub.clock.advance(3_600_000);
        if (lines.length > 0) await hub.store(lines, labelsOf({ service: "api" }));
        await hub.watch.turn();
      }
    };
    await hub.store([request("/a"), "paid card 1"]);
    await hub.store([request("/a")], labelsOf({ service: "api" }));
    await hours(23, ["still alive"]);
    expect(hub.total("http_requests_total")).toBe(2);
    await hours(3, ["still alive"]);
    expect(hub.totals().filter((line) => !line.includes("duration"))).toEqual([
      'http_requests_total{method="GET", route="/a", service="api", status="200"} 1',
    ]);
    await hub.store([request("/a")]);
    await hub.reopen();
    expect(hub.total("http_requests_total")).toBe(2);
    expect(hub.total("paid_cents_total")).toBe(0);
  });
});

test("a series that ends while lines are being written leaves no record", async () => {
  const hub = await LogHub.open();
  await hub.store(["paid card 1"]);
  await hub.clock.advance(3_600_000);
  await hub.watch.turn();
  await hub.clock.advance(25 * 3_600_000);
  const release = hub.disk.hangSync();
  const stored = hub.store(["another line"], labelsOf({ service: "api" }));
  await hub.clock.advance(20);
  await hub.watch.turn();
  release();
  await stored;
  await hub.store(["one more"], labelsOf({ service: "api" }));
  await hub.reopen();
  expect(hub.total("paid_cents_total")).toBe(0);
});

test("a metric that is configured no more, or otherwise, begins anew and leaves no record", async () => {
  const hub = await LogHub.open();
  const records = () =>
    hub.disk.durableEntries().filter(([key]) => key[0] === ALL_VALUES.gte[0]).length;
  await hub.store(["paid card 1"]);
  expect(records()).toBe(1);
  const [paid] = PAID;
  await hub.reopen(paid === undefined ? [] : [{ ...paid, type: "gauge" }]);
  expect(hub.total("paid_cents_total")).toBe(0);
  await hub.reopen([]);
  await hub.store(["another line"]);
  expect(records()).toBe(0);
});

test("a damaged total begins anew, and the others stay", async () => {
  const hub = await LogHub.open();
  await hub.store([request("/a"), "paid card 7"]);
  await hub.log.close();
  const store = new MemoryStore(hub.disk);
  const damaged: BatchOperation[] = [];
  for await (const [key, value] of store.entries(ALL_VALUES)) {
    if (!Buffer.from(key).includes("paid")) continue;
    value[3] = (value[3] ?? 0) ^ 1;
    damaged.push(put(key, value));
  }
  await store.batch(damaged, { sync: true });
  await store.close();
  await hub.open();
  expect(damaged).toHaveLength(1);
  expect([hub.total("paid_cents_total"), hub.total("http_requests_total")]).toEqual([0, 1]);
  expect(metricTotal(hub.metrics, "telltale_logs_damaged_metrics_total")).toBe(1);
});

describe("bad input", () => {
  const NASTY = [
    `{"method":"GET","status":200,"path":${"[".repeat(1000)}${"]".repeat(1000)}}`,
    `{"method":"GET","status":200,"path":"/a","x":${'{"a":'.repeat(1000)}1${"}".repeat(1000)}}`,
    request(`/${"%00".repeat(5000)}`),
    request("/\u0000/\u001b[31mred\u001b[0m"),
    request("/a").replace("2026", "0001"),
    request("/a").replace("2026", "9999"),
    `\u001b[31m${request("/a")}\u001b[0m`,
    "\u0000".repeat(100_000),
    `[${"9".repeat(400)}/Nov/2026:03:14:15 +0000] "GET / HTTP/1.1" 200`,
    "",
  ];

  const CONTROL = /\p{Cc}/u;

  test("is counted where it is a request, and the rest goes on", async () => {
    const hub = await LogHub.open();
    await hub.store([...NASTY, request("/b")]);
    await hub.reopen();
    const labels = hub.watch.series().flatMap(({ labels }) => labels);
    expect(labels.every((text) => text.length < 400 && !CONTROL.test(text))).toBe(true);
    expect(hub.totals()).toContain(
      'http_requests_total{method="GET", route="/b", service="web", status="200"} 1',
    );
    // The bad path, the two bad years, the coloured one, the nested object, and the good one.
    expect(hub.total("http_requests_total")).toBe(7);
  });

  test("ever new label values stay within the bounds, and each line counts", async () => {
    const hub = await LogHub.open();
    for (let block = 0; block < 10; block += 1) {
      const lines = Array.from({ length: 1000 }, (_, i) => {
        const word = "abcdefghij".split("").map((c) => c + String.fromCharCode(97 + (i % 26)));
        const path = `/${word[block]}${String.fromCharCode(97 + ((i / 26) % 26), 97 + i / 676)}`;
        return i % 2 === 0 ? request(path) : `paid m${block}x${i} 1`;
      });
      await hub.store(lines);
    }
    expect(hub.total("http_requests_total")).toBe(5000);
    expect(hub.total("paid_cents_total")).toBe(3);
    expect(hub.watch.series().length).toBeLessThan(3 + 201 * 15 + 1);
    expect(metricTotal(hub.metrics, "telltale_log_metric_left_out_total")).toBe(4997);
  });

  test("a service's name of any length and characters makes labels that can be stored", async () => {
    const hub = await LogHub.open();
    await hub.store([request("/a")], labelsOf({ service: `\u0000${"x".repeat(10_000)}` }));
    await hub.store([request("/a")], labelsOf({ service: "half \ud83d" }));
    for (const { labels } of hub.watch.series()) {
      expect(labels.every((text) => text.length <= 256 && !text.includes("\0"))).toBe(true);
    }
    await hub.reopen();
    expect(hub.total("http_requests_total")).toBe(2);
  });
});

test("any bytes are looked at as their lines one by one would be", async () => {
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 4 }),
    fc
      .constantFrom("é", "paid a 1", "paid é 2", request("/a"), "\ufeff")
      .map((text) => Buffer.from(text)),
    fc.constantFrom(Uint8Array.of(0xc3), Uint8Array.of(0xa9), Uint8Array.of(0xf0, 0x9f)),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { minLength: 1, maxLength: 12 }), async (pieces) => {
      const [together, apart] = [await LogHub.open(), await LogHub.open()];
      const line = (bytes: Uint8Array) => ({ timeUs: 1e15, bytes, isCut: false });
      const commit = async (hub: LogHub, seq: number, lines: readonly Uint8Array[]) => {
        const bytes = encodeBlock(seqOf(1, seq), 1e12, [{ labels: WEB, lines: lines.map(line) }]);
        const item = { kind: "block", node: "n1", streamId: STREAM_ID, bytes } as const;
        const done = hub.log.commit([item], hub);
        await hub.clock.advance(10);
        await done;
      };
      await commit(together, 1, pieces);
      for (const [i, bytes] of pieces.entries()) await commit(apart, i + 1, [bytes]);
      expect(together.totals()).toEqual(apart.totals());
    }),
    { numRuns: 40 },
  );
});

test("patterns see each stored line once, and what they change is stored with it", async () => {
  const hub = new LogHub();
  const taken: [Labels, string, number][] = [];
  const key = Buffer.from("pattern");
  hub.patterns = {
    take: (labels, line, timeUs) => taken.push([labels, spanText(line), timeUs]),
    changes: () => [put(key, Buffer.from(String(taken.length)))],
    newStreams: () => [],
    settled: (isWritten) => {
      if (!isWritten) taken.push([[], "undone", 0]);
    },
  };
  await hub.open();
  await hub.store(["one", "zwölf"]);
  hub.disk.isFull = true;
  await expect(hub.store(["three"])).rejects.toMatchObject({ code: "STORAGE" });
  const labels = labelsOf({ instance: "n1", job: "files", service: "web" });
  expect(taken).toEqual([
    [labels, "one", 1e15],
    [labels, "zwölf", 1e15],
    [labels, "three", 1e15],
    [[], "undone", 0],
  ]);
  expect(
    hub.disk
      .durableEntries()
      .map(([name, value]) => [`${Buffer.from(name)}`, `${Buffer.from(value)}`]),
  ).toContainEqual(["pattern", "2"]);
});

test("a line that is like none before counts once, also when its first batch is lost", async () => {
  const hub = new LogHub();
  const { clock } = hub;
  const table = new PatternTable({ clock, logger: new MemoryLogger(), metrics: new Metrics() });
  hub.patterns = table;
  await hub.open();
  const count = () => {
    const name = "log_new_patterns_total";
    const found = hub.watch.series().find(({ labels }) => labelValue(labels, METRIC_NAME) === name);
    return found?.value;
  };
  await hub.store(["order 1 paid", "order 2 paid", "disk sda is full"]);
  expect(count()).toBe(2);
  hub.disk.isFull = true;
  await expect(hub.store(["panic at the disco"])).rejects.toMatchObject({ code: "STORAGE" });
  expect(count()).toBe(2);
  hub.disk.isFull = false;
  await hub.store(["panic at the disco", "order 3 paid"]);
  expect(count()).toBe(3);
});
