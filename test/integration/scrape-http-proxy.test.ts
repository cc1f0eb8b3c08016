import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { TLSSocket } from "node:tls";
import { expect, test, vi } from "vitest";
import {
  allClosed,
  failureOf,
  getFrom,
  rawServer,
  testGets,
  testServer,
  withTls,
} from "../support/http-gets.ts";
import { answerWith, type HttpReceiver } from "../support/http-receiver.ts";
import { testCertificate } from "../support/test-certificate.ts";

const local = await testCertificate("127.0.0.1");
const proxyCertificate = await testCertificate("localhost");
const target = await testCertificate("target.example");

type Connect = { readonly target: string; readonly headers: Record<string, unknown> };

/** Connects everyone to one place, whatever they ask for. */
function tunnelTo(proxy: HttpReceiver, url: string): Connect[] {
  const asked: Connect[] = [];
  proxy.onConnect((headers, socket, authority) => {
    asked.push({ target: authority, headers });
    const there = connect(Number(new URL(url).port), "127.0.0.1");
    for (const one of [socket, there]) one.on("error", () => {});
    there.on("close", () => socket.destroy());
    socket.on("close", () => there.destroy());
    socket.write("HTTP/1.1 200 Connected\r\n\r\n");
    socket.pipe(there).pipe(socket);
  });
  return asked;
}

test("HTTP is asked for by its whole URL, over connections that are kept", async () => {
  const ports = new Set<number | undefined>();
  const proxy = await testServer((_request, response) => {
    ports.add(response.socket?.remotePort);
    response.end("proxied");
  });
  const proxyUrl = proxy.url.replace("//", "//me:p%40ss@");
  const http = { proxyUrl, proxyHeaders: { "x-proxy": "hush" } };
  const gets = testGets();
  expect((await getFrom(gets, "http://u:p@a.example:99/m?x=1#y", { http })).text).toBe("proxied");
  expect(proxy.last).toMatchObject({
    target: "http://a.example:99/m?x=1",
    headers: {
      host: "a.example:99",
      authorization: `Basic ${btoa("u:p")}`,
      "proxy-authorization": `Basic ${btoa("me:p@ss")}`,
    },
  });
  expect(proxy.last.headers["x-proxy"]).toBeUndefined();
  await getFrom(gets, "http://b.example/", { http });
  expect(proxy.last.target).toBe("http://b.example/");
  expect(ports.size).toBe(1);
});

test("HTTPS is asked for through a tunnel, which is kept", async () => {
  const there = await testServer(answerWith(200, "secret"), target);
  const proxy = await testServer();
  const asked = tunnelTo(proxy, there.url);
  const proxyUrl = proxy.url.replace("//", "//me:pass@");
  const authorization = { type: "Bearer", credentials: "hush", credentialsFile: null };
  const http = {
    ...withTls({ ca: target.cert }),
    ...{ proxyUrl, proxyHeaders: { "x-proxy": "one" }, authorization },
  };
  const gets = testGets();
  for (let i = 0; i < 3; i += 1) {
    expect((await getFrom(gets, `https://target.example/${i}`, { http })).text).toBe("secret");
  }
  expect(asked).toEqual([{ target: "target.example:443", headers: expect.anything() }]);
  expect(asked[0]?.headers).toMatchObject({
    ...{ "x-proxy": "one", "proxy-authorization": `Basic ${btoa("me:pass")}` },
  });
  expect(JSON.stringify(asked)).not.toContain("hush");
  expect(there.last).toMatchObject({ target: "/2", headers: { authorization: "Bearer hush" } });
  expect(there.last.headers).not.toHaveProperty("x-proxy");
  expect(there.last.headers).not.toHaveProperty("proxy-authorization");
  await getFrom(gets, "https://target.example/", {
    http: { ...http, proxyHeaders: { "x-proxy": "two" } },
  });
  expect(asked.map(({ headers }) => headers["x-proxy"])).toEqual(["one", "two"]);
});

test("the server behind a tunnel is verified by its own name", async () => {
  const there = await testServer(answerWith(200, "secret"), target);
  const proxy = await testServer();
  const asked = tunnelTo(proxy, there.url);
  const http = { ...withTls({ ca: target.cert }), proxyUrl: proxy.url };
  expect(await failureOf(getFrom(testGets(), "https://[fd00::1]:8443/", { http }))).toBe(
    `UNAVAILABLE [fd00::1]:8443 by proxy ${new URL(proxy.url).host}: certificate is for another name`,
  );
  expect(asked.map((one) => one.target)).toEqual(["[fd00::1]:8443"]);
  expect(there.got).toEqual([]);
});

test("a proxy of HTTPS is asked by TLS, for HTTP and for a tunnel", async () => {
  const there = await testServer(answerWith(200, "secret"), target);
  const names: unknown[] = [];
  const proxy = await testServer(({ target }, response) => {
    names.push((response.socket as TLSSocket & { servername: unknown }).servername);
    response.end(target);
  }, proxyCertificate);
  const asked = tunnelTo(proxy, there.url);
  const ca = `${proxyCertificate.cert}\n${target.cert}`;
  const http = {
    ...withTls({ ca, serverName: "target.example" }),
    proxyUrl: proxy.url.replace("127.0.0.1", "localhost"),
  };
  const gets = testGets();
  expect((await getFrom(gets, "http://a.example/x", { http })).text).toBe("http://a.example/x");
  expect((await getFrom(gets, "https://1.2.3.4/x", { http })).text).toBe("secret");
  expect(names).toEqual(["localhost"]);
  expect(asked.map((one) => one.target)).toEqual(["1.2.3.4:443"]);
  const wrong = { ...http, proxyUrl: proxy.url };
  const why = /^UNAVAILABLE \S+ by proxy 127.0.0.1:\d+: certificate is for another name$/;
  expect(await failureOf(getFrom(gets, "http://a.example/x", { http: wrong }))).toMatch(why);
  expect(await failureOf(getFrom(gets, "https://1.2.3.4/x", { http: wrong }))).toMatch(why);
});

test("a proxy of the environment is used but where NO_PROXY says otherwise", async () => {
  const proxy = await testServer(answerWith(200, "proxied"));
  const direct = await testServer(answerWith(200, "direct"), local);
  const gets = testGets({ HTTP_PROXY: proxy.url, NO_PROXY: "none.example" });
  const http = { proxyFromEnvironment: true };
  expect((await getFrom(gets, "http://a.example/", { http })).text).toBe("proxied");
  const unproxied = failureOf(getFrom(gets, "http://a.none.example.invalid/"));
  expect(await unproxied).toMatch(/^UNAVAILABLE a.none.example.invalid: /);
  expect(proxy.got).toHaveLength(1);
  const secure = { ...withTls({ ca: local.cert }), ...http };
  expect((await getFrom(gets, direct.url, { http: secure })).text).toBe("direct");
});

test("a proxy that refuses, or is away, is named without its password", async () => {
  const refusing = await rawServer((socket) => {
    socket.once("data", () => socket.write("HTTP/1.1 407 hush\r\nContent-Length: 0\r\n\r\n"));
  });
  const { host } = new URL(refusing.url);
  const proxyUrl = refusing.url.replace("//", "//me:hush@");
  expect(await failureOf(getFrom(testGets(), "https://a.example/", { http: { proxyUrl } }))).toBe(
    `UNAVAILABLE a.example by proxy ${host}: the proxy answered with status 407`,
  );
  await allClosed(refusing.sockets);
  const away = { proxyUrl: "http://me:hush@127.0.0.1:1" };
  for (const url of ["http://a.example/", "https://a.example/"]) {
    expect(await failureOf(getFrom(testGets(), url, { http: away }))).toBe(
      "UNAVAILABLE a.example by proxy 127.0.0.1:1: connection refused",
    );
  }
  const gets = testGets({ HTTP_PROXY: "socks5://me:hush@127.0.0.1:1", HTTPS_PROXY: "a b" });
  for (const url of ["http://a.example/", "https://a.example/"]) {
    expect(await failureOf(getFrom(gets, url, { http: { proxyFromEnvironment: true } }))).toBe(
      "UNAVAILABLE a.example: its proxy is none of HTTP",
    );
  }
});

test.each([
  ["says nothing", (socket: Socket) => socket.resume()],
  [
    "hangs behind the tunnel",
    (socket: Socket) => socket.once("data", () => socket.write("HTTP/1.1 200 OK\r\n\r\n")).resume(),
  ],
])("a proxy that %s is given up by the signal", async (_case, onSocket) => {
  const { url, sockets } = await rawServer(onSocket);
  const stop = new AbortController();
  const http = { proxyUrl: url };
  const asked = getFrom(testGets(), "https://a.example/", { http }, stop.signal);
  await vi.waitFor(() => expect(sockets.size).toBe(1), 10_000);
  await delay(100); // it waits for an answer
  stop.abort(new Error("enough"));
  await expect(asked).rejects.toThrow("enough");
  await allClosed(sockets);
});
