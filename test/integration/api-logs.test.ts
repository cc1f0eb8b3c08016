import { credentials } from "@grpc/grpc-js";
import { expect, onTestFinished, test } from "vitest";
import { createAlertsService } from "../../aggregator/api/alerts-service.ts";
import { startGrpcServer } from "../../aggregator/api/grpc-server.ts";
import { createHttpServer } from "../../aggregator/api/http-server.ts";
import { createLogsService } from "../../aggregator/api/logs-service.ts";
import { createQueryService } from "../../aggregator/api/query-service.ts";
import { createServicesService } from "../../aggregator/api/services-service.ts";
import { createTargetsService } from "../../aggregator/api/targets-service.ts";
import { runCli } from "../../cli/program.ts";
import { labelsOf } from "../../shared/model/labels.ts";
import { nodeClock } from "../../shared/platform/node.ts";
import type { LinesRequest } from "../../shared/wire/generated/telltale/v1/LinesRequest.ts";
import type { LinesResponse__Output } from "../../shared/wire/generated/telltale/v1/LinesResponse.ts";
import { loadTelltale } from "../../shared/wire/proto.ts";
import { MemoryLines } from "../support/memory-lines.ts";
import { eventually } from "../support/programs.ts";
import { createApiBed } from "./api-bed.ts";

/** 2026-01-06T12:00:00Z, in seconds. */
const NOON = 1_767_700_800;
const APP = labelsOf({ filename: "/var/log/app.log", job: "files", service: "app" });
const NGINX = labelsOf({ container: "web", job: "docker", service: "nginx", stream: "stdout" });
const at = (seconds: number) => (NOON + seconds) * 1e6;
const SPAN = `start=${NOON}000000000&end=${NOON + 100}000000000`;

async function startLines(): Promise<MemoryLines> {
  const lines = new MemoryLines();
  await lines.add(APP, [
    [at(1), "level=info msg=started"],
    [at(3), 'level=error msg="no room" user=7'],
  ]);
  await lines.add(NGINX, [
    [at(2), '{"status":200,"path":"/"}'],
    [at(4), '{"status":500,"path":"/pay"}'],
  ]);
  await lines.add(APP, [[at(5), "level=info msg=stopped"]]);
  return lines;
}

async function startHttp() {
  const lines = await startLines();
  const server = createHttpServer({
    ...createApiBed(),
    logs: lines.api,
    push: lines.push,
    readiness: { isReady: () => true },
  });
  onTestFinished(() => server.close());
  const get = async (path: string, query: Record<string, string> = {}) => {
    const url = `/loki/api/v1/${path}?${SPAN}&${new URLSearchParams(query)}`;
    const response = await server.inject({ method: "GET", url });
    const isJson = String(response.headers["content-type"]).startsWith("application/json");
    return { status: response.statusCode, body: isJson ? response.json() : response.body };
  };
  return { lines, get };
}

async function startGrpc() {
  const lines = await startLines();
  const bed = createApiBed();
  const server = await startGrpcServer(
    {
      ingest: { Stream: () => {} },
      query: createQueryService(bed.api, bed.logger),
      services: createServicesService(bed.api, bed.logger),
      logs: createLogsService(lines.api, bed.logger),
      alerts: createAlertsService(bed.alerts, nodeClock, bed.logger),
      targets: createTargetsService(bed.api, bed.logger),
      clock: nodeClock,
      access: null,
    },
    { host: "127.0.0.1", port: 0 },
  );
  const client = new (loadTelltale().v1.Logs)(server.address, credentials.createInsecure());
  onTestFinished(() => {
    client.close();
    return server[Symbol.asyncDispose]();
  });
  const ask = (request: LinesRequest) =>
    client.lines({ startUs: at(0), endUs: at(100), ...request });
  return { lines, ask, address: server.address };
}

/** `telltale logs`, ten seconds after noon. */
function runLogs(server: string, ...args: string[]) {
  return runLogsOn(server, { isInteractive: false }, args);
}

function runLogsOn(server: string, terminal: { isInteractive: boolean }, args: readonly string[]) {
  const said = { output: "", errors: "", code: -1 };
  const ended = runCli(["logs", ...args, "--server", server], {
    write: (text) => {
      said.output += text;
    },
    writeError: (text) => {
      said.errors += text;
    },
    ...terminal,
    environment: {},
    nowMs: () => (NOON + 10) * 1000,
  });
  void ended.then((code) => {
    said.code = code;
  });
  return said;
}

const texts = (messages: readonly LinesResponse__Output[]) =>
  messages.flatMap((message) => message.lines.map(({ line }) => line));

test("lines of several blocks come newest first, by stream, as Loki gives them", async () => {
  const { get } = await startHttp();
  const { status, body } = await get("query_range", { query: '{instance="web1"}' });
  expect(status).toBe(200);
  expect(body.data.resultType).toBe("streams");
  const app = { filename: "/var/log/app.log", instance: "web1", job: "files", service: "app" };
  expect(body.data.result).toEqual([
    {
      stream: { ...app, detected_level: "info" },
      values: [
        [`${NOON + 5}000000000`, "level=info msg=stopped"],
        [`${NOON + 1}000000000`, "level=info msg=started"],
      ],
    },
    {
      stream: {
        container: "web",
        detected_level: "unknown",
        instance: "web1",
        job: "docker",
        service: "nginx",
        stream: "stdout",
      },
      values: [
        [`${NOON + 4}000000000`, '{"status":500,"path":"/pay"}'],
        [`${NOON + 2}000000000`, '{"status":200,"path":"/"}'],
      ],
    },
    {
      stream: { ...app, detected_level: "error" },
      values: [[`${NOON + 3}000000000`, 'level=error msg="no room" user=7']],
    },
  ]);
});

test("filters, stages, direction and limit do what they say", async () => {
  const { get } = await startHttp();
  const query = '{job=~"files|docker"} | logfmt | level="error"';
  const found = await get("query_range", { query });
  expect(found.body.data.result[0].values).toEqual([
    [`${NOON + 3}000000000`, 'level=error msg="no room" user=7'],
  ]);
  const oldest = await get("query_range", {
    query: '{job="files"}',
    direction: "forward",
    limit: "1",
  });
  expect(oldest.body.data.result[0].values).toEqual([
    [`${NOON + 1}000000000`, "level=info msg=started"],
  ]);
});

test("numbers made of lines come as a matrix and as a vector", async () => {
  const { get } = await startHttp();
  const query = 'sum by (status) (count_over_time({service="nginx"} | json [10s]))';
  const range = await get("query_range", { query, step: "10s" });
  expect(range.body.data.resultType).toBe("matrix");
  expect(range.body.data.result).toContainEqual({
    metric: { status: "500" },
    values: [[NOON + 10, "1"]],
  });
  const instant = await get("query", { query, time: `${NOON + 9}` });
  expect(instant.body.data.result).toEqual([
    { metric: { status: "200" }, value: [NOON + 9, "1"] },
    { metric: { status: "500" }, value: [NOON + 9, "1"] },
  ]);
});

test("labels, their values and series are those of the time", async () => {
  const { get } = await startHttp();
  expect((await get("labels")).body.data).toEqual([
    "container",
    "filename",
    "instance",
    "job",
    "service",
    "stream",
  ]);
  const { body } = await get("label/service/values", { query: '{job="docker"}' });
  expect(body.data).toEqual(["nginx"]);
  const series = await get("series", { "match[]": '{service="app"}' });
  expect(series.body.data).toEqual([
    { filename: "/var/log/app.log", instance: "web1", job: "files", service: "app" },
  ]);
});

test.each([
  ["no LogQL", { query: '{job="files"} | nonsense' }, "LogQL 1:25: unexpected"],
  ["a selector of nothing", { query: "" }, "query"],
  ["too many lines", { query: '{job="files"}', limit: "5001" }, "5000 lines at most"],
  ["no direction", { query: '{job="files"}', direction: "up" }, "forward or backward"],
  ["points without end", { query: 'rate({job="files"}[1m])', step: "1ms" }, "11,000 points"],
])("%s is refused with the reason", async (_what, query, why) => {
  const { get } = await startHttp();
  const { status, body } = await get("query_range", query as Record<string, string>);
  expect(status).toBe(400);
  expect(body).toContain(why);
});

test("over gRPC a stream's labels are said once, before its first line", async () => {
  const { ask } = await startGrpc();
  const messages: LinesResponse__Output[] = [];
  for await (const message of ask({ query: '{instance="web1"}', isForward: true })) {
    messages.push(message);
  }
  expect(texts(messages)).toHaveLength(5);
  const streams = messages.flatMap((message) => message.streams);
  expect(streams.map(({ id }) => id)).toEqual([0, 1, 2]); // two levels of one source
  expect(streams[0]?.labels).toContain("/var/log/app.log");
  expect(messages.flatMap((message) => message.lines).map(({ stream }) => stream)).toEqual([
    0, 1, 2, 1, 0,
  ]);
});

test("who follows gets what was there and what comes, each line once", async () => {
  const { lines, ask } = await startGrpc();
  const call = ask({ query: '{service="app"} |= "level"', follow: true });
  const messages: LinesResponse__Output[] = [];
  call.on("data", (message: LinesResponse__Output) => messages.push(message));
  call.on("error", () => {});
  await eventually(() => texts(messages).length === 3);
  await lines.add(NGINX, [[at(6), "level: not of this service"]]);
  await lines.add(APP, [[at(7), "level=warn msg=again"]]);
  await eventually(() => texts(messages).length === 4);
  expect(texts(messages)).toEqual([
    "level=info msg=started",
    'level=error msg="no room" user=7',
    "level=info msg=stopped",
    "level=warn msg=again",
  ]);
  call.cancel();
});

test("over gRPC a query that cannot be read is refused with the place", async () => {
  const { ask } = await startGrpc();
  const answer = (async () => {
    for await (const _ of ask({ query: '{job="files"' })) {
      // nothing comes
    }
  })();
  await expect(answer).rejects.toMatchObject({ code: 3, details: expect.stringContaining("1:") });
});

test("telltale logs prints lines oldest first, and where they are from", async () => {
  const { address } = await startGrpc();
  const said = runLogs(address, '{instance="web1"} != "status"', "--since", "5m");
  await eventually(() => said.code >= 0);
  expect(said).toEqual({
    code: 0,
    errors: "",
    output: [
      "2026-01-06T12:00:01.000Z web1 app level=info msg=started",
      '2026-01-06T12:00:03.000Z web1 app level=error msg="no room" user=7',
      "2026-01-06T12:00:05.000Z web1 app level=info msg=stopped",
      "",
    ].join("\n"),
  });
});

test("telltale logs as JSON has an object a line", async () => {
  const { address } = await startGrpc();
  const said = runLogs(address, '{service="nginx"} |= "500"', "--output", "json");
  await eventually(() => said.code >= 0);
  expect(JSON.parse(said.output)).toEqual({
    time: "2026-01-06T12:00:04.000Z",
    labels: {
      container: "web",
      detected_level: "unknown",
      instance: "web1",
      job: "docker",
      service: "nginx",
      stream: "stdout",
    },
    line: '{"status":500,"path":"/pay"}',
  });
});

test("telltale logs prints numbers made of lines as a table", async () => {
  const { address } = await startGrpc();
  const said = runLogs(address, 'sum by (service) (count_over_time({instance="web1"}[1m]))');
  await eventually(() => said.code >= 0);
  expect(said.output).toBe("service  VALUE\napp          3\nnginx        2\n");
});

test("telltale logs says when there may be more, and what of it was not understood", async () => {
  const { address } = await startGrpc();
  const few = runLogs(address, '{instance="web1"}', "--limit", "2");
  await eventually(() => few.code >= 0);
  expect(few.output.split("\n")).toHaveLength(3);
  expect(few.errors).toBe("These are the newest 2: there may be more, see --limit\n");
  const none = runLogs(address, '{instance="web2"}');
  await eventually(() => none.code >= 0);
  expect(none.errors).toContain("No line matches in the time");
  const bad = runLogs(address, '{instance="web1"');
  await eventually(() => bad.code >= 0);
  expect(bad).toMatchObject({ code: 1, errors: expect.stringContaining("LogQL 1:17") });
});

test("telltale logs --follow prints what comes in, and nothing that a terminal would obey", async () => {
  const { lines, address } = await startGrpc();
  const said = runLogs(address, '{service="app"}', "--follow", "--limit", "1");
  await eventually(() => said.output.includes("stopped"));
  await lines.add(APP, [[at(7), "tick \u001b[2J\nsecond"]]);
  await eventually(() => said.output.includes("tick"));
  expect(said.output).toBe(
    "2026-01-06T12:00:05.000Z web1 app level=info msg=stopped\n" +
      "2026-01-06T12:00:07.000Z web1 app tick \\u001b[2J\n  second\n",
  );
});

test("lines are found, and coloured, by the level that was found in them", async () => {
  const { get } = await startHttp();
  const { body } = await get("query_range", { query: '{job="files"} | detected_level="error"' });
  expect(body.data.result.map(({ values }: { values: unknown[] }) => values)).toEqual([
    [[`${NOON + 3}000000000`, 'level=error msg="no room" user=7']],
  ]);
  const { address } = await startGrpc();
  const said = runLogsOn(address, { isInteractive: true }, ['{service="app"}', "-n", "2"]);
  await eventually(() => said.code >= 0);
  expect(said.output).toContain('\u001b[31mlevel=error msg="no room" user=7\u001b[0m');
  expect(said.output).toContain(" level=info msg=stopped\n");
});
