import { resolve } from "node:path";
import { faultsError } from "../../shared/config/decode-yaml.ts";
import { OperationalError } from "../../shared/errors.ts";
import { readConfigFile, readConfigFiles } from "../../shared/platform/config-files.ts";
import { type ConfigSource, readConfig } from "../../shared/platform/read-config.ts";
import { readProbes } from "../probes/config/read-probes.ts";
import { readScrapeConfigs } from "../scrape/config/read-scrape-configs.ts";
import { type AgentConfig, agentConfigSchema } from "./agent-config.ts";
import { labelRecord } from "./label-record.ts";
import { NOTHING_READ } from "./logs-config.ts";

/** Of all jobs as JSON: it is read in one piece, and the agent keeps it. */
const SCRAPE_BYTES_MAX = 4 * 1024 ** 2;

type Read = { readonly config: AgentConfig; readonly notes: readonly string[] };

/**
 * The agent's configuration with all files that it names. Notes say what of them has no effect.
 * @throws OperationalError CONFIG
 */
export function readAgentConfig(from: ConfigSource): Read {
  const config = readConfig(agentConfigSchema, from);
  const path = resolve(from.file ?? from.defaultFile);
  const text = readConfigFile(path) ?? "";
  const { configs, notes, faults } = readScrapeConfigs({ path, text }, readConfigFiles);
  const labels = labelRecord(["instance", "node"]);
  const probes = readProbes({ file: { path, text }, readFile: readConfigFile, labels });
  const all = [...faults, ...probes.faults];
  if (all.length > 0) throw faultsError(all);
  const fast = configs.find(({ intervalMs }) => intervalMs < config.interval);
  if (fast !== undefined) {
    const message = `scrape_configs: job ${fast.jobName} has a scrape_interval below the agent's own "interval"`;
    throw new OperationalError("CONFIG", message);
  }
  const bytes = Buffer.byteLength(JSON.stringify(configs));
  if (bytes > SCRAPE_BYTES_MAX) {
    const message = `scrape_configs are ${bytes} bytes of JSON, over ${SCRAPE_BYTES_MAX}: name targets in files for file_sd_configs`;
    throw new OperationalError("CONFIG", message);
  }
  // Lines that others send go where those that are read go.
  const logs = config.logs ?? (config.otlp === null ? null : NOTHING_READ);
  const read = { logs, scrape_configs: configs, probes: probes.probes };
  return { config: Object.freeze({ ...config, ...read }), notes };
}
