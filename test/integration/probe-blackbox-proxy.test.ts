import { once } from "node:events";
import { request as ask, createServer } from "node:http";
import { createServer as createHttps } from "node:https";
import { type AddressInfo, connect, type Server } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { testCertificate } from "../support/test-certificate.ts";
import { type Blackbox, hasBlackbox, startBlackbox } from "./blackbox.ts";

/** What the proxy was asked, each by one of the two probers. */
let asked: string[] = [];

const proxy = createServer((request, response) => {
  const { url = "", headers } = request;
  asked.push(`${request.method} ${url} ${headers.host} ${headers["proxy-authorization"] ?? "-"}`);
  const onward = ask(url, { headers: { host: headers.host ?? "" } }, (answer) => {
    response.writeHead(answer.statusCode ?? 500, answer.headers);
    answer.pipe(response);
  });
  onward.on("error", () => response.writeHead(502).end());
  onward.end();
});
proxy.on("connect", (request, socket) => {
  const { url = "", headers } = request;
  asked.push(`CONNECT ${url} ${headers["x-way"] ?? "-"} ${headers["proxy-authorization"] ?? "-"}`);
  if (headers["x-way"] === "no") return void socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
  const [, host = "", port = ""] = /^(.*):(\d+)$/.exec(url) ?? [];
  const onward = connect(Number(port), host, () => {
    socket.write("HTTP/1.1 200 OK\r\n\r\n");
    onward.pipe(socket).pipe(onward);
  });
  for (const one of [onward, socket]) one.on("error", () => {});
});

async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

describe.skipIf(!hasBlackbox)("HTTP through a proxy, as blackbox_exporter 0.23", () => {
  const plain = createServer((_request, response) => response.end("plain"));
  const servers: Server[] = [plain, proxy];
  let blackbox: Blackbox;
  let ports = { plain: 0, secure: 0 };

  beforeAll(async () => {
    const secure = createHttps(await testCertificate("localhost"), (_request, response) => {
      response.end("secure");
    });
    servers.push(secure);
    ports = { plain: await listen(plain), secure: await listen(secure) };
    const proxyUrl = `http://u:p@127.0.0.1:${await listen(proxy)}`;
    const http = (options: object) => ({
      prober: "http",
      http: {
        proxy_url: proxyUrl,
        tls_config: { insecure_skip_verify: true },
        preferred_ip_protocol: "ip4",
        ...options,
      },
    });
    blackbox = await startBlackbox({
      way: http({}),
      named: http({ skip_resolve_phase_with_proxy: true }),
      said: http({ proxy_connect_header: { "X-Way": ["yes"] } }),
      refused: http({ proxy_connect_header: { "X-Way": ["no"] } }),
      nobody: http({ proxy_url: "http://127.0.0.1:1" }),
    });
  });
  beforeEach(() => {
    asked = [];
  });
  afterAll(async () => {
    await blackbox[Symbol.asyncDispose]();
    for (const server of servers) server.close();
  });

  test.each([
    ["way", "http", 1],
    ["way", "https", 1],
    ["named", "http", 1],
    ["named", "https", 1],
    ["said", "https", 1],
    ["refused", "https", 0],
    ["nobody", "http", 0],
    ["nobody", "https", 0],
  ] as const)("%s by %s", async (module, scheme, success) => {
    const port = scheme === "http" ? ports.plain : ports.secure;
    const { series } = await blackbox.same(module, `${scheme}://localhost:${port}/a`);
    expect(series).toMatchObject({ probe_success: success });
    const [ours, theirs] = asked;
    expect(asked).toHaveLength(module === "nobody" ? 0 : 2);
    expect(ours).toEqual(theirs);
  });
});
