import type { LookupFunction } from "node:net";
import { expect, test, vi } from "vitest";
import { failureOf, getFrom, testGets, testServer } from "../support/http-gets.ts";
import { type Answer, answerWith } from "../support/http-receiver.ts";

/** No name of this machine's is sure to be there. */
vi.mock(import("node:dns"), async (original) => {
  const dns = await original();
  const lookup: LookupFunction = (name, options, done) =>
    dns.lookup(name === "metadata.example" ? "169.254.169.254" : name, options, done);
  return { ...dns, lookup: lookup as typeof dns.lookup };
});

const to = (location: string, status = 302): Answer => answerWith(status, "moved", { location });
const authorization = { type: "Bearer", credentials: "hush", credentialsFile: null };
const headers = { "x-key": { values: ["hush"], files: [] } };

test.each([301, 302, 303, 307, 308])("an answer %d leads to another place", async (status) => {
  const there = await testServer(answerWith(200, "here"));
  const { url } = await testServer(to(`${there.url}/moved?x=1#y`, status));
  expect(await getFrom(testGets(), url, { headers: { Accept: "a/b" } })).toMatchObject({
    ...{ status: 200, text: "here" },
  });
  expect(there.last).toMatchObject({ target: "/moved?x=1", headers: { accept: "a/b" } });
  expect(there.last.headers.host).toBe(new URL(there.url).host);
});

test("redirects are answers where they are not followed, or lead nowhere", async () => {
  const { url } = await testServer(to("/b"));
  const asked = { http: { followRedirects: false } };
  expect(await getFrom(testGets(), url, asked)).toMatchObject({ status: 302, text: "moved" });
  const nowhere = await testServer(answerWith(302, "nowhere"));
  expect(await getFrom(testGets(), nowhere.url)).toMatchObject({ status: 302, text: "nowhere" });
  const choice = await testServer(to("/b", 300));
  expect((await getFrom(testGets(), choice.url)).status).toBe(300);
});

test("ten redirects are followed and no more", async () => {
  const there = await testServer(({ target }, response) => {
    const left = Number(target.slice(1));
    response.writeHead(left === 0 ? 200 : 302, { location: `/${left - 1}` }).end();
  });
  expect((await getFrom(testGets(), `${there.url}/10`)).status).toBe(200);
  expect(there.got).toHaveLength(11);
  expect(await failureOf(getFrom(testGets(), `${there.url}/11`))).toMatch(
    /^UNAVAILABLE 127.0.0.1:\d+: more than 10 redirects$/,
  );
  expect(there.got).toHaveLength(22);
});

test("another host gets none of the secrets, nor does the first one afterwards", async () => {
  const first = await testServer();
  const other = await testServer();
  const named = other.url.replace("127.0.0.1", "localhost");
  first.answer = ({ target }, response) => {
    const location = target === "/" ? "/again" : `${named}/`;
    response.writeHead(target === "/back" ? 200 : 302, { location }).end();
  };
  other.answer = ({ target }, response) => {
    const location = target === "/" ? "/again" : `${first.url}/back`;
    response.writeHead(302, { location }).end();
  };
  await getFrom(testGets(), first.url, { http: { authorization, headers } });
  expect(first.got.map((request) => [request.target, request.headers.authorization])).toEqual([
    ["/", "Bearer hush"],
    ["/again", "Bearer hush"],
    ["/back", undefined],
  ]);
  expect(other.got).toHaveLength(2);
  expect(JSON.stringify([other.got, first.last])).not.toContain("hush");
});

test.each([
  ["ftp://127.0.0.1/hush", "Redirected to what is not HTTP"],
  ["file:///etc/passwd", "Redirected to what is not HTTP"],
  ["http://[hush", "Redirected to what is not a URL"],
  [`http://hush/${"x".repeat(5000)}`, "Redirected to what is not a URL"],
  ["http://169.254.169.254/latest", "Redirected to a link-local address"],
  ["http://2852039166/latest", "Redirected to a link-local address"],
  ["//169.254.1.1/", "Redirected to a link-local address"],
  ["http://[::ffff:169.254.169.254]/", "Redirected to a link-local address"],
  ["http://metadata.example/", "Redirected to a name of a link-local address"],
  ["http://[fd00:ec2::254]/", "Redirected to a link-local address"],
])("a redirect to %s is refused", async (location, reason) => {
  const { url } = await testServer(to(location));
  const why = await failureOf(getFrom(testGets(), url));
  expect(why).toMatch(new RegExp(`^UNAVAILABLE (127.0.0.1:\\d+|metadata.example): ${reason}$`));
});

test("who is configured as a metadata service may be sent there again", async () => {
  const proxy = await testServer(({ target }, response) => {
    const location = "http://169.254.169.254/2";
    response.writeHead(target === location ? 200 : 302, { location }).end("metadata");
  });
  const asked = { http: { proxyUrl: proxy.url } };
  const { text } = await getFrom(testGets(), "http://169.254.169.254/1", asked);
  expect(text).toBe("metadata");
});
