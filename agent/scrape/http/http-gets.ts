import { OperationalError } from "../../../shared/errors.ts";
import { chooseProxy } from "../../../shared/platform/choose-proxy.ts";
import {
  isMetadataAddress,
  keepsSecrets,
  lookupElsewhere,
  REDIRECTS_MAX,
  redirectOf,
  refuseMetadata,
} from "../../../shared/platform/redirect.ts";
import { SecretFiles } from "../../../shared/platform/secret-files.ts";
import { SystemAuthorities } from "../../../shared/platform/system-authorities.ts";
import type { BodyRoom } from "../../model/body-room.ts";
import type { DiscoveryPorts } from "../discovery/discovery.ts";
import { diskFiles } from "../discovery/disk-files.ts";
import { Connections } from "./connections.ts";
import { exchange } from "./exchange.ts";
import { getFailure } from "./get-failure.ts";
import type { GetAnswer, GetRequest } from "./get-request.ts";
import { requestHeaders } from "./request-headers.ts";

const HOST_LENGTH_MAX = 260;

type Environment = Readonly<Record<string, string | undefined>>;

/** A request on its way, which redirects lead on. */
type Hop = {
  readonly target: URL;
  readonly isTrusted: boolean;
  /** Whether the target may be a machine's metadata service. */
  readonly reachesMetadata: boolean;
};

/** Makes the agent's GET requests, with the connections that are kept between them. */
export class HttpGets implements AsyncDisposable {
  readonly authorities: SystemAuthorities;
  readonly #connections: Connections;
  readonly #environment: Environment;

  /** @param environment where HTTP_PROXY and its kin, and SSL_CERT_FILE, are looked up */
  constructor(environment: Environment) {
    this.#environment = environment;
    this.authorities = systemAuthorities(environment);
    this.#connections = new Connections(this.authorities);
  }

  /**
   * Whatever the status is, it is an answer; redirects are followed where the request says so, but
   * none of a Unix socket.
   * @throws OperationalError UNAVAILABLE when there is no answer, LIMIT when it is too large; the
   * signal's reason when it is aborted
   */
  async get(request: GetRequest, signal: AbortSignal): Promise<GetAnswer> {
    signal.throwIfAborted();
    let onAbort = () => {};
    // A file system that hangs is not waited for either.
    const aborted = new Promise<never>((_, reject) => {
      onAbort = () => reject(signal.reason);
      signal.addEventListener("abort", onAbort, { once: true });
    });
    try {
      return await Promise.race([this.#follow(request, signal), aborted]);
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  async #follow(request: GetRequest, signal: AbortSignal): Promise<GetAnswer> {
    if (!URL.canParse(request.url)) throw new OperationalError("UNAVAILABLE", "Not a URL");
    const target = new URL(request.url);
    let hop = { target, isTrusted: true, reachesMetadata: true };
    const followed = request.http.followRedirects && request.socketPath === null;
    for (let hops = 0; ; hops += 1) {
      const { location, ...answer } = await this.#ask(hop, request, signal);
      if (!followed) return answer;
      try {
        const next = redirectOf({ status: answer.status, location }, hop.target);
        if (next === null) return answer;
        hop = nextHop(hop, next, isMetadataAddress(target.hostname));
        if (hops === REDIRECTS_MAX) {
          throw new OperationalError("UNAVAILABLE", `more than ${REDIRECTS_MAX} redirects`);
        }
      } catch (error) {
        throw getFailure(error, named(hop.target));
      }
    }
  }

  async #ask(
    { target, isTrusted, reachesMetadata }: Hop,
    request: GetRequest,
    signal: AbortSignal,
  ) {
    const { http, socketPath, bytesMax, lease } = request;
    const proxy = socketPath === null ? this.#proxyOf(target, request) : null;
    try {
      const headers = await requestHeaders(target, request, this.authorities.files, isTrusted);
      const route = await this.#connections.routeTo({ target, socketPath, proxy, http });
      const guard = reachesMetadata ? {} : { lookup: lookupElsewhere };
      const connection = { ...route.options, ...guard, stop: signal };
      const sent = { connection, headers: { ...headers, ...route.headers } };
      return await exchange({ ...sent, body: { bytesMax, lease } }, signal);
    } catch (error) {
      signal.throwIfAborted();
      const by = proxy === null ? "" : ` by proxy ${named(proxy)}`;
      throw getFailure(error, named(target) + by);
    }
  }

  #proxyOf(target: URL, { http }: GetRequest): URL | null {
    const chosen = chooseProxy(target, http, this.#environment);
    if (chosen === null) return null;
    const proxy = URL.canParse(chosen) ? new URL(chosen) : null;
    if (proxy !== null && /^https?:$/.test(proxy.protocol)) return proxy;
    throw new OperationalError("UNAVAILABLE", `${named(target)}: its proxy is none of HTTP`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#connections.close();
  }
}

/** As this machine has them. @param environment where SSL_CERT_FILE is looked up */
export function systemAuthorities(environment: Environment): SystemAuthorities {
  return new SystemAuthorities(new SecretFiles(diskFiles), environment["SSL_CERT_FILE"]);
}

/** The GET of discoveries. */
export function discoveryGet(gets: HttpGets, bodies: BodyRoom): DiscoveryPorts["get"] {
  return async (request, signal) => {
    using lease = bodies.lease();
    const { body, ...answer } = await gets.get({ ...request, acceptsGzip: true, lease }, signal);
    return { ...answer, body: new TextDecoder().decode(body) };
  };
}

function nextHop(from: Hop, target: URL, reachesMetadata: boolean): Hop {
  if (!reachesMetadata) refuseMetadata(target.hostname);
  const isTrusted = from.isTrusted && keepsSecrets(from.target, target);
  return { target, isTrusted, reachesMetadata };
}

/** Only the host: the rest of a URL may hold a secret. */
function named({ host }: URL): string {
  return host.slice(0, HOST_LENGTH_MAX);
}
