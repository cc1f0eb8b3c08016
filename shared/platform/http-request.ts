import { Agent, type Dispatcher, ProxyAgent } from "undici";
import { errorMessage, OperationalError, systemCode } from "../errors.ts";
import { VERSION } from "../version.ts";
import { chooseProxy } from "./choose-proxy.ts";
import type {
  ConnectionOptions,
  HttpAnswer,
  HttpRequest,
  TlsClientOptions,
} from "./http-client.ts";
import { OAuthTokens } from "./oauth-tokens.ts";

const ANSWER_BYTES_MAX = 65_536;
const REDIRECTS_MAX = 5;
/** Pools of connections that are kept: one for every distinct proxy and TLS settings. */
const DISPATCHERS_MAX = 64;
/** The caller's signal bounds a request, whatever part of it takes long. */
const NO_TIMEOUTS = { headersTimeout: 0, bodyTimeout: 0 };
const ENOUGH = new Error("enough of the answer was read");

type Headers = Readonly<Record<string, string>>;

type Response = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** How the body begins. */
  readonly text: string;
};

/** Makes HTTP requests, with the connections and tokens that are kept between them. */
export class HttpRequests implements AsyncDisposable {
  /** In the order of their last use. */
  readonly #dispatchers = new Map<string, Dispatcher>();
  readonly #tokens: OAuthTokens;
  readonly #nowMs: () => number;
  readonly #environment: Readonly<Record<string, string | undefined>>;

  /** @param environment where HTTP_PROXY and its kin are looked up */
  constructor(nowMs: () => number, environment: Readonly<Record<string, string | undefined>>) {
    this.#nowMs = nowMs;
    this.#environment = environment;
    this.#tokens = new OAuthTokens((request, signal) => this.#follow(request, null, signal), nowMs);
  }

  /**
   * A redirect is followed where it keeps method and body, 307 and 308; any other is an answer like
   * others. Of the answer's body the first 64 KiB are kept.
   * @throws OperationalError UNAVAILABLE when there is no answer; the signal's reason when aborted
   */
  readonly request = async (request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> => {
    const { oauth2 } = request.client;
    if (oauth2 === null) return await this.#follow(request, null, signal);
    const token = await this.#tokens.token(oauth2, signal);
    const answer = await this.#follow(request, `Bearer ${token}`, signal);
    if (answer.status === 401) this.#tokens.drop(oauth2);
    return answer;
  };

  async #follow(
    request: HttpRequest,
    token: string | null,
    signal: AbortSignal,
  ): Promise<HttpAnswer> {
    let target = parsedUrl(request.url);
    try {
      let headers = headersOf(request, target, token);
      for (let hops = 0; ; hops += 1) {
        const response = await this.#send(request, { target, headers }, signal);
        const isFollowed = request.client.followRedirects && hops < REDIRECTS_MAX;
        const next = isFollowed ? redirectOf(response, target) : null;
        if (next === null) {
          const { status, headers: said, text } = response;
          return { status, text, retryAfterMs: retryAfter(said["retry-after"], this.#nowMs()) };
        }
        if (next.origin !== target.origin) headers = headersForOthers(headers);
        target = next;
      }
    } catch (error) {
      signal.throwIfAborted();
      // Only the host: the rest of a receiver's address is often its secret.
      throw new OperationalError("UNAVAILABLE", `${target.host}: ${reasonOf(error)}`, {
        cause: error,
      });
    }
  }

  async #send(
    { method, body, client }: HttpRequest,
    { target, headers }: { readonly target: URL; readonly headers: Headers },
    signal: AbortSignal,
  ): Promise<Response> {
    const dispatcher = this.#dispatcher(client, chooseProxy(target, client, this.#environment));
    const { origin, pathname, search } = target;
    const path = pathname + search;
    const payload = method === "GET" ? null : body;
    const request = { origin, path, method, headers, body: payload };
    return await exchange(dispatcher, request, signal);
  }

  #dispatcher({ tls, proxyHeaders }: ConnectionOptions, proxy: string | null): Dispatcher {
    const key = JSON.stringify([proxy, proxyHeaders, tls]);
    const kept = this.#dispatchers.get(key);
    const dispatcher = kept ?? newDispatcher(tls, proxy, proxyHeaders);
    this.#dispatchers.delete(key);
    this.#dispatchers.set(key, dispatcher);
    const [oldest] = this.#dispatchers;
    if (oldest !== undefined && this.#dispatchers.size > DISPATCHERS_MAX) {
      this.#dispatchers.delete(oldest[0]);
      // Requests under way on it come to their ends first, however long that is.
      void oldest[1].close();
    }
    return dispatcher;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const all = [...this.#dispatchers.values()];
    this.#dispatchers.clear();
    await Promise.all(all.map((one) => one.destroy()));
  }
}

function parsedUrl(text: string): URL {
  try {
    return new URL(text);
  } catch {
    // Without the cause, which holds the text.
    throw new OperationalError("UNAVAILABLE", "The receiver's address is not a URL");
  }
}

function newDispatcher(tls: TlsClientOptions, proxy: string | null, proxyHeaders: Headers) {
  const connect = connectOptions(tls);
  if (proxy === null) return new Agent({ ...NO_TIMEOUTS, connect });
  const { servername: _ofTarget, ...proxyTls } = connect;
  return new ProxyAgent({
    ...NO_TIMEOUTS,
    uri: proxy,
    headers: proxyHeaders,
    requestTls: connect,
    proxyTls,
    // What is not encrypted needs no tunnel, and many proxies refuse one.
    proxyTunnel: false,
  });
}

function connectOptions(tls: TlsClientOptions) {
  const { ca, cert, key, serverName, minVersion, maxVersion } = tls;
  return {
    rejectUnauthorized: !tls.skipsVerification,
    ...(ca === null ? {} : { ca }),
    ...(cert === null ? {} : { cert }),
    ...(key === null ? {} : { key }),
    ...(serverName === null ? {} : { servername: serverName }),
    ...(minVersion === null ? {} : { minVersion }),
    ...(maxVersion === null ? {} : { maxVersion }),
  };
}

function headersOf({ headers, client }: HttpRequest, target: URL, token: string | null): Headers {
  const authorization = token ?? client.authorization ?? basicOf(target);
  return {
    ...client.headers,
    ...(authorization === null ? {} : { authorization }),
    "user-agent": `telltale/${VERSION}`,
    ...Object.fromEntries(
      Object.entries(headers).map(([name, text]) => [name.toLowerCase(), text]),
    ),
  };
}

function basicOf({ username, password }: URL): string | null {
  if (username === "" && password === "") return null;
  const pair = [username, password].map(decodeURIComponent).join(":");
  return `Basic ${Buffer.from(pair).toString("base64")}`;
}

/** What another server than the configured one is told: none of the secrets, whatever they are called. */
function headersForOthers(headers: Headers): Headers {
  const kept = ["accept", "content-type", "user-agent"];
  return Object.fromEntries(Object.entries(headers).filter(([name]) => kept.includes(name)));
}

function redirectOf({ status, headers }: Response, from: URL): URL | null {
  const { location } = headers;
  if ((status !== 307 && status !== 308) || typeof location !== "string") return null;
  if (!URL.canParse(location, from.href)) return null;
  const next = new URL(location, from);
  // What was encrypted is not sent on in the clear.
  const isAllowed =
    next.protocol === "https:" || (next.protocol === "http:" && from.protocol === "http:");
  return isAllowed ? next : null;
}

/**
 * One request and its answer; undici's own `request` makes a stream of each answer, which takes as
 * long as all the rest. An answer that ends half way is an answer; its status was said.
 */
async function exchange(
  dispatcher: Dispatcher,
  request: Dispatcher.DispatchOptions,
  signal: AbortSignal,
): Promise<Response> {
  signal.throwIfAborted();
  const chunks: Buffer[] = [];
  let [status, length] = [0, 0];
  let headers: Response["headers"] = {};
  let stop = () => {};
  try {
    await new Promise<void>((resolve, reject) => {
      let abort: (reason: Error) => void = reject;
      stop = () => abort(signal.reason);
      signal.addEventListener("abort", stop, { once: true });
      dispatcher.dispatch(request, {
        onRequestStart(controller) {
          abort = (reason) => controller.abort(reason);
          if (signal.aborted) stop();
        },
        onResponseStart(_controller, statusCode, all) {
          if (statusCode >= 200) [status, headers] = [statusCode, all];
        },
        onResponseData(controller, chunk) {
          chunks.push(chunk);
          length += chunk.length;
          if (length >= ANSWER_BYTES_MAX) controller.abort(ENOUGH);
        },
        onResponseEnd: () => resolve(),
        onResponseError: (_controller, error) => (status > 0 ? resolve() : reject(error)),
      });
    });
  } finally {
    signal.removeEventListener("abort", stop);
  }
  signal.throwIfAborted();
  const text = Buffer.concat(chunks).subarray(0, ANSWER_BYTES_MAX).toString();
  return { status, headers, text };
}

/** Where several addresses were tried in vain the error has no text of its own. */
function reasonOf(error: unknown): string {
  return errorMessage(error) || (systemCode(error) ?? "the request failed");
}

const HTTP_DATE = /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/;

/** Seconds, or a date. */
function retryAfter(text: Response["headers"][string], nowMs: number): number | null {
  if (typeof text !== "string") return null;
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  const atMs = HTTP_DATE.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(atMs) ? null : Math.max(0, atMs - nowMs);
}
