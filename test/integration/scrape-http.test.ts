import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { expect, onTestFinished, test, vi } from "vitest";
import { BodyRoom } from "../../agent/model/body-room.ts";
import { Connections } from "../../agent/scrape/http/connections.ts";
import { exchange } from "../../agent/scrape/http/exchange.ts";
import { discoveryGet, systemAuthorities } from "../../agent/scrape/http/http-gets.ts";
import { directoryForTest } from "../support/directory-for-test.ts";
import {
  allClosed,
  failureOf,
  getFrom,
  PLAIN_HTTP,
  rawServer,
  testGets,
  testServer,
} from "../support/http-gets.ts";
import { answerWith } from "../support/http-receiver.ts";

const OK = "HTTP/1.1 200 OK\r\n";

test("an answer comes with its status, its type and its whole body", async () => {
  const text = randomBytes(150_000).toString("hex");
  const there = await testServer(answerWith(503, text, { "content-type": "text/plain" }));
  const asked = { headers: { Accept: "text/plain" } };
  expect(await getFrom(testGets(), `${there.url}/metrics?x=1&y=%20`, asked)).toEqual({
    ...{ status: 503, contentType: "text/plain", text },
  });
  expect(there.last).toMatchObject({ method: "GET", target: "/metrics?x=1&y=%20", body: "" });
  expect(there.last.headers).toEqual({
    host: new URL(there.url).host,
    "user-agent": expect.stringMatching(/^telltale\//),
    "accept-encoding": "gzip",
    accept: "text/plain",
    connection: "keep-alive",
  });
});

test("a connection is kept for the next request, whatever the job", async () => {
  const gets = testGets();
  const ports = new Set<number | undefined>();
  const { url } = await testServer((_request, response) => {
    ports.add(response.socket?.remotePort);
    response.end("x".repeat(100_000));
  });
  for (let i = 0; i < 5; i += 1) await getFrom(gets, `${url}/${i}`);
  await getFrom(gets, url, { http: { basicAuth: null } });
  expect(ports.size).toBe(1);
  await gets[Symbol.asyncDispose]();
  expect(await failureOf(getFrom(gets, url))).toMatch("UNAVAILABLE");
});

test("an idle connection is closed after five minutes", async () => {
  const { url } = await testServer();
  const connections = new Connections(systemAuthorities({}));
  onTestFinished(() => connections.close());
  const way = { target: new URL(url), socketPath: null, proxy: null, http: PLAIN_HTTP };
  const { options } = await connections.routeTo(way);
  const sent = { connection: { ...options, stop: AbortSignal.timeout(10_000) }, headers: {} };
  using lease = new BodyRoom().lease();
  const body = { bytesMax: 0, lease };
  await exchange({ ...sent, body }, AbortSignal.timeout(10_000));
  const { agent } = options;
  await vi.waitFor(() => {
    const free = typeof agent === "object" ? Object.values(agent.freeSockets).flat() : [];
    expect(free.map((socket) => socket?.timeout)).toEqual([300_000]);
  });
});

test("requests at the same time have connections of their own", async () => {
  const gets = testGets();
  let waiting: (() => void)[] = [];
  const { url } = await testServer((_request, response) => {
    waiting.push(() => response.end("ok"));
    if (waiting.length < 20) return;
    for (const answer of waiting) answer();
    waiting = [];
  });
  const all = await Promise.all(Array.from({ length: 20 }, () => getFrom(gets, url)));
  expect(all.map(({ text }) => text)).toEqual(Array(20).fill("ok"));
});

test("a kept connection that the server had given up is replaced by a new one", async () => {
  const got: number[] = [];
  const { url } = await rawServer((socket, count) => {
    let requests = 0;
    socket.on("data", () => {
      got.push(count);
      requests += 1;
      if (count < 3 && requests > 1) socket.destroy();
      else socket.write(`${OK}Content-Length: 2\r\n\r\nok`);
    });
  });
  const gets = testGets();
  await Promise.all([getFrom(gets, url), getFrom(gets, url)]);
  expect((await getFrom(gets, url)).text).toBe("ok");
  expect(got).toEqual([1, 2, expect.any(Number), expect.any(Number), 3]);
});

test.each([
  ["a new connection that is closed", 0, ""],
  ["a kept one that is closed in the middle of the answer", 1, "HTTP/1.1 200"],
])("%s is not tried again", async (_case, answers, beforeEnd) => {
  let requests = 0;
  const { url } = await rawServer((socket) => {
    socket.on("data", () => {
      requests += 1;
      if (requests <= answers) socket.write(`${OK}Content-Length: 2\r\n\r\nok`);
      else socket.end(beforeEnd, () => socket.destroy());
    });
  });
  const gets = testGets();
  for (let i = 0; i < answers; i += 1) await getFrom(gets, url);
  const why = await failureOf(getFrom(gets, url));
  expect(why).toMatch(/^UNAVAILABLE 127.0.0.1:\d+: (connection closed|the answer is not HTTP)/);
  expect(requests).toBe(answers + 1);
});

test("a Unix socket is asked, and its redirects are answers", async () => {
  const socketPath = join(directoryForTest(), "engine.sock");
  const server = createServer((request, response) => {
    const { host = "" } = request.headers;
    response.writeHead(302, { location: "/other", "content-type": "a/b" });
    response.end(`${request.url} ${host}`);
  });
  server.listen(socketPath);
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const gets = testGets({ HTTP_PROXY: "http://127.0.0.1:9" });
  const asked = { socketPath, http: { proxyFromEnvironment: true } };
  expect(await getFrom(gets, "http://localhost/networks?a=1", asked)).toEqual({
    ...{ status: 302, contentType: "a/b", text: "/networks?a=1 localhost" },
  });
  const gone = { socketPath: `${socketPath}.gone` };
  expect(await failureOf(getFrom(gets, "http://localhost/", gone))).toBe(
    "UNAVAILABLE localhost: no such socket",
  );
});

test("a discovery gets text", async () => {
  const { url } = await testServer((_request, response) => {
    response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync('{"ä":1}'));
  });
  const request = { url, socketPath: null, headers: {}, http: PLAIN_HTTP, bytesMax: 100 };
  const get = discoveryGet(testGets(), new BodyRoom());
  expect(await get(request, AbortSignal.timeout(10_000))).toEqual({
    ...{ status: 200, contentType: "", body: '{"ä":1}' },
  });
});

test("credentials and headers are sent, those of files as they are now", async () => {
  const directory = directoryForTest();
  const file = (name: string, text: string) => {
    writeFileSync(join(directory, name), text);
    return join(directory, name);
  };
  const there = await testServer();
  const gets = testGets();
  const credentialsFile = file("token", " one\n");
  const headers = {
    "x-plain": { values: ["a", "b"], files: [] },
    "x-file": { values: [], files: [file("header", "\tfirst \r\n")] },
  };
  const http = { headers, authorization: { type: "Bearer", credentials: null, credentialsFile } };
  await getFrom(gets, there.url, { http });
  expect(there.last.headers).toMatchObject({
    ...{ authorization: "Bearer one", "x-plain": "a, b", "x-file": "first" },
  });
  file("token", "another\n");
  file("header", "sécond");
  await getFrom(gets, there.url, { http });
  expect(there.last.headers.authorization).toBe("Bearer another");
  expect(Buffer.from(String(there.last.headers["x-file"]), "latin1").toString()).toBe("sécond");

  const usernameFile = file("user", "me\n");
  const basicAuth = { username: null, usernameFile, password: "p:ä ", passwordFile: null };
  await getFrom(gets, there.url, { http: { basicAuth } });
  const basic = Buffer.from("me:p:ä ").toString("base64");
  expect(there.last.headers.authorization).toBe(`Basic ${basic}`);
  const [scheme, rest] = there.url.split("//");
  await getFrom(gets, `${scheme}//u%40:p%3A@${rest}`);
  const ofUrl = Buffer.from("u@:p:").toString("base64");
  expect(there.last.headers.authorization).toBe(`Basic ${ofUrl}`);
});

test("a secret that cannot be sent is not in the error", async () => {
  const { url, got } = await testServer();
  const path = join(directoryForTest(), "token");
  const authorization = { type: "Bearer", credentials: null, credentialsFile: path };
  const ask = () => failureOf(getFrom(testGets(), url, { http: { authorization } }));
  expect(await ask()).toMatch(/^UNAVAILABLE 127.0.0.1:\d+: \/.*\/token cannot be read: ENOENT$/);
  writeFileSync(path, "hush\r\nX-Other: 1");
  const why = await ask();
  expect(why).toMatch(/token: a header cannot hold this text$/);
  expect(why).not.toMatch(/hush|Other/);
  writeFileSync(path, "x".repeat(2 * 1024 ** 2));
  expect(await ask()).toMatch(/^UNAVAILABLE .*larger than 1048576 bytes$/);
  expect(got).toEqual([]);
});

test("what is packed with gzip is unpacked, and other ways are refused", async () => {
  const text = "metric 1\n".repeat(50_000);
  const packed = gzipSync(text);
  const { url } = await testServer(({ target }, response) => {
    response.writeHead(200, { "content-encoding": target.slice(1) });
    response.write(packed.subarray(0, 100));
    response.end(target === "/Gzip" ? packed.subarray(100, -20) : packed.subarray(100));
  });
  expect((await getFrom(testGets(), `${url}/gzip`)).text).toBe(text);
  const why = (path: string) => failureOf(getFrom(testGets(), `${url}/${path}`));
  expect(await why("Gzip")).toMatch(/^UNAVAILABLE .*: the packed answer is cut$/);
  expect(await why("br")).toMatch(/^UNAVAILABLE .*: The answer is packed by something else/);
  const junk = await testServer(answerWith(200, "junk", { "content-encoding": "gzip" }));
  expect(await failureOf(getFrom(testGets(), junk.url))).toMatch(
    /^UNAVAILABLE .*: the packed answer is damaged$/,
  );
});

test("what comes after a packed answer without end is not waited for", async () => {
  const { url, sockets } = await rawServer((socket) => {
    socket.once("data", () => {
      socket.write(`${OK}Content-Encoding: gzip\r\nContent-Length: 100000\r\n\r\n`);
      socket.write(Buffer.concat([gzipSync("all"), Buffer.alloc(100)]));
    });
  });
  expect((await getFrom(testGets(), url)).text).toBe("all");
  await allClosed(sockets);
});

test("a small answer that unpacks to a large one is refused before it is held", async () => {
  const bomb = gzipSync(Buffer.alloc(64 * 1024 ** 2));
  const { url } = await testServer((_request, response) => {
    response.writeHead(200, { "content-encoding": "gzip" }).end(bomb);
  });
  let most = 0;
  const before = process.memoryUsage().arrayBuffers;
  const timer = setInterval(() => {
    most = Math.max(most, process.memoryUsage().arrayBuffers - before);
  }, 1);
  onTestFinished(() => clearInterval(timer));
  expect(await failureOf(getFrom(testGets(), url, { bytesMax: 2 * 1024 ** 2 }))).toMatch(
    /^LIMIT 127.0.0.1:\d+: The answer is larger than 2097152 bytes$/,
  );
  expect(most).toBeLessThan(16 * 1024 ** 2);
});

test("the bound of the body is inclusive, however the length is said", async () => {
  const { url } = await testServer(({ target }, response) => {
    if (target === "/announced") response.writeHead(200, { "content-length": "1000" });
    else response.write("");
    response.write("x".repeat(600));
    response.end("x".repeat(400));
  });
  for (const path of ["announced", "chunked"]) {
    const ask = (bytesMax: number) => getFrom(testGets(), `${url}/${path}`, { bytesMax });
    expect((await ask(1000)).text).toHaveLength(1000);
    expect(await failureOf(ask(999))).toMatch(/^LIMIT .* larger than 999 bytes$/);
  }
});

test("an announced length over the bound is refused before any of the body", async () => {
  const { url, sockets } = await rawServer((socket) => {
    socket.once("data", () => socket.write(`${OK}Content-Length: 99999999999\r\n\r\n`));
  });
  expect(await failureOf(getFrom(testGets(), url))).toMatch(/^LIMIT /);
  await allClosed(sockets);
});

test("a body of a great many chunks of one byte is no larger than its bytes", async () => {
  const { url } = await rawServer((socket) => {
    const chunks = "1\r\nx\r\n".repeat(200_000);
    socket.once("data", () => {
      socket.write(`${OK}Transfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`);
    });
  });
  expect((await getFrom(testGets(), url)).text).toBe("x".repeat(200_000));
});

test("headers without end are refused", async () => {
  const { url } = await rawServer((socket) => {
    socket.write(`${OK}`);
    const timer = setInterval(() => socket.write("X-More: and more of it\r\n".repeat(100)), 1);
    socket.on("close", () => clearInterval(timer));
  });
  expect(await failureOf(getFrom(testGets(), url))).toMatch(
    /^LIMIT 127.0.0.1:\d+: headers of more than 16384 bytes$/,
  );
});

test.each([
  ["junk", "SSH-2.0-x\r\n", "the answer is not HTTP"],
  ["a cut body", `${OK}Content-Length: 9\r\n\r\nok`, "connection closed by the other side"],
  ["a cut chunk", `${OK}Transfer-Encoding: chunked\r\n\r\n9\r\nok`, "connection closed by the oth"],
  ["two lengths", `${OK}Content-Length: 2\r\nContent-Length: 3\r\n\r\nok`, "the answer is not HTT"],
  [
    "another protocol",
    "HTTP/1.1 101 X\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    "the answer is of",
  ],
  ["nothing", "", "connection closed by the other side"],
])("%s in the place of an answer is unavailable", async (_case, text, reason) => {
  const { url } = await rawServer((socket) => socket.once("data", () => socket.end(text)));
  const why = await failureOf(getFrom(testGets(), url));
  expect(why).toMatch(new RegExp(`^UNAVAILABLE 127.0.0.1:\\d+: ${reason}`));
});

test("where nobody listens and where there is no host, the error says so, and no secret", async () => {
  const there = await testServer();
  const { port } = new URL(there.url);
  const closed = await rawServer(() => {});
  const url = closed.url.replace("http://", "http://user:hush@");
  expect(await failureOf(getFrom(testGets(), `http://[::1]:${port}/?token=hush`))).toBe(
    `UNAVAILABLE [::1]:${port}: connection refused`,
  );
  expect(await failureOf(getFrom(testGets(), "http://none.invalid/?token=hush"))).toMatch(
    /^UNAVAILABLE none.invalid: (no such host|the name cannot be looked up)$/,
  );
  expect(await failureOf(getFrom(testGets(), "hush://[/"))).toBe("UNAVAILABLE Not a URL");
  expect(url).toContain("hush");
});

const slow: [string, (send: (text: string) => void) => void][] = [
  ["nothing", () => {}],
  ["a header a while", (send) => send(`${OK}X: 1\r\n`)],
  ["a byte a while", (send) => send(`${OK}Content-Length: 999\r\n\r\n`)],
];
test.each(slow)("a server that sends %s is given up by the signal", async (_case, begin) => {
  const { url, sockets } = await rawServer((socket) => {
    socket.resume();
    begin((text) => socket.write(text));
    const timer = setInterval(() => _case === "nothing" || socket.write("x"), 20);
    socket.on("close", () => clearInterval(timer));
  });
  const stop = new AbortController();
  const asked = getFrom(testGets(), url, {}, stop.signal);
  await delay(100);
  const reason = new Error("enough");
  stop.abort(reason);
  await expect(asked).rejects.toBe(reason);
  await allClosed(sockets);
  await expect(getFrom(testGets(), url, {}, stop.signal)).rejects.toBe(reason);
});

test("a signal that is aborted after the answer leaves the connection", async () => {
  const gets = testGets();
  const ports = new Set<number | undefined>();
  const { url } = await testServer((_request, response) => {
    ports.add(response.socket?.remotePort);
    response.end();
  });
  const stop = new AbortController();
  await getFrom(gets, url, {}, stop.signal);
  stop.abort();
  await delay(20);
  await getFrom(gets, url);
  expect(ports.size).toBe(1);
});
