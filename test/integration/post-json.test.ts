import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { OperationalError } from "../../shared/errors.ts";
import { postJson } from "../../shared/platform/post-json.ts";

type Handler = (request: IncomingMessage, response: ServerResponse, body: string) => void;

/** A local receiver, and what it got: method, path, body. */
async function receiver(handle: Handler) {
  const got: string[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => {
      body += chunk;
    });
    request.on("end", () => {
      got.push(`${request.method} ${request.url} ${body}`);
      handle(request, response, body);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { got, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const post = (url: string) => postJson(url, '{"a":1}', AbortSignal.timeout(5000));
const answer = (status: number, headers: Record<string, string> = {}): Handler => {
  return (_request, response) => response.writeHead(status, headers).end("so it is");
};

test("JSON is posted, and the answer comes back with how it begins", async () => {
  const { got, url } = await receiver((request, response) => {
    expect(request.headers["content-type"]).toBe("application/json");
    expect(request.headers["user-agent"]).toMatch(/^telltale\//);
    response.end("x".repeat(100_000));
  });
  expect(await post(`${url}/hook`)).toEqual({
    status: 200,
    text: "x".repeat(4096),
    retryAfterMs: null,
  });
  expect(got).toEqual(['POST /hook {"a":1}']);
});

test.each([307, 308])("an answer %d is followed, with the body", async (status) => {
  const { got, url: there } = await receiver(answer(204));
  const { url } = await receiver(answer(status, { location: `${there}/moved` }));
  expect((await post(url)).status).toBe(204);
  expect(got).toEqual(['POST /moved {"a":1}']);
});

test("a redirect to a path is of the same receiver", async () => {
  const { got, url } = await receiver((request, response) => {
    const isOld = request.url === "/a/old";
    response.writeHead(isOld ? 307 : 200, isOld ? { location: "../new?x=1" } : {}).end();
  });
  expect((await post(`${url}/a/old`)).status).toBe(200);
  expect(got.at(-1)).toBe('POST /new?x=1 {"a":1}');
});

test.each([
  [301, "/other"],
  [302, "/other"],
  [303, "/other"],
  [307, "file:///etc/passwd"],
  [307, "http://[bad"],
])("an answer %d to %s is an answer like others", async (status, location) => {
  const { got, url } = await receiver(answer(status, { location }));
  expect((await post(url)).status).toBe(status);
  expect(got).toHaveLength(1);
});

test("a receiver that redirects to itself is left after a few hops", async () => {
  const { got, url } = await receiver(answer(307, { location: "/again" }));
  expect((await post(url)).status).toBe(307);
  expect(got).toHaveLength(6);
});

test.each([
  ["120", 120_000],
  ["0", 0],
  ["Wed, 21 Oct 2015 07:28:00 GMT", 0],
  ["soon", null],
  ["-5", null],
])("Retry-After: %s", async (text, expected) => {
  const { url } = await receiver(answer(429, { "retry-after": text }));
  expect((await post(url)).retryAfterMs).toBe(expected);
});

test("Retry-After may be a date that is yet to come", async () => {
  const at = new Date(Date.now() + 3_600_000).toUTCString();
  const { url } = await receiver(answer(503, { "retry-after": at }));
  const { retryAfterMs } = await post(url);
  expect(Math.abs((retryAfterMs ?? 0) - 3_600_000)).toBeLessThan(60_000);
});

test("without an answer it fails, and names the host alone", async () => {
  const { url } = await receiver((request) => request.socket.destroy());
  const failure = await post(`${url}/secret-token`).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(OperationalError);
  expect(failure).toMatchObject({ code: "UNAVAILABLE" });
  expect(String(failure)).toContain(new URL(url).host);
  expect(String(failure)).not.toContain("secret-token");
});

test("an answer that ends half way is an answer", async () => {
  const { url } = await receiver((_request, response) => {
    response.writeHead(200, { "content-length": "1000" });
    response.write("half");
    setTimeout(() => response.destroy(), 20);
  });
  expect(await post(url)).toMatchObject({ status: 200, text: "half" });
});

test("a receiver that hangs is given up by the signal", async () => {
  const { url } = await receiver(() => {});
  const reason = new Error("enough");
  const control = new AbortController();
  setTimeout(() => control.abort(reason), 20);
  await expect(postJson(url, "{}", control.signal)).rejects.toBe(reason);
});
