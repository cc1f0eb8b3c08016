import { cleanText, isObject, type JsonObject, listAt, objectAt, textAt } from "./hostile-json.ts";

const NETWORKS_MAX = 32;
const PORTS_MAX = 256;
const MODE_CHARACTERS_MAX = 128;

/** How a container can be reached, as its engine says; "" is unknown, and lists are sorted. */
export type ContainerNetwork = {
  /** bridge, host, none, a network's name, or `container:ID`. */
  readonly mode: string;
  readonly networks: readonly JoinedNetwork[];
  /** TCP ports that the container says it listens on. */
  readonly exposed: readonly number[];
  /** TCP ports that the host passes on. */
  readonly published: readonly PublishedPort[];
};

type JoinedNetwork = {
  readonly name: string;
  readonly id: string;
  readonly ip: string;
  readonly gateway: string;
};

export type PublishedPort = {
  /** Of the container. */
  readonly port: number;
  /** The host's address that is listened on; 0.0.0.0, :: or "": all. */
  readonly hostIp: string;
  readonly hostPort: number;
};

/** Of one of GET /containers/json, or of GET /containers/ID/json. */
export function networkOf(container: JsonObject): ContainerNetwork {
  const settings = objectAt(container, "NetworkSettings");
  const ports = [...listedPorts(container), ...inspectedPorts(container, settings)];
  const mode = textAt(objectAt(container, "HostConfig"), "NetworkMode");
  return {
    mode: cleanText(mode, MODE_CHARACTERS_MAX),
    networks: joinedNetworks(objectAt(settings, "Networks")),
    exposed: [...new Set(ports.map(({ port }) => port))].sort((a, b) => a - b),
    published: ports
      .filter(({ hostPort }) => hostPort > 0)
      .sort((a, b) => a.port - b.port || compare(a.hostIp, b.hostIp) || a.hostPort - b.hostPort),
  };
}

function joinedNetworks(networks: JsonObject): JoinedNetwork[] {
  const names = Object.keys(networks).sort().slice(0, NETWORKS_MAX);
  return names.map((name) => {
    const network = objectAt(networks, name);
    return {
      name: cleanText(name),
      id: textAt(network, "NetworkID"),
      ip: textAt(network, "IPAddress") || textAt(network, "GlobalIPv6Address"),
      gateway: textAt(network, "Gateway") || textAt(network, "IPv6Gateway"),
    };
  });
}

function listedPorts(container: JsonObject): PublishedPort[] {
  return listAt(container, "Ports")
    .slice(0, PORTS_MAX)
    .flatMap((value) => {
      if (!isObject(value) || textAt(value, "Type") !== "tcp") return [];
      const port = portOf(value["PrivatePort"]);
      if (port === 0) return [];
      return [{ port, hostIp: textAt(value, "IP"), hostPort: portOf(value["PublicPort"]) }];
    });
}

/** `{"9100/tcp": [{"HostIp": "0.0.0.0", "HostPort": "9100"}]}`; null where it is only exposed. */
function inspectedPorts(container: JsonObject, settings: JsonObject): PublishedPort[] {
  const mapped = objectAt(settings, "Ports");
  const exposed = Object.keys(objectAt(objectAt(container, "Config"), "ExposedPorts"));
  const names = [...new Set([...Object.keys(mapped), ...exposed])].slice(0, PORTS_MAX);
  return names.flatMap((name) => {
    const port = portOf(/^(\d{1,5})\/tcp$/.exec(name)?.[1]);
    if (port === 0) return [];
    const hosts = listAt(mapped, name).filter(isObject).slice(0, PORTS_MAX);
    if (hosts.length === 0) return [{ port, hostIp: "", hostPort: 0 }];
    return hosts.map((host) => {
      return { port, hostIp: textAt(host, "HostIp"), hostPort: portOf(host["HostPort"]) };
    });
  });
}

/** 0: none. */
function portOf(value: unknown): number {
  const port = typeof value === "string" && /^\d{1,5}$/.test(value) ? Number(value) : value;
  return typeof port === "number" && Number.isInteger(port) && port > 0 && port <= 65_535
    ? port
    : 0;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
