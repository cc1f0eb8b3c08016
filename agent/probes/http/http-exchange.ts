import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Readable } from "node:stream";
import { OperationalError } from "../../../shared/errors.ts";
import { loadHttp } from "../../../shared/platform/http-module.ts";
import { openHttp2 } from "../net/open-http2.ts";

/** Names as they are sent. */
export type HeaderFields = Readonly<Record<string, string>>;

export type HttpRequest = {
  readonly method: string;
  /** Of the target; through a proxy without a tunnel it is sent whole. */
  readonly url: URL;
  readonly isForProxy: boolean;
  /** What the target is asked for by name. */
  readonly host: string;
  readonly headers: HeaderFields;
  readonly body: string;
};

export type HttpAnswer = {
  readonly status: number;
  /** As Go writes it: `HTTP/1.1`, `HTTP/2.0`. */
  readonly version: string;
  /** Each line of its own, names in lower case. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Not read yet. */
  readonly body: Readable;
};

/** Of an answer, all together. */
export const HEADER_BYTES_MAX = 64 * 1024;

/** Of HTTP/1 alone. Source: RFC 9113, section 8.2.2. */
const CONNECTION_HEADERS: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);

/** The first value of a header, or "". */
export function headerOf({ headers }: Pick<HttpAnswer, "headers">, name: string): string {
  return headers.find(([own]) => own === name)?.[1] ?? "";
}

/**
 * One request over a connection of its own, and the head of its answer.
 * @throws OperationalError UNAVAILABLE; errors of the system and of Node's parser
 */
export async function exchangeHttp1(request: HttpRequest, socket: Socket): Promise<HttpAnswer> {
  const { method, url, host, body } = request;
  const path = url.pathname + url.search;
  const sent = loadHttp().request({
    createConnection: () => socket,
    method,
    path: request.isForProxy ? `http://${host}${path}` : path,
    headers: { Host: host, ...request.headers, Connection: "close" },
    setHost: false,
    maxHeaderSize: HEADER_BYTES_MAX,
  });
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    sent.once("response", resolve);
    sent.once("upgrade", (_response, upgraded) => {
      upgraded.destroy();
      reject(new OperationalError("UNAVAILABLE", "The answer is of another protocol"));
    });
    sent.on("error", reject); // stays: a connection may fail again after it was given up
    if (body === "") sent.end();
    else sent.end(body);
  });
  const { rawHeaders } = response;
  const headers: [string, string][] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    headers.push([(rawHeaders[i] ?? "").toLowerCase(), rawHeaders[i + 1] ?? ""]);
  }
  const { statusCode: status = 0, httpVersion } = response;
  return { status, version: `HTTP/${httpVersion}`, headers, body: response };
}

/** As `exchangeHttp1`, over HTTP/2. */
export async function exchangeHttp2(
  request: HttpRequest,
  socket: Socket,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  const { method, url, host, body } = request;
  const session = await openHttp2(url.origin, socket, HEADER_BYTES_MAX, signal);
  const lower = Object.entries(request.headers)
    .map(([name, text]) => [name.toLowerCase(), text] as const)
    .filter(([name]) => !CONNECTION_HEADERS.has(name));
  const stream = session.request(
    {
      ":method": method,
      ":path": url.pathname + url.search,
      ":authority": host,
      ":scheme": "https",
      ...Object.fromEntries(lower),
    },
    { endStream: body === "" },
  );
  return await new Promise<HttpAnswer>((resolve, reject) => {
    session.on("error", reject);
    stream.on("error", reject);
    stream.once("close", () => {
      session.close();
      reject(new OperationalError("UNAVAILABLE", "The connection was closed before an answer"));
    });
    stream.once("response", (fields) => {
      const headers = Object.entries(fields).flatMap(([name, value]) =>
        [value].flat().map((one): [string, string] => [name, String(one)]),
      );
      const status = Number(fields[":status"]);
      resolve({ status, version: "HTTP/2.0", headers, body: stream });
    });
    if (body !== "") stream.end(body);
  });
}
