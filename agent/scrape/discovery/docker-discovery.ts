import { isDeepStrictEqual } from "node:util";
import { OperationalError } from "../../../shared/errors.ts";
import { parseJson } from "../../containers/hostile-json.ts";
import type { DockerDiscoveryConfig } from "../config/scrape-config.ts";
import { PLAIN_HTTP } from "../http/plain-http.ts";
import { type Discovery, type DiscoveryPorts, GROUPS_BYTES_MAX } from "./discovery.ts";
import { dockerTargets } from "./docker-targets.ts";
import { polledDiscovery } from "./polled-discovery.ts";

/**
 * `docker_sd_configs`: asks an engine for its running containers and its networks. `tcp://` is with TLS
 * where there is a `tls_config`, as everywhere with Docker.
 */
export function dockerDiscovery(config: DockerDiscoveryConfig, ports: DiscoveryPorts): Discovery {
  const { host, http, filters, refreshMs } = config;
  const isSocket = host.startsWith("unix://");
  const scheme = isDeepStrictEqual(http.tls, PLAIN_HTTP.tls) ? "http:" : "https:";
  const base = isSocket ? "http://localhost" : host.replace(/^tcp:/, scheme).replace(/\/$/, "");
  const socketPath = isSocket ? host.slice("unix://".length) : null;
  const ask = async (path: string, signal: AbortSignal): Promise<unknown> => {
    const request = { url: base + path, socketPath, headers: {}, http, bytesMax: GROUPS_BYTES_MAX };
    const { status, body } = await ports.get(request, signal);
    if (status === 200) return parseJson(body);
    throw new OperationalError("UNAVAILABLE", `GET ${path.split("?")[0]}: status ${status}`);
  };
  const query = new URLSearchParams({ filters: JSON.stringify(filters) });
  const hasFilters = Object.keys(filters).length > 0;
  const look = async (signal: AbortSignal) => {
    const containers = await ask(`/containers/json${hasFilters ? `?${query}` : ""}`, signal);
    const networks = await ask("/networks", signal);
    return [{ targets: dockerTargets({ containers, networks }, config), labels: [] }];
  };
  return polledDiscovery({ refreshMs, failure: `no containers from ${host}`, look }, ports);
}
