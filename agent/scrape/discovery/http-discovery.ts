import { OperationalError } from "../../../shared/errors.ts";
import { parseJson } from "../../containers/hostile-json.ts";
import type { HttpDiscoveryConfig } from "../config/scrape-config.ts";
import { type Discovery, type DiscoveryPorts, GROUPS_BYTES_MAX } from "./discovery.ts";
import { readGroupList } from "./group-list.ts";
import { polledDiscovery } from "./polled-discovery.ts";

const JSON_TYPE = /^application\/json(;\s*charset=("utf-8"|utf-8))?$/i;

/** `http_sd_configs`: a service that lists target groups. Source: prometheus.io/docs, "HTTP SD". */
export function httpDiscovery(config: HttpDiscoveryConfig, ports: DiscoveryPorts): Discovery {
  const { url, http, refreshMs } = config;
  const headers = {
    Accept: "application/json",
    "X-Prometheus-Refresh-Interval-Seconds": String(refreshMs / 1000),
  };
  const request = { url, socketPath: null, headers, http, bytesMax: GROUPS_BYTES_MAX };
  const look = async (signal: AbortSignal) => {
    const { status, contentType, body } = await ports.get(request, signal);
    if (status !== 200) throw new OperationalError("UNAVAILABLE", `Status ${status}`);
    if (!JSON_TYPE.test(contentType.trim())) {
      throw new OperationalError("PARSE", "The answer's content type is not application/json");
    }
    return readGroupList(parseJson(body), ["__meta_url", url]);
  };
  // A URL may hold a password or a token.
  const failure = `no targets from ${new URL(url).host}`;
  return polledDiscovery({ refreshMs, failure, look }, ports);
}
