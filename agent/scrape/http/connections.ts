import type { Agent } from "node:http";
import type { RequestOptions } from "node:https";
import { isIP } from "node:net";
import { checkServerIdentity, createSecureContext } from "node:tls";
import { OperationalError } from "../../../shared/errors.ts";
import { loadHttp, loadHttps } from "../../../shared/platform/http-module.ts";
import type { SecretFile } from "../../../shared/platform/secret-files.ts";
import type { SystemAuthorities } from "../../../shared/platform/system-authorities.ts";
import type { ScrapeHttp, ScrapeTls } from "../config/scrape-config.ts";
import { IdleSockets, retire } from "./idle-sockets.ts";
import { basicOf, type Headers } from "./request-headers.ts";
import { openTunnel, type Tunnel } from "./tunnel.ts";

/** `stop` ends what is done before there is a connection that could be destroyed. */
export type ConnectionOptions = RequestOptions & { readonly stop: AbortSignal };

type Way = {
  readonly target: URL;
  readonly socketPath: string | null;
  readonly proxy: URL | null;
  readonly http: Pick<ScrapeHttp, "tls" | "proxyHeaders">;
};

/** Where a request is sent, as Node has it, and the headers that are for a proxy. */
type Route = { readonly options: RequestOptions; readonly headers: Headers };

type Pool = {
  readonly agent: Agent;
  readonly files: readonly (SecretFile | null)[];
};

/** Sets of TLS settings and proxies whose connections are kept. */
const POOLS_MAX = 64;
const KEPT = {
  keepAlive: true,
  timeout: 5 * 60_000, // of one that is idle
  maxSockets: Number.POSITIVE_INFINITY, // there are no more than there are requests
  maxFreeSockets: 1000, // IdleSockets has a bound for all together
  keepAliveMsecs: 60_000, // of silence, before the kernel looks whether the other side is there
};

/** The connections that are kept for further requests. */
export class Connections {
  readonly #authorities: SystemAuthorities;
  readonly #idle = new IdleSockets();
  /** Of TLS, by its settings and its tunnel, in the order of their last use. */
  readonly #pools = new Map<string, Pool>();
  #plain: Agent | null = null;
  #isClosed = false;

  constructor(authorities: SystemAuthorities) {
    this.#authorities = authorities;
  }

  /** @throws OperationalError UNAVAILABLE when the files of the TLS settings are of no use */
  async routeTo({ target, socketPath, proxy, http }: Way): Promise<Route> {
    const path = target.pathname + target.search;
    if (proxy === null) {
      const agent = await this.#agent(target, http.tls, null);
      const endpoint = socketPath === null ? endpointOf(target) : { socketPath };
      return { options: { ...endpoint, protocol: target.protocol, path, agent }, headers: {} };
    }
    const authorization = basicOf(proxy);
    const forProxy = authorization === null ? {} : { "proxy-authorization": authorization };
    if (target.protocol === "https:") {
      const headers = { ...http.proxyHeaders, ...forProxy };
      const agent = await this.#agent(target, http.tls, { proxy: endpointOf(proxy), headers });
      return { options: { ...endpointOf(target), path, agent }, headers: {} };
    }
    const agent = await this.#agent(proxy, { ...http.tls, serverName: null }, null);
    const options = { ...endpointOf(proxy), ...serverNameOf(proxy), path: target.origin + path };
    return { options: { ...options, agent }, headers: forProxy };
  }

  /** Ends all connections. */
  close(): void {
    this.#isClosed = true;
    this.#plain?.destroy();
    for (const { agent } of this.#pools.values()) agent.destroy();
    this.#pools.clear();
  }

  async #agent({ protocol }: URL, tls: ScrapeTls, tunnel: Tunnel | null): Promise<Agent> {
    if (protocol === "https:") return await this.#secureAgent(tls, tunnel);
    this.#requireOpen();
    this.#plain ??= this.#watched(new (loadHttp().Agent)(KEPT));
    return this.#plain;
  }

  async #secureAgent(tls: ScrapeTls, tunnel: Tunnel | null): Promise<Agent> {
    const key = JSON.stringify([tls, tunnel]);
    const read = (path: string | null) =>
      path === null ? null : this.#authorities.files.read(path);
    const isSystems = tls.ca === null && tls.caFile === null && !tls.skipsVerification;
    const files = await Promise.all([
      isSystems ? this.#authorities.read() : read(tls.caFile),
      read(tls.certFile),
      read(tls.keyFile),
    ]);
    this.#requireOpen();
    const kept = this.#pools.get(key);
    const isCurrent = kept?.files.every((file, index) => file === files[index]) ?? false;
    if (kept !== undefined && !isCurrent) retire(kept.agent);
    const pool =
      kept !== undefined && isCurrent
        ? kept
        : { agent: this.#watched(newSecureAgent(tls, files, tunnel)), files };
    this.#pools.delete(key);
    this.#pools.set(key, pool);
    const [oldest] = this.#pools;
    if (oldest !== undefined && this.#pools.size > POOLS_MAX) {
      this.#pools.delete(oldest[0]);
      retire(oldest[1].agent);
    }
    return pool.agent;
  }

  #watched(agent: Agent): Agent {
    this.#idle.watch(agent);
    return agent;
  }

  #requireOpen(): void {
    if (this.#isClosed) throw new OperationalError("UNAVAILABLE", "No requests are made any more");
  }
}

function newSecureAgent(
  tls: ScrapeTls,
  [ca, cert, key]: readonly (SecretFile | null | undefined)[],
  tunnel: Tunnel | null,
): Agent {
  const { minVersion, maxVersion } = tls;
  // OpenSSL has these switched off otherwise.
  const isOld = minVersion === "TLSv1" || minVersion === "TLSv1.1";
  const secureContext = createSecureContext({
    ...optional("ca", ca?.text ?? tls.ca),
    ...optional("cert", cert?.text ?? tls.cert),
    ...optional("key", key?.text ?? tls.key),
    ...optional("minVersion", minVersion),
    ...optional("maxVersion", maxVersion),
    ...optional("ciphers", isOld ? "DEFAULT@SECLEVEL=0" : null),
  });
  const trust = { secureContext, rejectUnauthorized: !tls.skipsVerification };
  const agent = new (loadHttps().Agent)({ ...KEPT, ...trust, ...nameToVerify(tls.serverName) });
  if (tunnel !== null) {
    const { proxy, headers } = tunnel;
    connectThrough(agent, { proxy: { ...proxy, ...trust }, headers });
  }
  return agent;
}

function optional<K extends string, T>(name: K, value: T | null): { [key in K]?: T } {
  return value === null ? {} : ({ [name]: value } as { [key in K]?: T });
}

/** An address is never asked for by name, only looked for in the certificate. */
function nameToVerify(serverName: string | null) {
  if (serverName === null) return {};
  if (isIP(serverName) === 0) return { servername: serverName };
  const checkAddress: typeof checkServerIdentity = (_host, certificate) =>
    checkServerIdentity(serverName, certificate);
  return { servername: "", checkServerIdentity: checkAddress };
}

function connectThrough(
  agent: InstanceType<ReturnType<typeof loadHttps>["Agent"]>,
  tunnel: Tunnel,
) {
  const connect = agent.createConnection.bind(agent);
  agent.createConnection = (options, done) => {
    const { host, port, stop } = options as ConnectionOptions;
    const authority = `${isIP(host ?? "") === 6 ? `[${host}]` : host}:${port}`;
    openTunnel(tunnel, authority, stop)
      .then((socket) => connect({ ...options, socket } as RequestOptions))
      .then(
        (secured) => done?.(null, secured as never),
        (error) => done?.(error, undefined as never),
      );
    return undefined;
  };
}

function endpointOf({ protocol, hostname, port }: URL): RequestOptions {
  const host = hostname.replace(/^\[|\]$/g, "");
  return { protocol, host, port: port || (protocol === "https:" ? 443 : 80) };
}

/** Node would take the target's from the header. */
function serverNameOf({ hostname }: URL) {
  return { servername: isIP(hostname.replace(/^\[|\]$/g, "")) === 0 ? hostname : "" };
}
