import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { OperationalError } from "../../../shared/errors.ts";
import { loadHttp } from "../../../shared/platform/http-module.ts";
import { isMetadataAddress, refuseMetadata } from "../../../shared/platform/redirect.ts";
import type { HttpModule } from "../config/probe-config.ts";
import { addressesOf } from "../net/choose-address.ts";
import { destroyOnAbort, openSocket } from "../net/open-socket.ts";
import type { ProbeRun } from "../probe-run.ts";
import { type ChainFigures, figuresOf } from "../tls/chain-figures.ts";
import { openSecure } from "../tls/open-secure.ts";
import {
  exchangeHttp1,
  exchangeHttp2,
  HEADER_BYTES_MAX,
  type HeaderFields,
  type HttpAnswer,
} from "./http-exchange.ts";
import type { HttpTimes } from "./probe-times.ts";

/** One request of a probe. */
export type Hop = {
  readonly url: URL;
  /** Null: it is looked up, or the proxy does. */
  readonly ip: string | null;
  /** The first may be a machine's metadata service; where a redirect leads may not. */
  readonly isFirst: boolean;
  readonly method: string;
  readonly host: string;
  readonly headers: HeaderFields;
  readonly body: string;
};

export type HopAnswer = HttpAnswer & {
  /** Null: it came in the clear. */
  readonly chain: ChainFigures | null;
  /** When its first line was there, in the clock's monotonic milliseconds. */
  readonly headMs: number;
};

/**
 * Makes a connection for the hop, asks, and has the head of the answer.
 * @throws OperationalError, errors of the system, of TLS and of HTTP: why there is none
 */
export async function askHop(
  hop: Hop,
  module: HttpModule,
  run: ProbeRun,
  times: HttpTimes,
): Promise<HopAnswer> {
  const { clock, signal } = run;
  const { url } = hop;
  const isSecure = url.protocol === "https:";
  const ip = hop.ip ?? (module.proxyUrl === null ? await lookUp(hop, run, times) : null);
  const startMs = clock.monotonicMs();
  const plain = await connectHop(hop, ip, module, run);
  const connectedMs = clock.monotonicMs();
  const secured = isSecure ? await secure(plain, hop, module, run) : null;
  const readyMs = clock.monotonicMs();
  times.add("connect", (connectedMs - startMs) / 1000);
  if (isSecure) times.add("tls", (readyMs - connectedMs) / 1000);
  const { method, host, headers, body } = hop;
  const isForProxy = module.proxyUrl !== null && !isSecure;
  const forProxy = isForProxy ? proxyFields(module) : {};
  const request = { method, url, isForProxy, host, headers: { ...headers, ...forProxy }, body };
  const socket = secured ?? plain;
  const answer =
    secured?.alpnProtocol === "h2"
      ? await exchangeHttp2(request, socket, signal)
      : await exchangeHttp1(request, socket);
  const headMs = clock.monotonicMs();
  times.add("processing", (headMs - readyMs) / 1000);
  return { ...answer, chain: secured === null ? null : figuresOf(secured), headMs };
}

async function lookUp({ url, isFirst }: Hop, run: ProbeRun, times: HttpTimes): Promise<string> {
  const beganMs = run.clock.monotonicMs();
  const [first] = await addressesOf(bareHost(url), run.signal);
  times.add("resolve", (run.clock.monotonicMs() - beganMs) / 1000);
  if (first === undefined) throw new OperationalError("UNAVAILABLE", `${url.hostname}: no address`);
  if (!isFirst) refuseMetadata(first.address);
  return first.address;
}

async function connectHop(
  { url, isFirst }: Hop,
  ip: string | null,
  { proxyUrl, proxyHeaders }: HttpModule,
  { signal }: ProbeRun,
): Promise<Socket> {
  const port = portOf(url);
  if (proxyUrl === null)
    return await openSocket({ ip: ip ?? "", port, sourceAddress: null }, signal);
  if (!isFirst && isMetadataAddress(url.hostname)) refuseMetadata(url.hostname);
  const proxy = new URL(proxyUrl);
  const authority = withHost(url, ip ?? bareHost(url)).host;
  const target = authority.includes(`:${port}`) ? authority : `${authority}:${port}`;
  if (url.protocol === "http:") {
    const [address] = await addressesOf(bareHost(proxy), signal);
    const endpoint = { ip: address?.address ?? "", port: portOf(proxy), sourceAddress: null };
    return await openSocket(endpoint, signal);
  }
  const headers = { ...proxyHeaders, ...proxyFields({ proxyUrl }), Host: target };
  return await tunnelTo(proxy, target, headers, signal);
}

/** What a proxy asks of whoever uses it. */
function proxyFields({ proxyUrl }: Pick<HttpModule, "proxyUrl">): HeaderFields {
  const authorization = proxyUrl === null ? null : basicOf(new URL(proxyUrl));
  return authorization === null ? {} : { "Proxy-Authorization": authorization };
}

function tunnelTo(
  proxy: URL,
  target: string,
  headers: HeaderFields,
  signal: AbortSignal,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const sent = loadHttp().request({
      host: bareHost(proxy),
      port: portOf(proxy),
      method: "CONNECT",
      path: target,
      headers,
      agent: false,
      signal,
      maxHeaderSize: HEADER_BYTES_MAX,
    });
    sent.on("error", reject);
    sent.once("connect", ({ statusCode = 0 }, socket: Socket) => {
      socket.on("error", () => {}); // whoever reads is told by TLS
      destroyOnAbort(socket, signal);
      if (statusCode >= 200 && statusCode < 300) return resolve(socket);
      socket.destroy();
      const message = `The proxy answered with status ${statusCode}`;
      reject(new OperationalError("UNAVAILABLE", message));
    });
    sent.end();
  });
}

async function secure(
  socket: Socket,
  { url, isFirst }: Hop,
  module: HttpModule,
  run: ProbeRun,
): Promise<TLSSocket> {
  const { tls: own, allowsHttp2 } = module;
  // The name that was configured is the target's, not of whoever it redirects to.
  const settings = isFirst ? own : { ...own, serverName: null };
  const protocols = allowsHttp2 ? ["h2", "http/1.1"] : [];
  return await openSecure(socket, { settings, host: bareHost(url), protocols }, run);
}

function portOf({ port, protocol }: URL): number {
  return port === "" ? (protocol === "https:" ? 443 : 80) : Number(port);
}

export function bareHost({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, "");
}

function withHost(url: URL, ip: string): URL {
  const changed = new URL(url);
  changed.hostname = ip.includes(":") ? `[${ip}]` : ip;
  return changed;
}

/** What a URL says before its host; null: nothing. */
export function basicOf({ username, password }: URL): string | null {
  if (username === "" && password === "") return null;
  try {
    const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    return `Basic ${Buffer.from(pair).toString("base64")}`;
  } catch (cause) {
    const message = "The user in the URL is not well encoded";
    throw new OperationalError("UNAVAILABLE", message, { cause });
  }
}
