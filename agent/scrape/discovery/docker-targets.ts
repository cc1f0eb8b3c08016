import { OperationalError } from "../../../shared/errors.ts";
import { type Labels, labelsFrom } from "../../../shared/model/labels.ts";
import { isObject, type JsonObject } from "../../containers/hostile-json.ts";
import type { DockerDiscoveryConfig } from "../config/scrape-config.ts";
import { labelNamePart } from "../label-names.ts";

/**
 * Labels as `docker_sd_configs` of Prometheus gives them. The answers are bounded as a whole, so
 * texts are taken as they are.
 * Source: prometheus.io/docs, "Configuration", docker_sd_config.
 */

const PREFIX = "__meta_docker_";
const TARGETS_MAX = 20_000;
const NETWORK_OF_MAX = 16;

/** GET /containers/json and GET /networks. */
type EngineAnswers = { readonly containers: unknown; readonly networks: unknown };
type Pairs = readonly (readonly [string, string])[];
type Options = Pick<DockerDiscoveryConfig, "port" | "hostNetworkingHost" | "matchFirstNetwork">;
type Network = { readonly id: string; readonly ip: string };

/**
 * A target for each network and port of each container that runs.
 * @throws OperationalError PARSE when these are not an engine's answers, LIMIT
 */
export function dockerTargets(answers: EngineAnswers, options: Options): Labels[] {
  const containers = listOf(answers.containers, "containers");
  const networkLabels = new Map(
    listOf(answers.networks, "networks").map((one) => [text(one, "Id"), labelsOfNetwork(one)]),
  );
  const byId = new Map(containers.map((one) => [text(one, "Id"), one]));
  const targets: Labels[] = [];
  for (const container of containers) {
    const own = labelsOfContainer(container);
    if (own === null) continue;
    for (const network of networksOf(container, byId, options.matchFirstNetwork)) {
      const common = [...own, ...(networkLabels.get(network.id) ?? [])];
      for (const labels of portsOf(container, network, options)) {
        targets.push(labelsFrom([...common, ...labels]));
      }
      if (targets.length > TARGETS_MAX) {
        throw new OperationalError("LIMIT", `More than ${TARGETS_MAX} targets`);
      }
    }
  }
  return targets;
}

function labelsOfContainer(container: JsonObject): Pairs | null {
  const [name] = values(container, "Names");
  if (typeof name !== "string") return null;
  return [
    [`${PREFIX}container_id`, text(container, "Id")],
    [`${PREFIX}container_name`, name],
    [`${PREFIX}container_network_mode`, modeOf(container)],
    ...prefixed(`${PREFIX}container_label_`, child(container, "Labels")),
  ];
}

function labelsOfNetwork(network: JsonObject): Pairs {
  return [
    [`${PREFIX}network_id`, text(network, "Id")],
    [`${PREFIX}network_name`, text(network, "Name")],
    [`${PREFIX}network_scope`, text(network, "Scope")],
    [`${PREFIX}network_internal`, String(network["Internal"] === true)],
    [`${PREFIX}network_ingress`, String(network["Ingress"] === true)],
    ...prefixed(`${PREFIX}network_label_`, child(network, "Labels")),
  ];
}

function prefixed(prefix: string, labels: JsonObject): Pairs {
  return Object.entries(labels).map(([name, value]) => {
    return [prefix + labelNamePart(name), typeof value === "string" ? value : ""] as const;
  });
}

/** By name; of a container that is in another one's network, that one's. */
function networksOf(
  container: JsonObject,
  byId: ReadonlyMap<string, JsonObject>,
  isFirstOnly: boolean,
): Network[] {
  let owner = container;
  let networks = child(child(owner, "NetworkSettings"), "Networks");
  for (let hops = 0; hops < NETWORK_OF_MAX && Object.keys(networks).length === 0; hops += 1) {
    const next = byId.get(/^container:(.+)$/.exec(modeOf(owner))?.[1] ?? "");
    if (next === undefined) return [];
    owner = next;
    networks = child(child(owner, "NetworkSettings"), "Networks");
  }
  const names = Object.keys(networks).sort();
  const all = names.map((name) => networks[name]).filter(isObject);
  return all.slice(0, isFirstOnly ? 1 : undefined).map((network) => ({
    id: text(network, "NetworkID"),
    ip: text(network, "IPAddress") || text(network, "GlobalIPv6Address"),
  }));
}

/** One for each exposed TCP port; where there is none, one with the port of the configuration. */
function portsOf(container: JsonObject, { ip }: Network, options: Options): Pairs[] {
  const found: Pairs[] = [];
  const host = ip.includes(":") ? `[${ip}]` : ip;
  for (const port of values(container, "Ports")) {
    if (!isObject(port) || port["Type"] !== "tcp") continue;
    const [own, published] = [port["PrivatePort"], port["PublicPort"]];
    const isPublished = typeof published === "number" && published > 0;
    found.push([
      ["__address__", `${host}:${own}`],
      [`${PREFIX}network_ip`, ip],
      [`${PREFIX}port_private`, String(own)],
      [`${PREFIX}port_public`, isPublished ? String(published) : ""],
      [`${PREFIX}port_public_ip`, isPublished ? text(port, "IP") : ""],
    ]);
  }
  if (found.length > 0) return found;
  const isHost = modeOf(container) === "host";
  const address = isHost ? options.hostNetworkingHost : `${host}:${options.port}`;
  return [
    [
      ["__address__", address],
      [`${PREFIX}network_ip`, ip],
    ],
  ];
}

function modeOf(container: JsonObject): string {
  return text(child(container, "HostConfig"), "NetworkMode");
}

function listOf(value: unknown, what: string): JsonObject[] {
  if (Array.isArray(value)) return value.filter(isObject);
  throw new OperationalError("PARSE", `The engine's ${what} are not a list`);
}

function values(from: JsonObject, key: string): readonly unknown[] {
  const value = from[key];
  return Array.isArray(value) ? value : [];
}

function child(from: JsonObject, key: string): JsonObject {
  const value = from[key];
  return isObject(value) ? value : {};
}

function text(from: JsonObject, key: string): string {
  const value = from[key];
  return typeof value === "string" ? value : "";
}
