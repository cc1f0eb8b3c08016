import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { expect, test } from "vitest";
import { directoryForTest } from "../support/directory-for-test.ts";
import { Bed, eventually, runProgram } from "../support/programs.ts";

async function serve(answer: RequestListener) {
  const server = createServer(answer).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const close = async () => {
    server.closeAllConnections();
    server.close();
  };
  return { host: `127.0.0.1:${port}`, [Symbol.asyncDispose]: close };
}

/** 1 GB of it, if anybody reads so much. */
const CHUNK = Buffer.alloc(1024 ** 2, "[1,2],");
const ENDLESS_CHUNKS = 1000;

const HOSTILE: Record<string, () => string | Buffer> = {
  "/deep": () => "[".repeat(10_000),
  "/many": () => `[${"0,".repeat(10_000_000)}0]`,
  "/text": () => "<html>not found</html>",
  "/proto": () => '{"__proto__": {"response_time": 1}, "constructor": 5}',
  "/same": () => '{"queues": [{"name": "a", "length": 1}, {"name": "a", "length": 2}]}',
};

const answerOf =
  (state: { time: number }): RequestListener =>
  (request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    const hostile = HOSTILE[pathname];
    if (hostile !== undefined) {
      response.end(hostile());
      return;
    }
    if (pathname === "/endless") {
      response.write("[");
      let left = ENDLESS_CHUNKS;
      const more = () => {
        while (left > 0 && !response.destroyed) {
          left -= 1;
          if (!response.write(CHUNK)) return response.once("drain", more);
        }
        return response.end("1]");
      };
      more();
      return;
    }
    response.setHeader("content-type", "application/json");
    response.end(
      JSON.stringify({
        response_time: state.time,
        is_open: true,
        queues: [
          { name: "mail", length: 3 },
          { name: "pay", length: null },
        ],
      }),
    );
  };

test("fields of a job arrive as series; hostile answers harm nothing beside them", async () => {
  const state = { time: 0.25 };
  await using bed = await Bed.open();
  await using server = await serve(answerOf(state));
  const paths = [...Object.keys(HOSTILE), "/endless", "/status"];
  const jobs = paths.map(
    (path) => `
- job_name: ${path.slice(1)}
  scrape_interval: 1s
  metrics_path: ${path}
  static_configs: [{ targets: ["${server.host}"], labels: { service: shop } }]
  fields:
    response_time: { path: $.response_time, type: gauge, unit: seconds }
    is_open: $.is_open
    queue_length: { path: "$.queues[*].length", labels: { queue: $.name } }`,
  );
  const file = bed.write("agent.yaml", `scrape_configs:${jobs.join("")}\n`);
  await bed.startReadyAggregator();
  const { child } = bed.start("agent", [`--config=${file}`]);
  const value = async (expr: string) => (await bed.query(expr)).map(([, one]) => one);
  await eventually(async () => (await value('response_time{job="status"}'))[0] === 0.25);
  expect(await bed.query('{__name__=~"is_open|queue_length",job="status"}')).toEqual([
    [expect.objectContaining({ __name__: "is_open", service: "shop", instance: server.host }), 1],
    [expect.objectContaining({ __name__: "queue_length", queue: "mail" }), 3],
  ]);
  const ups = async () => {
    const found = await bed.query('up{service="shop"}');
    return Object.fromEntries(found.map(([{ job = "" }, up]) => [job, up]));
  };
  const expected = { deep: 0, many: 0, text: 0, proto: 1, same: 1, endless: 0, status: 1 };
  await eventually(async () => Object.keys(await ups()).length === paths.length);
  await eventually(async () => isDeepStrictEqual(await ups(), expected));
  expect(await value('response_time{job="proto"}')).toEqual([]);
  expect(await value('queue_length{job="same"}')).toEqual([1]);
  expect(await bed.agentPage()).toMatch(
    /scrape_samples_left_out_total\{job="same",reason="duplicate"\} [1-9]/,
  );
  state.time = 0.5;
  await eventually(async () => (await value('response_time{job="status"}'))[0] === 0.5);
  expect(child.exitCode).toBeNull();
}, 120_000);

test("telltale-agent scrape tries fields of a URL or a file", async () => {
  await using server = await serve(answerOf({ time: 0.25 }));
  const url = `http://${server.host}/status`;
  const fields = (...list: string[]) => list.flatMap((one) => ["--fields", one]);
  const scrape = (...args: string[]) => runProgram("agent", ["scrape", ...args]);
  expect(await scrape(url, ...fields("response_time=$.response_time"))).toEqual({
    ...{ code: 0, errors: "", output: "response_time 0.25\n" },
  });
  const file = join(directoryForTest(), "answer.json");
  writeFileSync(file, '{"a": [1, "x"]}');
  expect(await scrape(file, ...fields("a=$.a", "b=$.a[0]"))).toEqual({
    code: 0,
    errors: "telltale-agent: values left out, json_not_a_number: 1\n",
    output: 'a{index="0"} 1\nb 1\n',
  });
  expect(await scrape(url.replace("status", "deep"), ...fields("a=$.a"))).toEqual({
    ...{ code: 1, output: "", errors: "telltale-agent: JSON deeper than 64\n" },
  });
  expect(await scrape(url, ...fields("a=$..a"))).toMatchObject({ code: 2 });
  expect(await scrape(url, ...fields("$.a"))).toMatchObject({ code: 2 });
}, 60_000);
