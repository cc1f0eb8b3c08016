import fc from "fast-check";
import { expect, test } from "vitest";
import {
  DEFAULT_LOGQL_OPTIONS,
  LogqlEngine,
  type LogqlOptions,
} from "../../../aggregator/logql/engine.ts";
import { parseLogql } from "../../../aggregator/logql/parse.ts";
import { formatLabels, type Labels, labelsOf } from "../../../shared/model/labels.ts";
import { memorySource, type TestStream } from "./memory-source.ts";

/** By the labels of a series: its elements as [seconds, value]. */
type Table = Record<string, (readonly [number, number])[]>;

function engineOf(streams: readonly TestStream[], options: Partial<LogqlOptions> = {}) {
  return new LogqlEngine(memorySource(streams), { ...DEFAULT_LOGQL_OPTIONS, ...options });
}

function metricOf(text: string) {
  const expr = parseLogql(text);
  if (expr.kind === "logs") throw new Error("not a metric query");
  return expr;
}

const SPAN = { startMs: 10_000, endMs: 60_000, stepMs: 5_000 };

async function range(engine: LogqlEngine, text: string): Promise<Table> {
  const result = await engine.range(metricOf(text), SPAN);
  if (result.type !== "matrix") throw new Error("not a matrix");
  return tableOf(
    result.series.map(({ labels, times, values }) => [
      labels,
      Array.from(times, (timeMs, i) => [timeMs / 1000, values[i] ?? 0] as const),
    ]),
  );
}

function tableOf(rows: readonly (readonly [Labels, Table[string]])[]): Table {
  return Object.fromEntries(rows.map(([labels, elements]) => [formatLabels(labels), elements]));
}

/** Lines such as `host=b n=12.5 x=1`: few kinds, so that groups meet. */
const line = fc.record({
  timeUs: fc.integer({ min: 0, max: 60_500_000 }).map((us) => us - (us % 250_000)),
  host: fc.constantFrom("a", "b", "ü"),
  n: fc.oneof(fc.integer({ min: 0, max: 50 }), fc.constantFrom(0.1, 2.5, 1e9)),
});
type Line = typeof line extends fc.Arbitrary<infer T> ? T : never;
const streamsOfLines = fc.record({
  one: fc.array(line, { size: "max", maxLength: 60 }),
  two: fc.array(line, { size: "max", maxLength: 20 }),
});
type Lines = { readonly one: readonly Line[]; readonly two: readonly Line[] };

const textOf = ({ host, n }: Line) => `host=${host} n=${n}`;

function engineOfLines({ one, two }: Lines): LogqlEngine {
  const lines = (from: readonly Line[]) =>
    from.map((each) => ({ timeUs: each.timeUs, line: textOf(each) }));
  return engineOf([
    { labels: { app: "one" }, lines: lines(one) },
    { labels: { app: "two" }, lines: lines(two) },
  ]);
}

type Naive = {
  readonly rangeS: number;
  readonly offsetS?: number;
  readonly keep?: (each: Line) => boolean;
  readonly key: (app: string, each: Line) => Record<string, string>;
  readonly compute: (window: readonly Line[]) => number;
};

/** The definition: at each step, the lines in `(end - range, end]`, group by group. */
function naive({ one, two }: Lines, { rangeS, offsetS = 0, keep, key, compute }: Naive): Table {
  const groups = new Map<string, { labels: Labels; lines: Line[] }>();
  for (const [app, lines] of Object.entries({ one, two })) {
    const ordered = [...lines].sort((a, b) => a.timeUs - b.timeUs);
    for (const each of ordered) {
      if (keep !== undefined && !keep(each)) continue;
      const labels = labelsOf(key(app, each));
      const group = groups.get(labels.join("|")) ?? { labels, lines: [] };
      group.lines.push(each);
      groups.set(labels.join("|"), group);
    }
  }
  const rows: [Labels, Table[string]][] = [];
  for (const { labels, lines } of groups.values()) {
    const ordered = [...lines].sort((a, b) => a.timeUs - b.timeUs);
    const elements: (readonly [number, number])[] = [];
    for (let s = 10; s <= 60; s += 5) {
      const end = s - offsetS;
      const window = ordered.filter(({ timeUs }) => {
        return timeUs > (end - rangeS) * 1e6 && timeUs <= end * 1e6;
      });
      if (window.length > 0) elements.push([s, compute(window)]);
    }
    if (elements.length > 0) rows.push([labels, elements]);
  }
  return tableOf(rows);
}

const values = (window: readonly Line[]) => window.map(({ n }) => n);
const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);
const mean = (numbers: readonly number[]) => sum(numbers) / numbers.length;
const variance = (numbers: readonly number[]) => mean(numbers.map((n) => (n - mean(numbers)) ** 2));
const quantile = (q: number, numbers: readonly number[]) => {
  const sorted = [...numbers].sort((a, b) => a - b);
  const rank = q * (sorted.length - 1);
  const [low = 0, high = low] = [sorted[Math.floor(rank)], sorted[Math.ceil(rank)]];
  return low + (high - low) * (rank - Math.floor(rank));
};
const bytes = (window: readonly Line[]) =>
  sum(window.map((each) => Buffer.byteLength(textOf(each))));

const byApp = (app: string) => ({ app });
const byAppAndHost = (app: string, { host }: Line) => ({ app, host });
const byHost = (_: string, { host }: Line) => ({ host });
const all = () => ({});

const CASES: readonly (readonly [string, Naive])[] = [
  ["count_over_time({app=~`.+`}[10s])", { rangeS: 10, key: byApp, compute: (w) => w.length }],
  ["rate({app=~`.+`}[7s])", { rangeS: 7, key: byApp, compute: (w) => w.length / 7 }],
  ["bytes_over_time({app=~`.+`}[3s])", { rangeS: 3, key: byApp, compute: bytes }],
  ["bytes_rate({app=~`.+`}[20s])", { rangeS: 20, key: byApp, compute: (w) => bytes(w) / 20 }],
  [
    "count_over_time({app=~`.+`}[10s] offset 7s)",
    { rangeS: 10, offsetS: 7, key: byApp, compute: (w) => w.length },
  ],
  [
    "count_over_time({app=~`.+`} |= `host=a` [10s])",
    { rangeS: 10, keep: ({ host }) => host === "a", key: byApp, compute: (w) => w.length },
  ],
  [
    "count_over_time({app=~`.+`} | logfmt | n > 2.4 | drop n [10s])",
    { rangeS: 10, keep: ({ n }) => n > 2.4, key: byAppAndHost, compute: (w) => w.length },
  ],
  [
    "sum by (host) (rate({app=~`.+`} | logfmt [10s]))",
    { rangeS: 10, key: byHost, compute: (w) => w.length / 10 },
  ],
  ["sum(bytes_over_time({app=~`.+`} | logfmt [10s]))", { rangeS: 10, key: all, compute: bytes }],
  [
    "sum without (n, app) (count_over_time({app=~`.+`} | logfmt [10s]))",
    { rangeS: 10, key: byHost, compute: (w) => w.length },
  ],
  [
    "sum_over_time({app=~`.+`} | logfmt | unwrap n [10s])",
    { rangeS: 10, key: byAppAndHost, compute: (w) => sum(values(w)) },
  ],
  [
    "sum by (app) (sum_over_time({app=~`.+`} | logfmt | unwrap n [10s]))",
    { rangeS: 10, key: byApp, compute: (w) => sum(values(w)) },
  ],
  [
    "rate({app=~`.+`} | logfmt | unwrap n [10s])",
    { rangeS: 10, key: byAppAndHost, compute: (w) => sum(values(w)) / 10 },
  ],
  [
    "avg_over_time({app=~`.+`} | logfmt | unwrap n [10s]) by (host)",
    { rangeS: 10, key: byHost, compute: (w) => mean(values(w)) },
  ],
  [
    "min_over_time({app=~`.+`} | logfmt | unwrap n [10s]) without (host)",
    { rangeS: 10, key: byApp, compute: (w) => Math.min(...values(w)) },
  ],
  [
    "max_over_time({app=~`.+`} | logfmt | unwrap n [10s]) by ()",
    { rangeS: 10, key: all, compute: (w) => Math.max(...values(w)) },
  ],
  [
    "stdvar_over_time({app=~`.+`} | logfmt | n < 100 | unwrap n [10s])",
    {
      rangeS: 10,
      keep: ({ n }) => n < 100,
      key: byAppAndHost,
      compute: (w) => variance(values(w)),
    },
  ],
  [
    "stddev_over_time({app=~`.+`} | logfmt | n < 100 | unwrap n [10s])",
    {
      rangeS: 10,
      keep: ({ n }) => n < 100,
      key: byAppAndHost,
      compute: (w) => Math.sqrt(variance(values(w))),
    },
  ],
  [
    "quantile_over_time(0.7, {app=~`.+`} | logfmt | unwrap n [10s]) by (app)",
    { rangeS: 10, key: byApp, compute: (w) => quantile(0.7, values(w)) },
  ],
  [
    "first_over_time({app=~`.+`} | logfmt | unwrap n [10s]) by (app, host)",
    { rangeS: 10, key: byAppAndHost, compute: (w) => values(w)[0] ?? 0 },
  ],
  [
    "last_over_time({app=~`.+`} | logfmt | unwrap n [10s]) by (host)",
    { rangeS: 10, key: byHost, compute: (w) => values(w).at(-1) ?? 0 },
  ],
];

test.each(CASES)("%s is what a naive evaluation gives", async (query, definition) => {
  await fc.assert(
    fc.asyncProperty(streamsOfLines, async (lines) => {
      const found = await range(engineOfLines(lines), query);
      const expected = naive(lines, definition);
      expect(Object.keys(found).sort()).toEqual(Object.keys(expected).sort());
      for (const [labels, elements] of Object.entries(expected)) {
        const times = (found[labels] ?? []).map(([seconds]) => seconds);
        expect(times).toEqual(elements.map(([seconds]) => seconds));
        for (const [i, [, value]] of elements.entries()) {
          const error = Math.abs((found[labels]?.[i]?.[1] ?? Number.NaN) - value);
          expect(error).toBeLessThanOrEqual(1e-9 * Math.max(1, Math.abs(value)));
        }
      }
    }),
    { numRuns: 40 },
  );
});

const REQUESTS = engineOf([
  {
    labels: { app: "web", env: "prod" },
    lines: Array.from({ length: 60 }, (_, s) => ({
      timeUs: (s + 1) * 1e6,
      line: `method=${s % 2 === 0 ? "GET" : "POST"} took=${s}ms size=${s}KiB total=${s * 10}`,
    })),
  },
  { labels: { app: "db", env: "prod" }, lines: [{ timeUs: 31e6, line: "slow" }] },
]);

async function instant(engine: LogqlEngine, text: string): Promise<unknown> {
  const result = await engine.instant(metricOf(text), 60_000);
  if (result.type === "scalar") return result.value;
  if (result.type !== "vector") throw new Error("not a vector");
  return result.samples.map(({ labels, value }) => `${formatLabels(labels)} ${value}`);
}

test.each<readonly [string, unknown]>([
  ["1 + 2 * 3", 7],
  ["vector(3)", ["{} 3"]],
  ["vector(1)+vector(1)", ["{} 2"]], // a Grafana data source asks this to see whether it is there
  ['sum(count_over_time({app="none"}[1m])) or vector(0)', ["{} 0"]],
  ['absent_over_time({app="none", env=~"x|y"}[1m])', ['{app="none"} 1']],
  ['absent_over_time({app="db"}[1m])', []],
  ['absent_over_time({app="db"}[10s])', ['{app="db"} 1']],
  ['absent_over_time({app="db"} | logfmt | unwrap n [1m])', ['{app="db"} 1']],
  ['count_over_time({env="prod"}[1m])', ['{app="db", env="prod"} 1', '{app="web", env="prod"} 60']],
  [
    'sort_desc(count_over_time({env="prod"}[1m]))',
    ['{app="web", env="prod"} 60', '{app="db", env="prod"} 1'],
  ],
  [
    'sort(count_over_time({env="prod"}[1m])) ',
    ['{app="db", env="prod"} 1', '{app="web", env="prod"} 60'],
  ],
  ['topk(1, count_over_time({env="prod"}[1m]))', ['{app="web", env="prod"} 60']],
  ['bottomk(1, count_over_time({env="prod"}[1m]))', ['{app="db", env="prod"} 1']],
  ['count(count_over_time({env="prod"}[1m])) by (env)', ['{env="prod"} 2']],
  ['avg(count_over_time({env="prod"}[1m]))', ["{} 30.5"]],
  ['min(count_over_time({env="prod"}[1m]))', ["{} 1"]],
  ['max without (app) (count_over_time({env="prod"}[1m]))', ['{env="prod"} 60']],
  ['stdvar(count_over_time({env="prod"}[1m]))', ["{} 870.25"]],
  ['stddev(count_over_time({env="prod"}[1m]))', ["{} 29.5"]],
  ['count_over_time({env="prod"}[1m]) > 5', ['{app="web", env="prod"} 60']],
  [
    'count_over_time({env="prod"}[1m]) > bool 5',
    ['{app="db", env="prod"} 0', '{app="web", env="prod"} 1'],
  ],
  ['2 * count_over_time({app="db"}[1m]) - 0.5', ['{app="db", env="prod"} 1.5']],
  [
    'count_over_time({app="web"}[1m]) / on (env) group_left (app) count_over_time({app="db"}[1m])',
    ['{app="db", env="prod"} 60'],
  ],
  ['count_over_time({app="web"}[1m]) unless ignoring (app) count_over_time({app="db"}[1m])', []],
  [
    'label_replace(count_over_time({app="db"}[1m]), "kind", "$1-2", "app", "(d).*")',
    ['{app="db", env="prod", kind="d-2"} 1'],
  ],
  [
    'max_over_time({app="web"} | logfmt | unwrap duration(took) [1m]) by (app)',
    ['{app="web"} 0.059'],
  ],
  ['sum_over_time({app="web"} | logfmt | unwrap bytes(size) [3s]) ', ["size"]],
  ['sum(sum_over_time({app="web"} | logfmt | unwrap bytes(size) [3s])) / 1024', ["{} 174"]],
  ['rate_counter({app="web"} | logfmt | keep app, total | unwrap total [10s])', ['{app="web"} 10']],
])("%s", async (query, expected) => {
  const found = await instant(REQUESTS, query);
  if (Array.isArray(expected) && expected[0] === "size") {
    // The unwrapped label tells no series apart, the others do.
    expect(found).toHaveLength(3);
    return;
  }
  expect(found).toEqual(expected);
});

test("a line with an error fails a metric query, unless a condition on __error__ wants it", async () => {
  const engine = engineOf([
    {
      labels: { app: "web" },
      lines: [
        { timeUs: 59e6, line: '{"n":"x"}' },
        { timeUs: 60e6, line: "plain" },
      ],
    },
  ]);
  await expect(instant(engine, 'count_over_time({app="web"} | json [1m])')).rejects.toThrow(
    'LogQL 1:1: a line of {__error__="JSONParserErr", __error_details__="not a JSON object", app="web"}',
  );
  const unwrap = 'sum_over_time({app="web"} | json | __error__="" | unwrap n [1m])';
  await expect(instant(engine, unwrap)).rejects.toThrow("SampleExtractionErr");
  const filtered = 'sum_over_time({app="web"} | json | unwrap n | __error__="" [1m])';
  expect(await instant(engine, filtered)).toEqual([]);
  const wanted = 'sum by (__error__) (count_over_time({app="web"} | json [1m]))';
  expect(await instant(engine, wanted)).toEqual(["{} 1", '{__error__="JSONParserErr"} 1']);
  const only = 'sum(count_over_time({app="web"} | json | __error__="JSONParserErr" [1m]))';
  expect(await instant(engine, only)).toEqual(["{} 1"]);
});

test("a million label values reach the limit of series, not that of the memory", async () => {
  const lines = Array.from({ length: 20_000 }, (_, i) => ({ timeUs: i, line: `id=${i}` }));
  const engine = engineOf([{ labels: { app: "web" }, lines }], { seriesMax: 500 });
  await expect(instant(engine, 'count_over_time({app="web"} | logfmt [1m])')).rejects.toThrow(
    "Selector reads 501 series, more than the 500 allowed",
  );
  const grouped = 'sum(count_over_time({app="web"} | logfmt [2m]))';
  expect(await instant(engine, grouped)).toEqual(["{} 20000"]);
});

test("a query stops at its limits of lines, bytes, samples and time", async () => {
  const lines = Array.from({ length: 5000 }, (_, i) => ({ timeUs: i, line: `n=${i}` }));
  const streams = [{ labels: { app: "web" }, lines }];
  const stopped = (options: Partial<LogqlOptions>, query: string, signal?: AbortSignal) =>
    expect(engineOf(streams, options).instant(metricOf(query), 60_000, signal)).rejects;
  const count = 'count_over_time({app="web"}[2m])';
  await stopped({ linesMax: 4999 }, count).toThrow("Query reads more than 4999 lines");
  await stopped({ bytesMax: 1000 }, count).toThrow("Query reads more than 1000 bytes");
  const unwrap = 'sum_over_time({app="web"} | logfmt | unwrap n [2m])';
  await stopped({ samplesMax: 4999 }, unwrap).toThrow("Query needs more than 4999 samples");
  await stopped({}, count, AbortSignal.abort(new Error("stopped"))).toThrow("stopped");
});

test("a catastrophic pattern takes linear time", async () => {
  const lines = [{ timeUs: 59e6, line: `${"a".repeat(5000)}!` }];
  const engine = engineOf([{ labels: { app: "web" }, lines }]);
  const before = process.cpuUsage();
  expect(await instant(engine, 'count_over_time({app="web"} |~ "^(a+)+$" [1m])')).toEqual([]);
  expect(process.cpuUsage(before).user).toBeLessThan(2e6);
});
