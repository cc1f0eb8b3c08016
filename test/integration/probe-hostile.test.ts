import { once } from "node:events";
import { createServer as createHttp2 } from "node:http2";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { createServer as createTls } from "node:tls";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, test } from "vitest";
import { BodyRoom } from "../../agent/model/body-room.ts";
import { probedTarget } from "../../agent/probes/config/probed-target.ts";
import { readModulesFile } from "../../agent/probes/config/read-probes.ts";
import { ProbePages } from "../../agent/probes/probe-pages.ts";
import { runProbe } from "../../agent/probes/run-probe.ts";
import { SecureContexts } from "../../agent/probes/tls/secure-contexts.ts";
import { systemAuthorities } from "../../agent/scrape/http/http-gets.ts";
import { nodeClock } from "../../shared/platform/node.ts";
import { signedCertificate } from "../support/certificate-chain.ts";
import { MemoryLogger } from "../support/memory-logger.ts";
import { seriesOf } from "./blackbox.ts";

/** Servers that mean no good: each probe ends in time, says why, and keeps little of what they send. */

const MEBIBYTE = 1024 ** 2;
const { modules } = readModulesFile({
  path: "/m.yml",
  text: `modules:
  gzip: {prober: http, http: {compression: gzip, fail_if_body_not_matches_regexp: [x]}}
  body: {prober: http, http: {fail_if_body_matches_regexp: [x]}}
  expect: {prober: tcp, tcp: {query_response: [{expect: x}]}}
  dns_tcp: {prober: dns, dns: {query_name: a, transport_protocol: tcp}}
  blind: {prober: http, http: {tls_config: {insecure_skip_verify: true}}}
  connect: {prober: http, http: {method: CONNECT, tls_config: {insecure_skip_verify: true}}}`,
});

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function listen(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
  });
  closing.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

/** A server that answers the first bytes with what `pieces` gives, as fast as it is read. */
function talker(pieces: () => Iterable<string | Buffer>, everyMs = 0): Promise<number> {
  const server = createServer((socket) => {
    const iterator = pieces()[Symbol.iterator]();
    const go = () => {
      while (!socket.destroyed) {
        const { value, done } = iterator.next();
        if (done === true) return void socket.end();
        if (everyMs > 0) {
          socket.write(value);
          return void setTimeout(go, everyMs).unref();
        }
        if (!socket.write(value)) return void socket.once("drain", go);
      }
    };
    socket.once("data", go);
  });
  return listen(server);
}

function ports() {
  const contexts = new SecureContexts(systemAuthorities({}));
  return { clock: nodeClock, lease: new BodyRoom().lease(), contexts };
}

async function probe(target: string, module: string | null = null, timeoutMs = 1000) {
  const found = probedTarget(target, module, modules);
  if (typeof found === "string") throw new Error(found);
  const beganMs = performance.now();
  const signal = new AbortController().signal;
  const { page, failure } = await runProbe({ ...found, timeoutMs }, ports(), signal);
  return { series: seriesOf(page), failure, tookMs: performance.now() - beganMs };
}

function* forever(piece: string | Buffer, first: string | Buffer = ""): Iterable<string | Buffer> {
  if (first.length > 0) yield first;
  for (;;) yield piece;
}

const OK = "HTTP/1.1 200 OK\r\n";

describe("HTTP", () => {
  test.each([
    ["endless headers", () => forever("X: y\r\n".repeat(100), OK), 0, /Header overflow/],
    ["one endless header", () => forever("y".repeat(9999), `${OK}X: `), 0, /Header overflow/],
    ["a byte at a time", () => forever("X", OK), 50, /^Not done within 1000 ms$/],
    [
      "an endless body",
      () => forever(Buffer.alloc(MEBIBYTE), `${OK}\r\n`),
      0,
      /^The body: The body is larger than 10485760 bytes$/,
    ],
    [
      "endless chunks of a byte",
      () => forever("1\r\nx\r\n".repeat(500), `${OK}Transfer-Encoding: chunked\r\n\r\n`),
      0,
      /^The body: |^Not done/,
    ],
    [
      "endless informal answers",
      () => forever("HTTP/1.1 103 Early Hints\r\n\r\n".repeat(50)),
      0,
      /./,
    ],
    ["nothing that is HTTP", () => ["\0\u0001".repeat(1000)], 0, /Parse Error/],
  ])("%s", async (_name, pieces, everyMs, reason) => {
    const port = await talker(pieces, everyMs);
    const { failure, series, tookMs } = await probe(`http://127.0.0.1:${port}/`);
    expect(failure).toMatch(reason);
    expect(series).toMatchObject({ probe_success: 0 });
    expect(tookMs).toBeLessThan(5000);
  });

  test("what expands without an end is cut at the limit", async () => {
    const bomb = gzipSync(Buffer.alloc(256 * MEBIBYTE));
    const port = await talker(() => [`${OK}Content-Length: ${bomb.length}\r\n\r\n`, bomb]);
    const before = process.memoryUsage().rss;
    const { failure, series } = await probe(`http://127.0.0.1:${port}/`, "gzip", 5000);
    expect(failure).toBe("The body: The body is larger than 10485760 bytes");
    expect(series).toMatchObject({ probe_http_uncompressed_body_length: 10 * MEBIBYTE });
    expect(process.memoryUsage().rss - before).toBeLessThan(128 * MEBIBYTE);
  });

  test.each([
    ["http://169.254.169.254/latest/meta-data/", /Redirected to a link-local address/],
    ["http://[fd00:ec2::254]/", /Redirected to a link-local address/],
    ["file:///etc/passwd", /Redirected to what is not HTTP/],
    ["ftp://127.0.0.1/", /Redirected to what is not HTTP/],
    [`http://127.0.0.1/${"x".repeat(5000)}`, /Redirected to what is not a URL/],
    ["http://[", /Redirected to what is not a URL/],
  ])("a redirect to %s is not followed", async (location, reason) => {
    const port = await talker(() => [`HTTP/1.1 302 Found\r\nLocation: ${location}\r\n\r\n`]);
    const { failure, series } = await probe(`http://127.0.0.1:${port}/`);
    expect(failure).toMatch(reason);
    expect(series).toMatchObject({ probe_success: 0, probe_http_redirects: 1 });
  });

  test("HTTP/2 that says nothing, and one that never ends", async () => {
    const { cert, key } = await signedCertificate({ subject: "CN=x", names: ["x"], days: 1 }, null);
    const tls = { cert, key, ALPNProtocols: ["h2"] };
    const silent = await listen(createTls(tls, (socket) => socket.on("error", () => {})));
    const first = await probe(`https://127.0.0.1:${silent}/`, "blind");
    expect(first.failure).toBe("Not done within 1000 ms");
    const junk = await listen(createTls(tls, (socket) => socket.on("error", () => {}).end("junk")));
    const second = await probe(`https://127.0.0.1:${junk}/`, "blind");
    expect(second.failure).not.toBe(null);
  });

  test("what HTTP/2 cannot send is a failure, and nothing more", async () => {
    const { cert, key } = await signedCertificate({ subject: "CN=x", names: ["x"], days: 1 }, null);
    const tls = { cert, key, ALPNProtocols: ["h2"] };
    const port = await listen(createTls(tls, (socket) => socket.on("error", () => {})));
    const { failure, series } = await probe(`https://127.0.0.1:${port}/`, "connect");
    expect(failure).toMatch(/CONNECT/);
    expect(series).toMatchObject({ probe_success: 0 });
  });

  test("a certificate of a megabyte is refused", async () => {
    const names = Array.from({ length: 25 }, (_, i) => `${"x".repeat(40_000)}${i}.example`);
    const { cert, key } = await signedCertificate({ subject: "CN=x", names, days: 1 }, null);
    expect(cert.length).toBeGreaterThan(MEBIBYTE);
    const server = createTls({ cert, key }, (socket) => socket.on("error", () => {}));
    server.on("tlsClientError", () => {});
    const port = await listen(server);
    for (const target of [`https://127.0.0.1:${port}/`, `tls://127.0.0.1:${port}`]) {
      const { failure, tookMs } = await probe(target, null, 3000);
      expect(failure).toMatch(/excessive message size|closed|reset/i);
      expect(tookMs).toBeLessThan(5000);
    }
  });

  test("many names of a certificate are cut in the label", async () => {
    const names = Array.from({ length: 500 }, (_, i) => `host-${i}.example.internal`);
    const { cert, key } = await signedCertificate({ subject: "CN=x", names, days: 1 }, null);
    const port = await listen(createTls({ cert, key }, (socket) => socket.on("error", () => {})));
    const { series } = await probe(`https://127.0.0.1:${port}/`, "blind", 300);
    expect(Object.keys(series).every((name) => name.length < 10_000)).toBe(true);
  });
});

describe("other probers", () => {
  test("lines without an end", async () => {
    const port = await listen(
      createServer((socket) => {
        socket.on("error", () => {});
        const pour = () => {
          while (!socket.destroyed && socket.write(Buffer.alloc(MEBIBYTE, "y")));
        };
        socket.on("drain", pour);
        pour();
      }),
    );
    const { failure } = await probe(`127.0.0.1:${port}`, "expect");
    expect(failure).toBe("A line is longer than 65536 bytes");
  });

  test("short lines without an end, none of which matches", async () => {
    const port = await listen(
      createServer((socket) => {
        socket.on("error", () => {});
        const pour = () => {
          while (!socket.destroyed && socket.write("no\n".repeat(10_000)));
        };
        socket.on("drain", pour);
        pour();
      }),
    );
    const { failure } = await probe(`127.0.0.1:${port}`, "expect");
    expect(failure).toBe("More than 1048576 bytes came");
  });

  test("an answer of DNS that is none", async () => {
    const bad = "\0\x0c\0\0\x80\0\0\x01\0\xff\0\0\0\0";
    const port = await talker(() => [Buffer.from(bad, "latin1")]);
    const { failure } = await probe(`127.0.0.1:${port}`, "dns_tcp");
    expect(failure).toBe("The answer is no message of DNS");
  });

  test("gRPC that never ends its answer", async () => {
    const server = createHttp2();
    server.on("sessionError", () => {});
    server.on("stream", (stream) => {
      stream.on("error", () => {});
      stream.respond({ ":status": 200, "content-type": "application/grpc" });
      const pour = () => {
        while (!stream.destroyed && stream.write(Buffer.alloc(MEBIBYTE)));
      };
      stream.on("drain", pour);
      pour();
    });
    const port = await listen(server as unknown as Server);
    const { failure } = await probe(`grpc://127.0.0.1:${port}`);
    expect(failure).toBe("The answer is too long");
  });
});

test("why a probe fails is logged once for each streak", async () => {
  const logger = new MemoryLogger();
  const good = await talker(() => [`${OK}Content-Length: 0\r\n\r\n`]);
  const pages = (port: number) => {
    const found = probedTarget(`http://127.0.0.1:${port}/`, null, modules);
    if (typeof found === "string") throw new Error(found);
    const times = { intervalMs: 1000, timeoutMs: 1000 };
    return { target: "x", labels: {}, ...found, ...times };
  };
  const failing = new ProbePages(pages(1), { ...ports(), logger });
  const { signal } = new AbortController();
  for (let i = 0; i < 3; i += 1) await failing.page(ports().lease, signal);
  await new ProbePages(pages(good), { ...ports(), logger }).page(ports().lease, signal);
  expect(logger.messages()).toEqual(["probe failed"]);
});

test("a probe that is no longer wanted ends at once", async () => {
  const port = await listen(createServer(() => {}));
  const found = probedTarget(`http://127.0.0.1:${port}/`, null, modules);
  if (typeof found === "string") throw new Error(found);
  const stop = new AbortController();
  const ended = runProbe({ ...found, timeoutMs: 60_000 }, ports(), stop.signal);
  setTimeout(() => stop.abort(new Error("stopped")), 50);
  await expect(ended).rejects.toThrow("stopped");
});
