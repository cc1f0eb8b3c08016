import { renameSync, writeFileSync } from "node:fs";
import { createServer } from "node:https";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";
import { expect, onTestFinished, test } from "vitest";
import type { ScrapeTls } from "../../agent/scrape/config/scrape-config.ts";
import { directoryForTest } from "../support/directory-for-test.ts";
import {
  allClosed,
  failureOf,
  getFrom,
  rawServer,
  testGets,
  testServer,
  withTls,
} from "../support/http-gets.ts";
import { answerWith } from "../support/http-receiver.ts";
import { testCertificate } from "../support/test-certificate.ts";

const named = await testCertificate("exporter.example");
const local = await testCertificate("127.0.0.1");

const tried: [string, string | null, Partial<ScrapeTls>, string][] = [
  ["a CA and a name", "exporter.example", { serverName: "exporter.example" }, ""],
  ["an address in the certificate", "127.0.0.1", {}, ""],
  ["an address as the name", "10.1.2.3", { serverName: "10.1.2.3" }, ""],
  ["another name", "exporter.example", {}, "certificate is for another name"],
  ["another name given", "127.0.0.1", { serverName: "a.b" }, "certificate is for another name"],
  ["another address given", "127.0.0.1", { serverName: "10.1.2.3" }, "certificate is for anot"],
  ["no verification", null, { skipsVerification: true }, ""],
  ["an unknown authority", null, {}, "certificate is self-signed"],
];
test.each(tried)("with %s a server is what it should be", async (_case, name, tls, reason) => {
  const certificate = await testCertificate(name ?? "exporter.example");
  const { url } = await testServer(answerWith(200, "ok"), certificate);
  const ca = name === null ? null : certificate.cert;
  const asked = getFrom(testGets(), url, { http: withTls({ ca, ...tls }) });
  if (reason === "") expect((await asked).text).toBe("ok");
  else expect(await failureOf(asked)).toMatch(new RegExp(`^UNAVAILABLE [\\d.:]+: ${reason}`));
});

test("an expired certificate is called so", async () => {
  const expired = await testCertificate("127.0.0.1", -1000);
  const { url } = await testServer(answerWith(200, "ok"), expired);
  expect(
    await failureOf(getFrom(testGets(), url, { http: withTls({ ca: expired.cert }) })),
  ).toMatch(/^UNAVAILABLE 127.0.0.1:\d+: certificate has expired$/);
});

test("what is no TLS is called so, and so are faults of the settings", async () => {
  const plain = await testServer();
  const url = plain.url.replace("http:", "https:");
  const why = (tls: Partial<ScrapeTls>) =>
    failureOf(getFrom(testGets(), url, { http: withTls(tls) }));
  expect(await why({})).toMatch(/^UNAVAILABLE 127.0.0.1:\d+: TLS: (wrong version|packet length)/);
  expect(await why({ ca: "hush" })).toMatch(/: (TLS: no|ERR_|TLS: )/);
  expect(await why({ ca: "hush", cert: "hush", key: "hush" })).not.toMatch("hush");
  expect(await why({ cert: named.cert, key: local.key })).toMatch(/TLS: key values mismatch$/);
  expect(await why({ caFile: "/nowhere/ca.pem" })).toMatch(/\/nowhere\/ca.pem cannot be read: ENO/);
});

test("connections are kept by TLS settings and not shared between them", async () => {
  const gets = testGets();
  const ports: (number | undefined)[] = [];
  const { url } = await testServer((_request, response) => {
    ports.push(response.socket?.remotePort);
    response.end();
  }, local);
  const trusting = { http: withTls({ ca: local.cert }) };
  for (let i = 0; i < 3; i += 1) await getFrom(gets, url, trusting);
  expect(new Set(ports).size).toBe(1);
  await getFrom(gets, url, { http: withTls({ skipsVerification: true }) });
  expect(new Set(ports).size).toBe(2);
  expect(await failureOf(getFrom(gets, url))).toMatch("self-signed");
  await getFrom(gets, url, trusting);
  expect(new Set(ports).size).toBe(2);
});

test("certificates of files are those of now, and the old ones' connections end", async () => {
  const directory = directoryForTest();
  const write = (name: string, text: string) => {
    writeFileSync(join(directory, "new"), text);
    renameSync(join(directory, "new"), join(directory, name));
    return join(directory, name);
  };
  const other = await testCertificate("other.example");
  const sockets: TLSSocket[] = [];
  const required = { requestCert: true, rejectUnauthorized: false };
  const { url } = await testServer(
    (_request, response) => {
      sockets.push(response.socket as TLSSocket);
      response.end((response.socket as TLSSocket).getPeerCertificate().subject.CN);
    },
    { ...local, ...required },
  );
  const files = {
    caFile: write("ca.pem", local.cert),
    certFile: write("cert.pem", named.cert),
    keyFile: write("key.pem", named.key),
  };
  const gets = testGets();
  const asked = { http: withTls(files) };
  const peer = async () => (await getFrom(gets, url, asked)).text;
  expect([await peer(), await peer()]).toEqual(["exporter.example", "exporter.example"]);
  expect(sockets[0]).toBe(sockets[1]);
  write("cert.pem", other.cert);
  expect(await failureOf(getFrom(gets, url, asked))).toMatch("key values mismatch");
  write("key.pem", other.key);
  expect(await peer()).toBe("other.example");
  await allClosed(sockets.slice(0, 2));
  write("ca.pem", other.cert);
  expect(await failureOf(getFrom(gets, url, asked))).toMatch("certificate is self-signed");
});

test.each([
  ["TLSv1.2", {}, "TLSv1.2"],
  ["TLSv1.3", { maxVersion: "TLSv1.2" }, "refused"],
  ["TLSv1.2", { minVersion: "TLSv1.3" }, "refused"],
  ["TLSv1.1", {}, "refused"],
  ["TLSv1.1", { minVersion: "TLSv1.1" }, "TLSv1.1"],
  ["TLSv1", { minVersion: "TLSv1", maxVersion: "TLSv1" }, "TLSv1"],
] as const)("a server of %s, asked with %j: %s", async (version, tls, expected) => {
  const versions = { minVersion: version, maxVersion: version, ciphers: "DEFAULT@SECLEVEL=0" };
  const { url } = await testServer(
    (_request, response) => response.end((response.socket as TLSSocket).getProtocol()),
    { ...local, ...versions },
  );
  const answer = getFrom(testGets(), url, { http: withTls({ ca: local.cert, ...tls }) });
  if (expected !== "refused") expect((await answer).text).toBe(expected);
  else expect(await failureOf(answer)).toMatch(/^UNAVAILABLE 127.0.0.1:\d+: TLS: /);
});

test("a name is told to the server, and an address is not", async () => {
  const names: unknown[] = [];
  const server = createServer(local, (request, response) => {
    names.push((request.socket as TLSSocket & { servername: unknown }).servername);
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, resolve));
  onTestFinished(() => void server.close());
  const address = server.address();
  const port = address !== null && typeof address === "object" ? address.port : 0;
  const gets = testGets();
  const asked = [
    ["localhost", null],
    ["127.0.0.1", null],
    ["127.0.0.1", "a.b"],
    ["localhost", "10.1.2.3"],
  ] as const;
  for (const [host, serverName] of asked) {
    const http = withTls({ skipsVerification: true, serverName });
    await getFrom(gets, `https://${host}:${port}`, { http });
  }
  expect(names).toEqual(["localhost", false, "a.b", false]);
});

test("a redirect from TLS into the clear takes no secrets along", async () => {
  const there = await testServer();
  const { url } = await testServer(answerWith(302, "", { location: there.url }), local);
  const authorization = { type: "Bearer", credentials: "hush", credentialsFile: null };
  await getFrom(testGets(), url, { http: { ...withTls({ ca: local.cert }), authorization } });
  expect(JSON.stringify(there.last)).not.toContain("hush");
});

test("a handshake that hangs is ended by the signal", async () => {
  const { url } = await rawServer((socket) => socket.resume());
  const signal = AbortSignal.timeout(100);
  await expect(
    getFrom(testGets(), url.replace("http:", "https:"), {}, signal),
  ).rejects.toMatchObject({ name: "TimeoutError" });
});

test("where no authority is given those of the system are trusted: the file of SSL_CERT_FILE", async () => {
  const { url } = await testServer(answerWith(200, "ok"), local);
  const file = join(directoryForTest(), "authorities.pem");
  writeFileSync(file, local.cert);
  const trusting = testGets({ SSL_CERT_FILE: file });
  expect((await getFrom(trusting, url)).text).toBe("ok");
  writeFileSync(file, named.cert);
  expect(await failureOf(getFrom(trusting, url))).toMatch("self-signed");
  const own = { http: withTls({ ca: local.cert }) };
  expect((await getFrom(trusting, url, own)).text).toBe("ok");
  const lost = testGets({ SSL_CERT_FILE: "/nowhere/ca.pem" });
  expect(await failureOf(getFrom(lost, url))).toMatch("/nowhere/ca.pem cannot be read");
});
