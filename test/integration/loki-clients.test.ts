import { gzipSync } from "node:zlib";
import { compressSync } from "snappy";
import { expect, test } from "vitest";
import { pushMessage } from "../support/push-message.ts";
import { LokiBed } from "./loki-bed.ts";

/**
 * Requests as Grafana's data source, its Logs Drilldown, logcli, Promtail and Fluent Bit send them,
 * written down by hand: names and order of the parameters, forms of times and steps, headers.
 */

const NOW_MS = Math.floor(Date.now() / 1000) * 1000;
const ns = (offsetMs: number) => `${NOW_MS + offsetMs}000000`;
const APP = { app: "api", job: "files", service_name: "api" };
/** Without a `service_name`: it gets one of its app. */
const WEB = { app: "web", job: "docker" };
const GRAFANA = {
  "X-Loki-Response-Encoding-Flags": "categorize-labels",
  "X-Query-Tags": "Source=grafana",
  "Accept-Encoding": "gzip",
  "User-Agent": "Grafana/12.0.0",
};

async function startWithLines(): Promise<LokiBed> {
  const bed = await LokiBed.start();
  await bed.pushLines(APP, [
    [NOW_MS - 9000, "level=info msg=started took=1.5s"],
    [NOW_MS - 7000, 'level=error msg="no room" user=7 took=20ms'],
    [NOW_MS - 5000, "level=info msg=stopped took=3s"],
  ]);
  await bed.pushLines(WEB, [
    [NOW_MS - 8000, '{"status":200,"path":"/"}'],
    [NOW_MS - 6000, '{"status":500,"path":"/pay","size":"12KB"}'],
  ]);
  return bed;
}

const SPAN = `end=${ns(0)}&start=${ns(-60_000)}`;
const query = (text: string) => `query=${encodeURIComponent(text)}`;

type Case = readonly [what: string, path: string, headers: Record<string, string>, body: unknown];

const CASES: readonly Case[] = [
  [
    "Grafana looks whether it is there",
    `query?direction=backward&${query("vector(1)+vector(1)")}&time=4000000000`,
    GRAFANA,
    {
      status: "success",
      data: { resultType: "vector", result: [{ metric: {}, value: [4e9, "2"] }] },
    },
  ],
  [
    "Explore asks for lines, with the labels by where they are from",
    `query_range?direction=backward&${SPAN}&limit=1000&${query('{app="api"} |= "error" | logfmt')}&step=1m0s`,
    GRAFANA,
    {
      data: {
        resultType: "streams",
        encodingFlags: ["categorize-labels"],
        result: [
          {
            stream: { ...APP, instance: "push" },
            values: [
              [
                ns(-7000),
                'level=error msg="no room" user=7 took=20ms',
                { parsed: { level: "error", msg: "no room", took: "20ms", user: "7" } },
              ],
            ],
          },
        ],
      },
    },
  ],
  [
    "Explore draws how many lines there are",
    `query_range?direction=backward&${SPAN}&${query('sum by (level, detected_level) (count_over_time({app="api"} | logfmt | drop __error__[10s]))')}&step=10s`,
    { ...GRAFANA, "X-Query-Tags": "Source=grafana,Source=logvolhist" },
    { data: { resultType: "matrix" } },
  ],
  [
    "a panel with a step of less than a second",
    `query_range?direction=backward&end=${ns(0)}&${query('rate({app="api"}[1s])')}&start=${ns(-2000)}&step=500ms`,
    GRAFANA,
    { data: { resultType: "matrix", result: [] } },
  ],
  [
    "a panel with a step that Go writes with a decimal point",
    `query_range?direction=backward&${SPAN}&${query('rate({app="api"}[1m])')}&step=1m1.5s`,
    GRAFANA,
    { data: { resultType: "matrix" } },
  ],
  [
    "the label browser asks for labels",
    `labels?${SPAN}`,
    GRAFANA,
    {
      status: "success",
      data: ["app", "instance", "job", "service_name"],
    },
  ],
  [
    "the label browser asks for values, narrowed by other labels",
    `label/app/values?${SPAN}&${query('{job="docker"}')}`,
    GRAFANA,
    { data: ["web"] },
  ],
  [
    "the label browser asks for series",
    `series?${SPAN}&match[]=${encodeURIComponent('{app="api"}')}`,
    GRAFANA,
    { data: [{ ...APP, instance: "push" }] },
  ],
  [
    "the query editor asks how much a query will read",
    `index/stats?${query('{app="api"}')}&${SPAN}`,
    GRAFANA,
    { streams: 1, chunks: 1, entries: 3, bytes: expect.any(Number) },
  ],
  [
    "Logs Drilldown lists the services",
    `index/volume?${query('{service_name=~".+"}')}&${SPAN}&limit=5000&targetLabels=service_name`,
    GRAFANA,
    {
      status: "success",
      data: {
        resultType: "vector",
        result: [
          { metric: { service_name: "api" }, value: [NOW_MS / 1000, "104"] },
          { metric: { service_name: "web" }, value: [NOW_MS / 1000, "67"] },
        ],
      },
    },
  ],
  [
    "Logs Drilldown opens a service",
    `query_range?direction=backward&${SPAN}&limit=1000&${query('{service_name="web"} |= "pay"')}`,
    GRAFANA,
    { data: { result: [{ stream: { ...WEB, service_name: "web" } }] } },
  ],
  [
    "Explore's query editor asks how much a service's lines are",
    `index/stats?${query('{service_name!="api", job=~".+"}')}&${SPAN}`,
    GRAFANA,
    { streams: 1, entries: 2 },
  ],
  [
    "Logs Drilldown lists the labels by volume",
    `index/volume?${query("{}")}&${SPAN}&aggregateBy=labels&limit=3`,
    GRAFANA,
    {
      data: {
        result: ["app", "instance", "job"].map((name) => ({
          metric: { [name]: "" },
          value: [NOW_MS / 1000, "171"],
        })),
      },
    },
  ],
  [
    "Logs Drilldown draws the volume of a service",
    `index/volume_range?${query('{app="api"}')}&${SPAN}&step=60`,
    GRAFANA,
    {
      data: {
        resultType: "matrix",
        result: [{ metric: { app: "api" }, values: [[NOW_MS / 1000, "104"]] }],
      },
    },
  ],
  [
    "Logs Drilldown asks for labels",
    `detected_labels?${query('{service_name="api"}')}&${SPAN}`,
    GRAFANA,
    {
      detectedLabels: [
        { label: "app", cardinality: 1 },
        { label: "instance", cardinality: 1 },
        { label: "job", cardinality: 1 },
        { label: "service_name", cardinality: 1 },
      ],
    },
  ],
  [
    "Logs Drilldown asks for fields",
    `detected_fields?${query('{app=~".+"}')}&${SPAN}&line_limit=1000&limit=1000`,
    GRAFANA,
    {
      limit: 1000,
      fields: [
        { label: "detected_level", type: "string", cardinality: 3, parsers: [] },
        { label: "level", type: "string", cardinality: 2, parsers: ["logfmt"] },
        { label: "msg", type: "string", cardinality: 3, parsers: ["logfmt"] },
        { label: "path", type: "string", cardinality: 2, parsers: ["json"] },
        { label: "size", type: "bytes", cardinality: 1, parsers: ["json"] },
        { label: "status", type: "int", cardinality: 2, parsers: ["json"] },
        { label: "took", type: "duration", cardinality: 3, parsers: ["logfmt"] },
        { label: "user", type: "int", cardinality: 1, parsers: ["logfmt"] },
      ],
    },
  ],
  [
    "Logs Drilldown asks for the values of a field",
    `detected_field/status/values?${query('{app="web"}')}&${SPAN}`,
    GRAFANA,
    { values: ["200", "500"] },
  ],
  [
    "Logs Drilldown asks for patterns",
    `patterns?${query('{app="api"}')}&${SPAN}&step=10s`,
    GRAFANA,
    {
      status: "success",
      data: [
        { pattern: 'level=error msg="no room" user=<_> took=<_>' },
        { pattern: "level=info msg=stopped took=<_>" },
        { pattern: "level=info msg=started took=<_>" },
      ],
    },
  ],
  [
    "Grafana puts a query into its form",
    `format_query?${query('sum(rate({app="api"}|="x"[1m]))by(app)')}`,
    GRAFANA,
    { status: "success", data: 'sum by (app) (rate({app="api"} |= "x" [1m]))' },
  ],
  [
    "Grafana asks for the version",
    "status/buildinfo",
    GRAFANA,
    {
      version: expect.stringMatching(/^3\./),
      branch: expect.stringContaining("telltale"),
    },
  ],
  [
    "logcli query",
    `query_range?direction=BACKWARD&end=${ns(0)}&limit=1&${query('{app="api"}')}&start=${ns(-60_000)}`,
    { "User-Agent": "loki-logcli/3.0.0" },
    {
      data: {
        resultType: "streams",
        result: [
          {
            stream: { ...APP, instance: "push" },
            values: [[ns(-5000), "level=info msg=stopped took=3s"]],
          },
        ],
      },
    },
  ],
  [
    "logcli query --forward",
    `query_range?direction=FORWARD&end=${ns(0)}&limit=1&${query('{app="api"}')}&start=${ns(-60_000)}`,
    {},
    { data: { result: [{ values: [[ns(-9000), "level=info msg=started took=1.5s"]] }] } },
  ],
  [
    "logcli query --step",
    `query_range?direction=BACKWARD&${SPAN}&limit=30&${query('count_over_time({app="api"}[1m])')}&step=60.000000`,
    {},
    {
      data: {
        resultType: "matrix",
        result: [
          { metric: { detected_level: "error" }, values: [[NOW_MS / 1000, "1"]] },
          { metric: { detected_level: "info" }, values: [[NOW_MS / 1000, "2"]] },
        ],
      },
    },
  ],
  [
    "logcli instant-query",
    `query?direction=BACKWARD&limit=30&${query('sum(count_over_time({app=~".+"}[1m]))')}&time=${ns(0)}`,
    {},
    { data: { resultType: "vector", result: [{ value: [NOW_MS / 1000, "5"] }] } },
  ],
  ["logcli labels", `labels?${SPAN}`, {}, { data: ["app", "instance", "job", "service_name"] }],
  ["logcli labels app", `label/app/values?${SPAN}`, {}, { data: ["api", "web"] }],
  [
    "logcli series",
    `series?${SPAN}&match=${encodeURIComponent('{job=~".+"}')}`,
    {},
    { data: [{ app: "api" }, { app: "web" }] },
  ],
  ["logcli series of everything", `series?${SPAN}&match=%7B%7D`, {}, { data: [{}, {}] }],
  [
    "logcli stats",
    `index/stats?${SPAN}&${query('{job=~".+"}')}`,
    {},
    { streams: 2, chunks: 2, entries: 5, bytes: 171 },
  ],
  [
    "logcli volume",
    `index/volume?${SPAN}&limit=30&${query('{job="docker"}')}`,
    {},
    { data: { result: [{ metric: { job: "docker" }, value: [NOW_MS / 1000, "67"] }] } },
  ],
];

test("what clients ask is answered as they expect it", async () => {
  const bed = await startWithLines();
  for (const [what, path, headers, body] of CASES) {
    const answer = await bed.get(`/loki/api/v1/${path}`, headers);
    expect(answer.status, `${what}: ${JSON.stringify(answer.body)}`).toBe(200);
    expect(answer.body, what).toMatchObject(body as object);
  }
});

test.each([
  ["no LogQL", query("{"), "LogQL 1:2"],
  ["a label that is none", `${query("{}")}&targetLabels=a)%20or%20(b`, "invalid label name"],
  ["a way to add up that is none", `${query("{}")}&aggregateBy=x`, "series or labels"],
])("a failure is plain text: %s", async (_what, parameters, why) => {
  const bed = await LokiBed.start();
  const { status, headers, body } = await bed.get(`/loki/api/v1/index/volume?${parameters}`);
  expect(status).toBe(400);
  expect(headers.get("content-type")).toBe("text/plain; charset=utf-8");
  expect(body).toContain(why);
});

test("long answers are compressed for who takes it, those of Prometheus' API too", async () => {
  const long = "x".repeat(2000);
  const rule = `{ record: r, expr: vector(1), labels: { long: ${long} } }`;
  const bed = await LokiBed.start(`groups: [{ name: g, rules: [${rule}] }]`);
  const lines = Array.from({ length: 100 }, (_, i) => [NOW_MS - i, `line ${i}`] as const);
  await bed.pushLines(APP, lines);
  const path = `/loki/api/v1/query_range?${query('{app="api"}')}`;
  const packed = await bed.get(path, { "accept-encoding": "gzip" });
  expect(packed.headers.get("content-encoding")).toBe("gzip");
  expect(packed.body.data.result[0].values).toHaveLength(100);
  const plain = await bed.get(path, { "accept-encoding": "gzip;q=0, identity" });
  expect(plain.headers.get("content-encoding")).toBe(null);
  expect(plain.headers.get("vary")).toBe("Accept-Encoding");
  expect(plain.body).toMatchObject({ data: { result: packed.body.data.result } });
  const rules = await bed.get("/api/v1/rules", { "accept-encoding": "gzip" });
  expect(rules.headers.get("content-encoding")).toBe("gzip");
});

test("it is ready when it is", async () => {
  const bed = await LokiBed.start();
  expect(await bed.get("/ready")).toMatchObject({ status: 200, body: "ready\n" });
});

const PROMTAIL = {
  "content-type": "application/x-protobuf",
  "user-agent": "promtail/3.0.0",
  "x-scope-orgid": "fake",
};

test("Promtail, Fluent Bit and a shell push; what comes again is stored once, over a restart too", async () => {
  const bed = await LokiBed.start();
  const seconds = NOW_MS / 1000 - 10;
  const entries = [
    { seconds, nanos: 1, line: "one", metadata: { trace_id: "7" } },
    { seconds, nanos: 2_000_000, line: "two" },
  ];
  const message = pushMessage([{ labels: '{app="api", filename="/var/log/a.log"}', entries }]);
  const body = new Uint8Array(compressSync(Buffer.from(message)));
  expect(await bed.push(body, PROMTAIL)).toEqual({ status: 204, text: "" });
  expect((await bed.push(body, PROMTAIL)).status).toBe(204);
  const json = JSON.stringify({
    streams: [{ stream: { app: "web" }, values: [[ns(-1), "three"]] }],
  });
  const headers = { "content-type": "application/json", "content-encoding": "gzip" };
  expect((await bed.push(gzipSync(json), headers)).status).toBe(204);
  await bed.restart();
  expect((await bed.push(body, PROMTAIL)).status).toBe(204);
  const count = `query?${query('sum by (app) (count_over_time({app=~".+"}[1m]))')}`;
  const { body: answer } = await bed.get(`/loki/api/v1/${count}`);
  expect(answer.data.result).toMatchObject([
    { metric: { app: "api" }, value: [expect.anything(), "2"] },
    { metric: { app: "web" }, value: [expect.anything(), "1"] },
  ]);
});

test.each<[string, string | Uint8Array, Record<string, string>, number, string]>([
  ["nothing", "", PROMTAIL, 400, "no Snappy block"],
  ["no JSON", "x", { "content-type": "application/json" }, 400, "JSON"],
  [
    "no stream",
    '{"streams":[]}',
    { "content-type": "application/json" },
    422,
    "at least one valid",
  ],
  [
    "no labels",
    `{"streams":[{"stream":{},"values":[["${ns(0)}","x"]]}]}`,
    { "content-type": "application/json" },
    400,
    "error at least one label pair is required per stream",
  ],
  ["too much", new Uint8Array(5e6), PROMTAIL, 413, "too large"],
])("a push of %s is refused", async (_what, body, headers, status, why) => {
  const bed = await LokiBed.start();
  const answer = await bed.push(body, headers);
  expect(answer).toMatchObject({ status, text: expect.stringContaining(why) });
});
