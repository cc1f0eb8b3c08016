import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Server } from "node:net";
import { brotliCompressSync, deflateRawSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Blackbox, hasBlackbox, startBlackbox } from "./blackbox.ts";

const http = (options: object = {}) => ({ prober: "http", http: options });
const GZIP_BOMB = gzipSync(Buffer.alloc(64 * 1024 ** 2));

const MODULES = {
  plain: http(),
  status: http({ valid_status_codes: [404, 418] }),
  post: http({
    method: "POST",
    body: "a=b",
    headers: { "Content-Type": "x/y", Host: "other.example" },
  }),
  head: http({ method: "HEAD" }),
  stay: http({ no_follow_redirects: true, valid_status_codes: [302] }),
  stay2: http({ follow_redirects: false }),
  ssl_wanted: http({ fail_if_not_ssl: true }),
  body_bad: http({ fail_if_body_matches_regexp: ["(?i)HELLO"] }),
  body_good: http({ fail_if_body_not_matches_regexp: ["hello", "o$"] }),
  body_missing: http({ fail_if_body_not_matches_regexp: ["hello", "nothing"] }),
  header_bad: http({ fail_if_header_matches: [{ header: "x-thing", regexp: "^b" }] }),
  header_none: http({ fail_if_header_matches: [{ header: "X-None", regexp: "b" }] }),
  header_may: http({
    fail_if_header_matches: [{ header: "X-None", regexp: "b", allow_missing: true }],
    fail_if_header_not_matches: [{ header: "X-Thing", regexp: "blue" }],
  }),
  header_not: http({ fail_if_header_not_matches: [{ header: "X-Thing", regexp: "red" }] }),
  basic: http({ basic_auth: { username: "u", password: "p:ü" } }),
  bearer: http({ authorization: { credentials: "token" } }),
  http2: http({ valid_http_versions: ["HTTP/2.0"] }),
  http1: http({ valid_http_versions: ["HTTP/1.1", "HTTP/2.0"] }),
  limited: http({ body_size_limit: "3B" }),
  limited_body: http({ body_size_limit: "3B", fail_if_body_not_matches_regexp: ["hel"] }),
  gzip: http({ compression: "gzip" }),
  br: http({ compression: "br" }),
  deflate: http({ compression: "deflate", fail_if_body_not_matches_regexp: ["hello"] }),
  identity: http({ compression: "identity" }),
  bomb: http({ compression: "gzip", body_size_limit: "1MB" }),
  ip6: http({ preferred_ip_protocol: "ip6", ip_protocol_fallback: false }),
  ip4: http({ preferred_ip_protocol: "ip4", ip_protocol_fallback: false }),
  slow: { ...http(), timeout: "700ms" },
};

const answer: RequestListener = (request, response) => {
  const { pathname } = new URL(request.url ?? "", "http://x");
  const [, what = "", rest = ""] = pathname.split("/");
  const packed = (encoding: string, body: Buffer) =>
    response
      .writeHead(200, { "content-encoding": encoding, "content-length": body.length })
      .end(body);
  switch (what) {
    case "hello":
      response.setHeader("last-modified", "Wed, 21 Oct 2015 07:28:00 GMT");
      response.setHeader("x-thing", ["blue", "black"]);
      return response.setHeader("content-length", 5).end("hello");
    case "chunks":
      response.write("hel");
      return response.end("lo");
    case "status":
      return response.writeHead(Number(rest), { "last-modified": "yesterday" }).end("no");
    case "to": // as many redirects
      if (rest === "0") return response.end("there");
      return response.writeHead(302, { location: `/to/${Number(rest) - 1}` }).end("go on");
    case "away":
      return response.writeHead(301, { location: "http://127.0.0.1:1/" }).end();
    case "file":
      return response.writeHead(302, { location: "file:///etc/passwd" }).end();
    case "keep":
      return response.writeHead(307, { location: "/echo" }).end();
    case "cookie":
      if (request.headers.cookie === "seen=1") return response.end("welcome");
      return response.writeHead(302, { location: "/cookie", "set-cookie": "seen=1; Path=/" }).end();
    case "echo": {
      const { authorization = "", host = "" } = request.headers;
      const said = [
        request.method,
        authorization,
        host.replace(/:\d+/, ""),
        request.headers["content-type"],
      ];
      let body = "";
      request.on("data", (chunk) => {
        body += chunk;
      });
      return request.on("end", () => response.end(`${said.join("|")}|${body}`));
    }
    case "basic": {
      const isKnown = request.headers.authorization?.startsWith("Basic ");
      return response.writeHead(isKnown ? 200 : 401).end(request.headers.authorization);
    }
    case "gzip":
      return packed("gzip", gzipSync("hello"));
    case "br":
      return packed("br", brotliCompressSync("hello"));
    case "deflate":
      return packed("deflate", deflateRawSync("hello"));
    case "bomb":
      return packed("gzip", GZIP_BOMB);
    case "cut":
      response.writeHead(200, { "content-length": 100 });
      response.write("half");
      return setTimeout(() => response.destroy(), 50);
    case "slow":
      response.write("some");
      return undefined;
    case "silent":
      return undefined;
    default:
      return response.writeHead(404).end();
  }
};

/** What each connection is answered with, byte for byte. */
const RAW: Readonly<Record<string, string>> = {
  "/old": "HTTP/1.0 200 OK\r\n\r\nold",
  "/junk": "what?\r\n\r\n",
  "/early":
    "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
  "/nothing": "",
};

function rawServer(): Server {
  return createTcpServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", (data) => {
      const [, path = ""] = data.toString().split(" ");
      if (path === "/reset") socket.resetAndDestroy();
      else socket.end(RAW[path] ?? "");
    });
  });
}

async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

describe.skipIf(!hasBlackbox)("HTTP, as blackbox_exporter 0.23", () => {
  const server = createServer(answer);
  const raw = rawServer();
  let blackbox: Blackbox;
  let [port, rawPort] = [0, 0];

  beforeAll(async () => {
    [port, rawPort] = [await listen(server), await listen(raw)];
    blackbox = await startBlackbox(MODULES);
  });
  afterAll(async () => {
    await blackbox[Symbol.asyncDispose]();
    server.closeAllConnections();
    server.close();
    raw.close();
  });

  test.each([
    // module, path, success, and what the page must say for the case to be the one that is meant
    ["plain", "/hello", 1, { probe_http_last_modified_timestamp_seconds: 1_445_412_480 }],
    ["plain", "/chunks", 1, { probe_http_content_length: -1 }],
    ["plain", "/status/500", 0, { probe_http_status_code: 500 }],
    ["plain", "/status/204", 1, { probe_http_status_code: 204 }],
    ["status", "/status/418", 1, { probe_http_status_code: 418 }],
    ["status", "/hello", 0, { probe_http_status_code: 200 }],
    ["post", "/echo", 1, { probe_http_uncompressed_body_length: 27 }],
    ["post", "/keep", 1, { probe_http_redirects: 1 }],
    ["head", "/hello", 1, { probe_http_content_length: 5, probe_http_uncompressed_body_length: 0 }],
    ["head", "/to/1", 1, { probe_http_redirects: 1 }],
    ["plain", "/to/3", 1, { probe_http_redirects: 3 }],
    ["plain", "/to/10", 1, { probe_http_redirects: 10 }],
    ["plain", "/to/11", 0, { probe_http_redirects: 11, probe_http_status_code: 302 }],
    ["stay", "/to/1", 1, { probe_http_redirects: 1, probe_http_uncompressed_body_length: 0 }],
    ["stay2", "/to/1", 0, { probe_http_status_code: 302 }],
    ["plain", "/away", 0, { probe_http_redirects: 1, probe_http_status_code: 0 }],
    ["plain", "/file", 0, { probe_http_redirects: 1 }],
    ["plain", "/cookie", 1, { probe_http_redirects: 1 }],
    ["ssl_wanted", "/hello", 0, {}],
    ["body_bad", "/hello", 0, { probe_failed_due_to_regex: 1 }],
    ["body_good", "/hello", 1, { probe_failed_due_to_regex: 0 }],
    ["body_missing", "/hello", 0, { probe_failed_due_to_regex: 1 }],
    ["body_bad", "/status/500", 0, { probe_failed_due_to_regex: 0 }],
    ["header_bad", "/hello", 0, { probe_failed_due_to_regex: 1 }],
    ["header_none", "/hello", 0, { probe_failed_due_to_regex: 1 }],
    ["header_may", "/hello", 1, {}],
    ["header_not", "/hello", 0, { probe_failed_due_to_regex: 1 }],
    ["basic", "/basic", 1, { probe_http_uncompressed_body_length: 14 }],
    ["plain", "/basic", 0, { probe_http_status_code: 401 }],
    ["bearer", "/echo", 1, { probe_http_uncompressed_body_length: 28 }],
    ["http2", "/hello", 0, { probe_http_version: 1.1 }],
    ["http1", "/hello", 1, {}],
    ["limited", "/hello", 0, { probe_http_uncompressed_body_length: 3 }],
    ["limited_body", "/hello", 0, { probe_failed_due_to_regex: 1 }],
    ["gzip", "/gzip", 1, { probe_http_uncompressed_body_length: 5 }],
    ["plain", "/gzip", 1, { probe_http_uncompressed_body_length: 25 }],
    ["br", "/br", 1, { probe_http_uncompressed_body_length: 5 }],
    ["deflate", "/deflate", 1, { probe_http_uncompressed_body_length: 5 }],
    ["identity", "/hello", 1, {}],
    ["bomb", "/bomb", 0, { probe_http_uncompressed_body_length: 1_048_576 }],
    ["plain", "/cut", 0, { probe_http_uncompressed_body_length: 4 }],
    ["slow", "/slow", 0, { probe_http_status_code: 200, probe_http_uncompressed_body_length: 4 }],
    ["slow", "/silent", 0, { probe_http_status_code: 0 }],
    ["ip4", "/hello", 1, { probe_ip_protocol: 4 }],
    ["ip6", "/hello", 0, { probe_ip_protocol: 0 }],
  ] as const)("%s %s", async (module, path, success, said) => {
    const { series } = await blackbox.same(module, `http://127.0.0.1:${port}${path}`);
    expect(series).toMatchObject({ probe_success: success, ...said });
  });

  test.each([
    ["/old", 1, { probe_http_version: 1, probe_http_content_length: -1 }],
    ["/junk", 0, { probe_http_status_code: 0 }],
    ["/early", 1, { probe_http_status_code: 200 }],
    ["/nothing", 0, {}],
    ["/reset", 0, {}],
  ] as const)("an answer of its own kind: %s", async (path, success, said) => {
    const { series } = await blackbox.same("plain", `http://127.0.0.1:${rawPort}${path}`);
    expect(series).toMatchObject({ probe_success: success, ...said });
  });

  test.each([
    ["plain", "http://127.0.0.1:1/"],
    ["plain", "http://localhost:1/"],
    ["plain", "http://nowhere.invalid/"],
    ["ip6", "http://nowhere.invalid/"],
  ])("nobody there: %s %s", async (module, target) => {
    const { series } = await blackbox.same(module, target);
    expect(series).toMatchObject({ probe_success: 0 });
  });

  test("a target without a scheme, one with a name, and one with a user", async () => {
    await blackbox.same("plain", `127.0.0.1:${port}/hello`);
    await blackbox.same("ip4", `http://localhost:${port}/hello`);
    const { series } = await blackbox.same("plain", `http://me:it%40@127.0.0.1:${port}/basic`);
    expect(series).toMatchObject({ probe_success: 1, probe_http_uncompressed_body_length: 14 });
  });
});
