import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { onTestFinished } from "vitest";
import { BodyRoom } from "../../agent/model/body-room.ts";
import type { ScrapeHttp, ScrapeTls } from "../../agent/scrape/config/scrape-config.ts";
import type { GetRequest } from "../../agent/scrape/http/get-request.ts";
import { HttpGets } from "../../agent/scrape/http/http-gets.ts";
import { type Answer, HttpReceiver } from "./http-receiver.ts";

const PLAIN_TLS: ScrapeTls = {
  ...{ ca: null, caFile: null, cert: null, certFile: null, key: null, keyFile: null },
  ...{ serverName: null, skipsVerification: false, minVersion: null, maxVersion: null },
};

/** What a job has that says nothing of HTTP. */
export const PLAIN_HTTP: ScrapeHttp = {
  ...{ basicAuth: null, authorization: null, tls: PLAIN_TLS, followRedirects: true, headers: {} },
  ...{ proxyUrl: null, noProxy: "", proxyFromEnvironment: false, proxyHeaders: {} },
};

export const withTls = (tls: Partial<ScrapeTls>) => ({ tls: { ...PLAIN_TLS, ...tls } });

/** Until the test has finished. */
export function testGets(environment: Readonly<Record<string, string>> = {}): HttpGets {
  const gets = new HttpGets(environment);
  onTestFinished(() => gets[Symbol.asyncDispose]());
  return gets;
}

/** Until the test has finished. */
export async function testServer(answer?: Answer, tls?: Parameters<typeof HttpReceiver.open>[1]) {
  const opened = await HttpReceiver.open(answer, tls);
  onTestFinished(() => opened[Symbol.asyncDispose]());
  return opened;
}

/** A server on loopback that says what it is told to, whether that is HTTP or not. */
export async function rawServer(onSocket: (socket: Socket, count: number) => void) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    onSocket(socket, sockets.size);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return { url: `http://127.0.0.1:${address.port}`, sockets };
}

export async function allClosed(sockets: Iterable<Socket>): Promise<void> {
  for (const socket of sockets) {
    if (!socket.closed) await new Promise((resolve) => socket.once("close", resolve));
  }
}

type Asked = Partial<Omit<GetRequest, "http" | "url">> & { readonly http?: Partial<ScrapeHttp> };

/** The answer, with its body as text. */
export async function getFrom(
  gets: HttpGets,
  url: string,
  { http = {}, ...given }: Asked = {},
  signal = AbortSignal.timeout(10_000),
) {
  const defaults = { socketPath: null, headers: {}, bytesMax: 1024 ** 2, acceptsGzip: true };
  using lease = new BodyRoom().lease();
  const request = { ...defaults, lease, ...given, url, http: { ...PLAIN_HTTP, ...http } };
  const { body, ...answer } = await gets.get(request, signal);
  return { ...answer, text: Buffer.from(body).toString() };
}

/** What a GET fails with, as code and message. */
export async function failureOf(answer: Promise<unknown>): Promise<string> {
  return await answer.then(
    () => "no failure",
    (error: unknown) => {
      if (!(error instanceof Error) || !("code" in error)) return String(error);
      return `${error.code} ${error.message}`;
    },
  );
}
