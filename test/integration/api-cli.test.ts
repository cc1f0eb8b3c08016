import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { runCli } from "../../cli/program.ts";
import { VERSION } from "../../shared/version.ts";
import { startGrpcBed } from "./api-bed.ts";

/** 100 s after the bed's down node went down. */
const NOW_MS = 1_767_700_100_000;

const startServer = async () => (await startGrpcBed()).server.address;

async function run(server: string | null, ...args: string[]) {
  let output = "";
  let errors = "";
  const code = await runCli(server === null ? args : [...args, "--server", server], {
    write: (text) => {
      output += text;
    },
    writeError: (text) => {
      errors += text;
    },
    isInteractive: false,
    environment: {},
    nowMs: () => NOW_MS,
  });
  return { code, output, errors };
}

async function jsonOf(server: string, ...args: string[]) {
  const { code, output } = await run(server, ...args, "--output", "json");
  return { code, json: JSON.parse(output) };
}

test("nodes are a table", async () => {
  const { code, output, errors } = await run(await startServer(), "nodes");
  expect({ code, errors }).toEqual({ code: 0, errors: "" });
  expect(output).toBe(
    [
      "NODE  STATE  SINCE       LAST TICK     CLOCK  SERIES  STORED  DUPLICATE  REJECTED  MISSING  AGENT  ADDRESS",
      "db1   down   1m 40s ago  1m 44s ago  -3.250s       0      12          1         0        3  0.1.0",
      "web1  up     2h 48m ago  now                     962   10100          0         0        0  0.1.0  10.0.0.7:4711",
      "",
    ].join("\n"),
  );
});

test("nodes --accounting says where every frame is, and exits 1 when it cannot", async () => {
  const { code, output } = await run(await startServer(), "nodes", "--accounting");
  expect(code).toBe(1);
  expect(output).toBe(
    [
      "NODE  OF          MADE  STORED  WAITING  DROPPED  UNACCOUNTED  TOLD        REASONS",
      "db1   frames        20      12        4        3            1  1m 44s ago  buffer_full 3",
      "db1   log blocks     5       5        0        0            0  1m 44s ago",
      "web1  frames                                                   never",
      "",
    ].join("\n"),
  );
});

test("nodes as JSON have every figure", async () => {
  const { json } = await jsonOf(await startServer(), "nodes");
  expect(json[0]).toEqual({
    name: "db1",
    state: "down",
    stateSince: "2026-01-06T11:46:40Z",
    lastTick: "2026-01-06T11:46:36Z",
    agentVersion: "0.1.0",
    address: "",
    series: 0,
    frames: { stored: 12, duplicate: 1, rejected: 0, missing: 3 },
    clockAheadMs: -3250,
    isClockOff: true,
    accounting: {
      made: 20,
      stored: 12,
      waiting: 4,
      dropped: { buffer_full: 3 },
      unaccounted: 1,
      told: "2026-01-06T11:46:36Z",
      ranges: [
        {
          from: "2026-01-06T11:45:00Z",
          to: "2026-01-06T11:45:02Z",
          reason: "buffer_full",
          frames: 3,
          samples: 30,
        },
      ],
    },
    logAccounting: {
      made: 5,
      stored: 5,
      waiting: 0,
      dropped: {},
      unaccounted: 0,
      told: "2026-01-06T11:46:36Z",
      ranges: [],
    },
  });
});

test("status is one page and exits 1 when a node is down", async () => {
  const server = await startServer();
  const { code, output } = await run(server, "status");
  expect(code).toBe(1);
  expect(output).toBe(
    `Aggregator  ${server}
Nodes       1 up, 1 down
Series      962
Alerts      1 firing, 0 pending
Rules       2 in 1 group, 1 failing
Frames      10112 stored, 1 duplicate, 0 rejected, 3 missing

db1 is down: last tick 1m 44s ago
`,
  );
  const { code: jsonCode, json } = await jsonOf(server, "status");
  expect(jsonCode).toBe(1);
  expect(json).toEqual({
    server,
    nodes: { up: 1, down: 1, left: 0, awaited: 0 },
    down: ["db1"],
    series: 962,
    alerts: { firing: 1, pending: 0, noData: 0 },
    rules: { groups: 1, rules: 2, failing: 1 },
    frames: { stored: 10_112, duplicate: 1, rejected: 0, missing: 3 },
  });
});

test("a vector is a table with a column for each label; warnings go to standard error", async () => {
  const { output, errors } = await run(await startServer(), "query", "up");
  expect(output).toBe(
    `METRIC  instance  job   VALUE
up      db1       node      1
up      web1      node      0
`,
  );
  expect(errors).toBe("Warning: a warning\n");
});

test("a query as JSON has the form of Prometheus' API", async () => {
  const { json } = await jsonOf(await startServer(), "query", "up", "--time", "-1m");
  expect(json).toEqual({
    resultType: "vector",
    result: [
      { metric: { __name__: "up", instance: "db1", job: "node" }, value: [1_767_700_040, "1"] },
      { metric: { __name__: "up", instance: "web1", job: "node" }, value: [1_767_700_040, "0"] },
    ],
    warnings: ["a warning"],
  });
});

test("a scalar and a string stand alone, samples stand under their series", async () => {
  const server = await startServer();
  expect((await run(server, "query", "42")).output).toBe("42\n");
  expect((await run(server, "query", '"text"')).output).toBe("text\n");
  expect((await run(server, "query", "up[1m]")).output).toContain(
    `up{instance="db1", job="node"}
TIME                  VALUE
2026-01-06T11:48:18Z      0
`,
  );
  expect((await jsonOf(server, "query", '"text"')).json.result).toEqual([1_767_700_100, "text"]);
});

test("a range shows a line and four figures for each series", async () => {
  const server = await startServer();
  const { output } = await run(server, "range", "up", "--start", "-7s", "--step", "1s");
  expect(output).toBe(
    `2026-01-06T11:48:13Z to 2026-01-06T11:48:20Z, every 1s
METRIC  instance  job   TREND     MIN   AVG  MAX  LAST
up      db1       node  ▁▂▃▄▅▆▇█    0  1.75  3.5   3.5
up      web1      node  ▁▂▃▄▅▆▇█    0  1.75  3.5   3.5
`,
  );
});

test("a range without times is the last hour in a step that fits", async () => {
  const { json } = await jsonOf(await startServer(), "range", "up");
  const { values } = json.result[0];
  expect(values[0]).toEqual([1_767_696_500, "0"]);
  expect(values[1][0] - values[0][0]).toBe(15);
  expect(values.at(-1)[0]).toBe(1_767_700_100);
});

test("alerts show what fires since when; rules show what they are and what fails", async () => {
  const server = await startServer();
  const alerts = await run(server, "alerts");
  expect(alerts.code).toBe(0);
  expect(alerts.output).toContain(
    'firing  NodeDown  1m 40s ago      0             {instance="db1", severity="page"}  db1 is down',
  );
  expect((await jsonOf(server, "alerts")).json).toEqual([
    {
      state: "firing",
      labels: { alertname: "NodeDown", instance: "db1", severity: "page" },
      annotations: { summary: "db1 is down" },
      activeAt: "2026-01-06T11:46:40Z",
      value: "0",
      noData: false,
      silencedBy: [],
      inhibitedBy: [],
      acknowledgedBy: null,
      acknowledgeComment: null,
    },
  ]);
  const rules = await run(server, "rules");
  expect(rules.output).toContain("node: /etc/telltale/rules/node.yaml, every 1s\n");
  expect(rules.output).toContain("\njob:up:sum: Many matches on both sides\n");
  expect((await jsonOf(server, "rules")).json[0].rules[1]).toMatchObject({
    type: "recording",
    state: null,
    health: "err",
  });
});

test("a failed query says why and exits 1", async () => {
  const { code, output, errors } = await run(await startServer(), "query", "nonsense(");
  expect({ code, output }).toEqual({ code: 1, output: "" });
  expect(errors).toBe('telltale: invalid parameter "query": PromQL 1:1: unknown "nonsense("\n');
});

test("when nothing answers, the error says what to look at", async () => {
  const { code, errors } = await run("127.0.0.1:1", "nodes");
  expect(code).toBe(1);
  expect(errors).toMatch(
    /^telltale: Nothing answers at 127\.0\.0\.1:1: is the aggregator running\?/,
  );
  expect(errors).toContain("--server HOST:PORT or TELLTALE_SERVER");
});

test("the HTTP port given by mistake is said, too", async () => {
  const http = createServer((_request, response) => response.end("hello"));
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void http.close());
  const { port } = http.address() as AddressInfo;
  const { code, errors } = await run(`127.0.0.1:${port}`, "nodes");
  expect(code).toBe(1);
  expect(errors).toContain("Its gRPC port is 7070");
});

test.each([
  ["no command", []],
  ["a command there is not", ["nodez"]],
  ["an option there is not", ["nodes", "--colour"]],
  ["a query without its expression", ["query"]],
  ["a time that is none", ["query", "up", "--time", "soon"]],
  ["a step that is none", ["range", "up", "--step", "soon"]],
  ["a step of nothing", ["range", "up", "--step", "0"]],
  ["a range that ends before it starts", ["range", "up", "--start", "now", "--end", "-1h"]],
  ["an output there is not", ["nodes", "--output", "xml"]],
  ["a server that is none", ["nodes", "--server", "http://localhost:7070"]],
  ["a server without a port", ["nodes", "--server", "localhost"]],
])("%s is wrong usage: exit 2 and a word on standard error", async (_name, args) => {
  const { code, output, errors } = await run(null, ...args);
  expect({ code, output }).toEqual({ code: 2, output: "" });
  expect(errors).not.toBe("");
});

test("help and version are on standard output and exit 0", async () => {
  expect(await run(null, "--version")).toEqual({ code: 0, output: `${VERSION}\n`, errors: "" });
  const help = await run(null, "--help");
  expect(help.code).toBe(0);
  expect(help.output).toContain("Exit codes:");
  for (const command of ["status", "nodes", "query", "range", "alerts", "rules"]) {
    expect(help.output).toContain(`  ${command} `);
    const own = await run(null, command, "--help");
    expect(own.code).toBe(0);
    expect(own.output).toContain("Examples:");
    expect(own.output).toContain("--server <host:port>");
  }
});
