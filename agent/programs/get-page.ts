import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { get as getSecurely } from "node:https";
import type { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { errorMessage, OperationalError } from "../../shared/errors.ts";
import { loadHttp } from "../../shared/platform/http-module.ts";
import { VERSION } from "../../shared/version.ts";
import { acceptedTypes, formatOfType } from "../scrape/page/page-format.ts";

export type GotPage = { readonly bytes: Uint8Array; readonly format: "text" | "openmetrics" };

const PROTOCOLS = ["OpenMetricsText1.0.0", "PrometheusText0.0.4"] as const;
const REDIRECTS_MAX = 10;

/**
 * Gets an exposition as a scrape does.
 * @throws OperationalError UNAVAILABLE, LIMIT for more than `bytesMax` bytes, also when unpacked
 */
export async function getPage(url: URL, bytesMax: number, signal: AbortSignal): Promise<GotPage> {
  let target = url;
  for (let hops = 0; hops <= REDIRECTS_MAX; hops += 1) {
    const response = await answerOf(target, signal);
    const { statusCode = 0, headers } = response;
    if (statusCode === 200) {
      const bytes = await bytesOf(response, bytesMax, target.host);
      return { bytes, format: formatOfType(headers["content-type"] ?? "") };
    }
    response.destroy();
    if (statusCode < 300 || statusCode > 399 || headers.location === undefined) {
      throw new OperationalError("UNAVAILABLE", `${target.host} answers with status ${statusCode}`);
    }
    target = redirected(headers.location, target);
  }
  throw new OperationalError("UNAVAILABLE", `${url.host}: more than ${REDIRECTS_MAX} redirects`);
}

async function answerOf(target: URL, signal: AbortSignal): Promise<IncomingMessage> {
  const get = target.protocol === "https:" ? getSecurely : loadHttp().get;
  const headers = {
    accept: acceptedTypes(PROTOCOLS),
    "accept-encoding": "gzip",
    "user-agent": `telltale-agent/${VERSION}`,
  };
  try {
    const [response] = await once(get(target, { headers, signal, agent: false }), "response");
    return response;
  } catch (error) {
    throw unavailable(target.host, error);
  }
}

function redirected(location: string, from: URL): URL {
  const next = URL.canParse(location, from.href) ? new URL(location, from.href) : null;
  if (next !== null && /^https?:$/.test(next.protocol)) return next;
  throw new OperationalError("UNAVAILABLE", `${from.host} redirects to what is no web address`);
}

async function bytesOf(
  response: IncomingMessage,
  bytesMax: number,
  host: string,
): Promise<Uint8Array> {
  const isPacked = response.headers["content-encoding"] === "gzip";
  const body: Readable = isPacked ? response.pipe(createGunzip()) : response;
  // The pipe does not tell that the answer broke off.
  response.once("error", (error) => body.destroy(error));
  try {
    return await bounded(body, bytesMax);
  } catch (error) {
    if (error instanceof OperationalError) throw error;
    throw unavailable(host, error);
  } finally {
    response.destroy();
  }
}

/** @throws OperationalError LIMIT */
export async function bounded(stream: Readable, bytesMax: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream) {
    length += chunk.length;
    if (length > bytesMax) {
      throw new OperationalError("LIMIT", `The page is longer than ${bytesMax} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function unavailable(host: string, error: unknown): OperationalError {
  return new OperationalError("UNAVAILABLE", `${host}: ${errorMessage(error)}`, { cause: error });
}
