import type { ContainerFacts } from "../../containers/container-facts.ts";
import type { ContainerNetwork, PublishedPort } from "../../containers/container-network.ts";

/** From where the agent asks. */
export type Vantage =
  | { readonly kind: "host" }
  /** In a container's network of its own: what it has joined, and where the host is seen from there. */
  | {
      readonly kind: "container";
      readonly networkIds: ReadonlySet<string>;
      readonly gateway: string;
    };

export const ON_HOST: Vantage = { kind: "host" };

/**
 * @param own the container that the agent runs in; null: it does not, or that is not known
 */
export function vantageOf(own: ContainerFacts | null): Vantage {
  const network = own?.network ?? null;
  if (network === null || network.mode === "host" || network.networks.length === 0) return ON_HOST;
  return {
    kind: "container",
    networkIds: new Set(network.networks.map(({ id }) => id).filter((id) => id !== "")),
    gateway: network.networks.find(({ gateway }) => gateway !== "")?.gateway ?? "",
  };
}

const ALL_ADDRESSES: ReadonlySet<string> = new Set(["", "0.0.0.0", "::"]);

/**
 * `HOST:PORT` at which the agent reaches a port of a container: on a network that both have joined,
 * else on a port of the host, else at the container's own address. Null: there is no way.
 */
export function containerAddress(
  network: ContainerNetwork,
  port: number,
  vantage: Vantage,
): string | null {
  const host = vantage.kind === "host" ? "127.0.0.1" : vantage.gateway;
  if (network.mode === "host") return host === "" ? null : joined(host, port);
  const shared = network.networks.find(({ id, ip }) => ip !== "" && isShared(id, vantage));
  if (shared !== undefined) return joined(shared.ip, port);
  const published = publishedAddress(network.published, port, vantage);
  if (published !== null) return published;
  const own = network.networks.find(({ ip }) => ip !== "");
  return own === undefined ? null : joined(own.ip, port);
}

function isShared(id: string, vantage: Vantage): boolean {
  return vantage.kind === "container" && vantage.networkIds.has(id);
}

function publishedAddress(
  list: readonly PublishedPort[],
  port: number,
  vantage: Vantage,
): string | null {
  for (const { port: own, hostIp, hostPort } of list) {
    if (own !== port) continue;
    const isAll = ALL_ADDRESSES.has(hostIp);
    if (vantage.kind === "host") return joined(isAll ? loopbackOf(hostIp) : hostIp, hostPort);
    // What listens on the host's loopback is not for other network namespaces.
    if (isAll && vantage.gateway !== "") return joined(vantage.gateway, hostPort);
    if (!isAll && !isLoopback(hostIp)) return joined(hostIp, hostPort);
  }
  return null;
}

function loopbackOf(hostIp: string): string {
  return hostIp === "::" ? "::1" : "127.0.0.1";
}

function isLoopback(ip: string): boolean {
  return ip === "::1" || ip.startsWith("127.");
}

function joined(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
