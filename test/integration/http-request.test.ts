import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { expect, onTestFinished, test } from "vitest";
import { OperationalError } from "../../shared/errors.ts";
import type { HttpClientOptions, TlsClientOptions } from "../../shared/platform/http-client.ts";
import { HttpRequests } from "../../shared/platform/http-request.ts";
import { type Answer, answerWith, HttpReceiver, PLAIN_CLIENT } from "../support/http-receiver.ts";
import { testCertificate } from "../support/test-certificate.ts";

async function receiver(answer?: Answer, tls?: Parameters<typeof HttpReceiver.open>[1]) {
  const opened = await HttpReceiver.open(answer, tls);
  onTestFinished(() => opened[Symbol.asyncDispose]());
  return opened;
}

function requests(environment = {}, nowMs = () => Date.now()) {
  const made = new HttpRequests(nowMs, environment);
  onTestFinished(() => made[Symbol.asyncDispose]());
  return made;
}

const BODY = '{"a":1}';
const NO_TLS = PLAIN_CLIENT.tls;

function post(url: string, client: Partial<HttpClientOptions> = {}, by = requests()) {
  const headers = { "Content-Type": "application/json" };
  const all = { ...PLAIN_CLIENT, ...client };
  const request = { method: "POST" as const, url, headers, body: BODY, client: all };
  return by.request(request, AbortSignal.timeout(5000));
}

const withTls = (tls: Partial<TlsClientOptions>) => ({ tls: { ...NO_TLS, ...tls } });
const failure = (promise: Promise<unknown>) => promise.then(String, (error: unknown) => error);

test("what is posted arrives, and the answer comes back with its first 64 KiB", async () => {
  const there = await receiver((_request, response) => response.end("x".repeat(300_000)));
  const expected = { status: 200, text: "x".repeat(65_536), retryAfterMs: null };
  expect(await post(`${there.url}/hook?x=1`)).toEqual(expected);
  expect(there.last).toMatchObject({ method: "POST", target: "/hook?x=1", body: BODY });
  expect(there.last.headers).toMatchObject({
    "content-type": "application/json",
    "content-length": String(BODY.length),
    "user-agent": expect.stringMatching(/^telltale\//),
  });
});

test("a GET has no body", async () => {
  const there = await receiver();
  const request = { url: there.url, headers: {}, body: "", client: PLAIN_CLIENT };
  await requests().request({ method: "GET", ...request }, AbortSignal.timeout(5000));
  expect(there.last).toMatchObject({ method: "GET", body: "" });
  expect(there.last.headers["content-length"]).toBeUndefined();
});

test.each([307, 308])("an answer %d is followed, with the body", async (status) => {
  const there = await receiver(answerWith(204));
  const { url } = await receiver(answerWith(status, "", { location: `${there.url}/moved` }));
  expect((await post(url)).status).toBe(204);
  expect(there.last).toMatchObject({ method: "POST", target: "/moved", body: BODY });
});

test("a redirect to a path is of the same receiver, which gets the secrets again", async () => {
  const there = await receiver((request, response) => {
    const isOld = request.target === "/a/old";
    response.writeHead(isOld ? 307 : 200, isOld ? { location: "../new?x=1" } : {}).end();
  });
  expect((await post(`${there.url}/a/old`, { authorization: "Bearer s" })).status).toBe(200);
  expect(there.last).toMatchObject({ target: "/new?x=1", body: BODY });
  expect(there.last.headers.authorization).toBe("Bearer s");
});

test("another server than the configured one gets no secret", async () => {
  const there = await receiver();
  const { url } = await receiver(answerWith(307, "", { location: there.url }));
  await post(url, { authorization: "Bearer s", headers: { "x-token": "secret" } });
  expect(there.last.headers["content-type"]).toBe("application/json");
  expect(JSON.stringify(there.last.headers)).not.toMatch(/Bearer|secret/);
});

test.each([
  [301, "/other"],
  [302, "/other"],
  [303, "/other"],
  [307, "file:///etc/passwd"],
  [307, "http://[bad"],
])("an answer %d to %s is an answer like others", async (status, location) => {
  const there = await receiver(answerWith(status, "", { location }));
  expect((await post(there.url)).status).toBe(status);
  expect(there.got).toHaveLength(1);
});

test("a redirect is an answer like others where redirects are not followed", async () => {
  const there = await receiver(answerWith(307, "", { location: "/other" }));
  expect((await post(there.url, { followRedirects: false })).status).toBe(307);
  expect(there.got).toHaveLength(1);
});

test("a receiver that redirects to itself is left after a few hops", async () => {
  const there = await receiver(answerWith(307, "", { location: "/again" }));
  expect((await post(there.url)).status).toBe(307);
  expect(there.got).toHaveLength(6);
});

test.each([
  ["120", 120_000],
  ["0", 0],
  ["Wed, 21 Oct 2015 07:28:00 GMT", 0],
  ["Sat, 01 Jan 2000 00:01:00 GMT", 60_000],
  ["soon", null],
  ["-5", null],
])("Retry-After: %s", async (text, expected) => {
  const nowMs = text.includes("2000") ? Date.UTC(2000, 0, 1) : Date.UTC(2026, 0, 1);
  const there = await receiver(answerWith(429, "", { "retry-after": text }));
  expect(
    (
      await post(
        there.url,
        {},
        requests({}, () => nowMs),
      )
    ).retryAfterMs,
  ).toBe(expected);
});

test("an address that is no URL is a failure like others", async () => {
  expect(await failure(post("not a url"))).toMatchObject({ code: "UNAVAILABLE" });
});

test("without an answer it fails, and names the host alone", async () => {
  const there = await receiver((_request, response) => response.destroy());
  const error = await failure(post(`${there.url}/secret-token`));
  expect(error).toBeInstanceOf(OperationalError);
  expect(error).toMatchObject({ code: "UNAVAILABLE" });
  expect(String(error)).toContain(new URL(there.url).host);
  expect(String(error)).not.toContain("secret-token");
});

test("nobody there is said with a reason", async () => {
  await using gone = await HttpReceiver.open();
  const url = gone.url.replace("127.0.0.1", "localhost");
  await gone[Symbol.asyncDispose]().catch(() => {});
  expect(String(await failure(post(url)))).toMatch(/localhost:\d+: .*ECONNREFUSED/);
});

test("an answer that ends half way is an answer", async () => {
  const there = await receiver((_request, response) => {
    response.writeHead(200, { "content-length": "1000" });
    response.write("half", () => setTimeout(() => response.destroy(), 20));
  });
  expect(await post(there.url)).toMatchObject({ status: 200, text: "half" });
});

test.each([
  ["before its answer", () => {}],
  [
    "within its answer",
    (_: unknown, response: { write: (text: string) => unknown }) => {
      response.write("half");
    },
  ],
])("a receiver that hangs %s is given up by the signal", async (_when, answer) => {
  const there = await receiver(answer as Answer);
  const reason = new Error("enough");
  const control = new AbortController();
  setTimeout(() => control.abort(reason), 50);
  const request = { method: "POST" as const, url: there.url, headers: {}, body: "" };
  const asked = requests().request({ ...request, client: PLAIN_CLIENT }, control.signal);
  await expect(asked).rejects.toBe(reason);
});

test("a user in the URL is basic auth, unless there is another", async () => {
  const there = await receiver();
  const url = there.url.replace("//", "//us%20er:pw@");
  await post(url);
  expect(there.last.headers.authorization).toBe(`Basic ${btoa("us er:pw")}`);
  await post(url, { authorization: "Bearer t" });
  expect(there.last.headers.authorization).toBe("Bearer t");
  expect(String(await failure(post(url.replace("us%20er", "%zz"))))).not.toContain("pw");
});

test("a server has to be vouched for, by the authority of the settings", async () => {
  const [pair, other] = [await testCertificate("a.test"), await testCertificate("a.test")];
  const { url } = await receiver(answerWith(204), pair);
  const ca = { ca: pair.cert, serverName: "a.test" };
  expect((await post(url, withTls(ca))).status).toBe(204);
  expect((await post(url, withTls({ skipsVerification: true }))).status).toBe(204);
  const refused: Partial<TlsClientOptions>[] = [
    {},
    { ca: pair.cert }, // the name is another
    { ...ca, serverName: "b.test" },
    { ...ca, ca: other.cert },
  ];
  for (const tls of refused) {
    expect(await failure(post(url, withTls(tls)))).toMatchObject({ code: "UNAVAILABLE" });
  }
});

test("the server is told our name for it, and sees our certificate", async () => {
  const [pair, ours] = [await testCertificate("a.test"), await testCertificate("us")];
  const seen: unknown[] = [];
  const tls = { ...pair, requestCert: true, ca: ours.cert };
  const there = await receiver((_request, response) => {
    const socket = response.socket as TLSSocket & { servername?: string };
    seen.push(socket.servername, socket.authorized, socket.getPeerCertificate().subject.CN);
    response.end();
  }, tls);
  await post(there.url, withTls({ ca: pair.cert, serverName: "a.test", ...ours }));
  expect(seen).toEqual(["a.test", true, "us"]);
});

test("TLS versions outside of the bounds are refused", async () => {
  const pair = await testCertificate("a.test");
  const { url } = await receiver(answerWith(204), { ...pair, maxVersion: "TLSv1.2" });
  const skips = { skipsVerification: true } as const;
  expect((await post(url, withTls({ ...skips, maxVersion: "TLSv1.2" }))).status).toBe(204);
  const error = await failure(post(url, withTls({ ...skips, minVersion: "TLSv1.3" })));
  expect(error).toBeInstanceOf(OperationalError);
});

test("what was encrypted is not redirected into the clear", async () => {
  const there = await receiver();
  const pair = await testCertificate("a.test");
  const { url } = await receiver(answerWith(307, "", { location: there.url }), pair);
  expect((await post(url, withTls({ skipsVerification: true }))).status).toBe(307);
  expect(there.got).toEqual([]);
});

test("a proxy gets a request in the clear as a whole URL, and its own headers", async () => {
  const proxy = await receiver(answerWith(204));
  const client = { proxyUrl: proxy.url.replace("//", "//u:p@") };
  expect((await post("http://receiver.test/hook", client)).status).toBe(204);
  expect(proxy.last).toMatchObject({ target: "http://receiver.test/hook", body: BODY });
  expect(proxy.last.headers).toMatchObject({
    host: "receiver.test",
    "proxy-authorization": `Basic ${btoa("u:p")}`,
  });
});

test("a proxy is asked for a tunnel to what is encrypted", async () => {
  const pair = await testCertificate("receiver.test");
  const there = await receiver(answerWith(204), pair);
  const proxy = await receiver();
  const asked: unknown[] = [];
  proxy.onConnect((headers, socket, target) => {
    asked.push(target, headers["x-for-proxy"], headers.authorization);
    const upstream = connect(Number(new URL(there.url).port), "127.0.0.1");
    for (const end of [socket, upstream]) end.on("error", () => {});
    socket.write("HTTP/1.1 200 OK\r\n\r\n");
    socket.pipe(upstream).pipe(socket);
  });
  const client = {
    ...{ proxyUrl: proxy.url, proxyHeaders: { "x-for-proxy": "a" }, authorization: "Bearer t" },
    ...withTls({ ca: pair.cert }),
  };
  expect((await post("https://receiver.test/hook", client)).status).toBe(204);
  expect(asked).toEqual(["receiver.test:443", "a", undefined]);
  expect(there.last.headers).toMatchObject({ authorization: "Bearer t", host: "receiver.test" });
  expect(there.last.headers["x-for-proxy"]).toBeUndefined();
});

test("the proxy of the environment is taken where the settings say so", async () => {
  const proxy = await receiver(answerWith(204));
  const there = await receiver(answerWith(200));
  const by = requests({ HTTP_PROXY: proxy.url });
  const client = { proxyFromEnvironment: true };
  expect((await post("http://receiver.test/", client, by)).status).toBe(204);
  expect((await post(there.url, client, by)).status).toBe(200); // loopback is never proxied
});

const OAUTH = {
  ...PLAIN_CLIENT,
  clientId: "me",
  clientSecret: "s ecret",
  parameters: { aud: "x" },
};

test("a token is fetched once, used until it ends, and dropped when it is refused", async () => {
  const server = await receiver((_request, response) => {
    response.end(JSON.stringify({ access_token: `t${server.got.length}`, expires_in: 60 }));
  });
  const there = await receiver();
  const oauth2 = { ...OAUTH, tokenUrl: `${server.url}/token`, scopes: ["a", "b"] };
  let nowMs = 0;
  const by = requests({}, () => nowMs);
  const send = () => post(there.url, { oauth2: { ...oauth2, connection: PLAIN_CLIENT } }, by);
  await send();
  expect(server.last).toMatchObject({ method: "POST", target: "/token" });
  expect(server.last.headers.authorization).toBe(`Basic ${btoa("me:s%20ecret")}`);
  expect(Object.fromEntries(new URLSearchParams(server.last.body))).toEqual({
    ...{ grant_type: "client_credentials", scope: "a b", aud: "x" },
  });
  await send();
  nowMs = 51_000;
  await send();
  there.answer = answerWith(401);
  await send();
  there.answer = answerWith(200);
  await send();
  const used = there.got.map(({ headers }) => headers.authorization);
  expect(used).toEqual(["t1", "t1", "t2", "t2", "t3"].map((token) => `Bearer ${token}`));
});

test("a server of tokens that wants the secret in the form gets it there", async () => {
  const server = await receiver(({ headers, body }, response) => {
    const isForm = headers.authorization === undefined && body.includes("client_secret=s+ecret");
    response.writeHead(isForm ? 200 : 401).end('{"access_token":"t"}');
  });
  const there = await receiver();
  const oauth2 = { ...OAUTH, tokenUrl: server.url, scopes: [], connection: PLAIN_CLIENT };
  await post(there.url, { oauth2 });
  expect(there.last.headers.authorization).toBe("Bearer t");
});

test.each([
  [200, "no JSON"],
  [200, '{"access_token":"a\\nb"}'],
  [403, '{"access_token":"t"}'],
])("an answer %d of %s is no token, and nothing is sent", async (status, body) => {
  const server = await receiver(answerWith(status, body));
  const there = await receiver();
  const tokenUrl = `${server.url}/secret`;
  const oauth2 = { ...OAUTH, tokenUrl, scopes: [], connection: PLAIN_CLIENT };
  const error = await failure(post(there.url, { oauth2 }));
  expect(error).toMatchObject({ code: "UNAVAILABLE" });
  expect(String(error)).not.toMatch(/secret|s ecret/);
  expect(there.got).toEqual([]);
});

test("connections of settings that were not used for long are closed", async () => {
  const sockets: Socket[] = [];
  const there = await receiver((_request, response) => {
    if (response.socket !== null) sockets.push(response.socket);
    response.writeHead(200, { "keep-alive": "timeout=600" }).end();
  });
  const by = requests();
  const send = (i: number) => post(there.url, { proxyHeaders: { "x-i": String(i) } }, by);
  for (let i = 0; i < 64; i += 1) await send(i);
  const [first] = sockets;
  if (first === undefined) throw new Error("nothing was sent");
  const closed = once(first, "close");
  await send(64);
  await closed;
});
