import { once } from "node:events";
import { connect } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import WebSocket from "ws";
import { eventually } from "../support/programs.ts";
import { LokiBed } from "./loki-bed.ts";

type Message = {
  readonly streams: { stream: Record<string, string>; values: [string, string, object?][] }[];
  readonly dropped_entries: null;
  readonly encodingFlags?: string[];
};

/** A client as logcli is one. */
class TailClient {
  readonly messages: Message[] = [];
  readonly socket: WebSocket;

  constructor(bed: LokiBed, parameters: Record<string, string>, headers = {}) {
    const search = new URLSearchParams(parameters);
    this.socket = new WebSocket(`${bed.url.replace("http", "ws")}/loki/api/v1/tail?${search}`, {
      headers,
    });
    this.socket.on("message", (bytes: Buffer) => this.messages.push(JSON.parse(String(bytes))));
    this.socket.on("error", () => {});
    onTestFinished(() => this.socket.terminate());
  }

  lines(): string[] {
    return this.messages.flatMap(({ streams }) =>
      streams.flatMap(({ values }) => values.map(([, line]) => line)),
    );
  }
}

const APP = { app: "api" };
const now = Date.now();

test("a tail has the newest lines there are, then each that comes in, once", async () => {
  const bed = await LokiBed.start();
  const old = [
    [now - 3000, "one"],
    [now - 2000, "two"],
    [now - 1000, "three"],
  ] as const;
  await bed.pushLines(APP, old);
  const client = new TailClient(bed, { query: '{app="api"} != "no"', limit: "2", delay_for: "0" });
  await eventually(() => client.lines().length === 2);
  await bed.pushLines({ app: "web" }, [[now, "of another app"]]);
  await bed.pushLines(APP, [
    [now, "four"],
    [now, "no"],
  ]);
  await eventually(() => client.lines().length === 3);
  expect(client.lines()).toEqual(["two", "three", "four"]);
  const [first] = client.messages;
  expect(first?.dropped_entries).toBe(null);
  expect(first?.streams[0]).toEqual({
    stream: { app: "api", detected_level: "unknown", instance: "push", service_name: "api" },
    values: [
      [`${now - 2000}000000`, "two"],
      [`${now - 1000}000000`, "three"],
    ],
  });
});

test("Grafana's live tail has labels by where they are from", async () => {
  const bed = await LokiBed.start();
  const headers = { "X-Loki-Response-Encoding-Flags": "categorize-labels" };
  const client = new TailClient(bed, { query: '{app="api"} | logfmt' }, headers);
  await once(client.socket, "open");
  await bed.pushLines(APP, [[now, "a=1"]]);
  await eventually(() => client.lines().length === 1);
  const message = client.messages.find(({ streams }) => streams.length > 0);
  expect(message?.encodingFlags).toEqual(["categorize-labels"]);
  expect(message?.streams[0]?.values[0]?.[2]).toEqual({
    structuredMetadata: { detected_level: "unknown" },
    parsed: { a: "1" },
  });
});

test("another site's page that a browser shows may not follow lines", async () => {
  const bed = await LokiBed.start();
  await bed.pushLines(APP, [[now, "one"]]);
  const follow = (origin: string) => new TailClient(bed, { query: '{app="api"}' }, { origin });
  const [refusal] = await once(follow("http://evil.example").socket, "unexpected-response").then(
    ([, response]) => [response.statusCode],
  );
  expect(refusal).toBe(403);
  const own = follow(bed.url);
  await eventually(() => own.lines().length === 1);
});

test("lines that come within the delay are put in order", async () => {
  const bed = await LokiBed.start();
  const client = new TailClient(bed, { query: '{app="api"}', delay_for: "1" });
  await once(client.socket, "open");
  await bed.pushLines(APP, [[now - 1000, "second"]]);
  await bed.pushLines(APP, [[now - 2000, "first"]]);
  await eventually(() => client.lines().length === 2);
  expect(client.lines()).toEqual(["first", "second"]);
});

test("who reads slowly misses nothing", async () => {
  const bed = await LokiBed.start();
  const client = new TailClient(bed, { query: '{app="api"}' });
  await once(client.socket, "open");
  client.socket.pause();
  const line = "x".repeat(10_000);
  for (let block = 0; block < 20; block += 1) {
    const lines = Array.from({ length: 100 }, (_, i) => [now, `${block}/${i} ${line}`] as const);
    expect((await bed.pushLines(APP, lines)).status).toBe(204);
  }
  client.socket.resume();
  await eventually(() => client.lines().length === 2000);
  expect(new Set(client.lines()).size).toBe(2000);
});

test.each([
  [{ query: "{" }, 400],
  [{ query: 'rate({app="api"}[1m])' }, 400],
  [{ query: '{app="api"}', delay_for: "6" }, 400],
  [{ query: '{app="api"}', limit: "5001" }, 400],
])("a tail of %j is refused before it is one", async (parameters, status) => {
  const bed = await LokiBed.start();
  const client = new TailClient(bed, parameters as Record<string, string>);
  const [, response] = await once(client.socket, "unexpected-response");
  expect(response.statusCode).toBe(status);
});

test("a tail ends when the aggregator stops, and its place is free when its client goes", async () => {
  const bed = await LokiBed.start();
  for (let i = 0; i < 105; i += 1) {
    const client = new TailClient(bed, { query: '{app="api"}' });
    await once(client.socket, "open");
    client.socket.terminate();
    await once(client.socket, "close");
  }
  const client = new TailClient(bed, { query: '{app="api"}' });
  await once(client.socket, "open");
  const closed = once(client.socket, "close");
  await bed.stop();
  expect((await closed)[0]).toBe(1001);
});

/** What comes back for bytes that no client library sends. */
async function raw(bed: LokiBed, text: string): Promise<string> {
  const { hostname, port } = new URL(bed.url);
  const socket = connect(Number(port), hostname);
  onTestFinished(() => {
    socket.destroy();
  });
  socket.end(text);
  let answer = "";
  for await (const chunk of socket) answer += chunk;
  return answer;
}

test("who offers another protocol is answered in this one", async () => {
  const bed = await LokiBed.start();
  const offer =
    "Host: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: A\r\n";
  const answer = await raw(bed, `GET /ready HTTP/1.1\r\n${offer}\r\n`);
  expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  expect(answer).toMatch(/\r\n\r\nready\n$/);
  const nowhere = "Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n";
  expect(await raw(bed, `GET /tail HTTP/1.1\r\n${nowhere}\r\n`)).toMatch(/^HTTP\/1\.1 404 /);
});
