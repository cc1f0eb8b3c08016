import { OperationalError } from "../../shared/errors.ts";
import { reportFailure } from "../../shared/platform/command.ts";
import type { ConfigSource } from "../../shared/platform/read-config.ts";
import type { AgentConfig } from "../config/agent-config.ts";
import { readAgentConfig } from "../config/read-agent-config.ts";
import { readMemberships } from "../identity/identity-file.ts";
import { requireMemberships } from "../identity/membership-check.ts";

export type ConfigRequest = Omit<ConfigSource, "defaults"> & {
  /** "join": the agent need not have joined what it sends to. */
  readonly purpose: "run" | "join";
};

/**
 * Reads the configuration, checks it whole and prints it as JSON: the agent starts this as a process
 * of its own, because what reads and checks a file once would stay in the
 * agent's memory for good, 20 MiB of it.
 */
try {
  const request: ConfigRequest = JSON.parse(process.argv[2] ?? "");
  refuseVariables(request.environmentPrefix);
  const { config, notes } = readAgentConfig(request);
  for (const note of notes) process.stderr.write(`telltale-agent: note: ${note}\n`);
  const answer = request.purpose === "join" ? config : joined(request, config);
  process.stdout.write(JSON.stringify(answer));
} catch (error) {
  reportFailure("telltale-agent", error);
}

/** @throws OperationalError CONFIG for a variable whose value would be read otherwise than the file's */
function refuseVariables(prefix: string): void {
  for (const key of ["SCRAPE_CONFIGS", "SCRAPE_CONFIG_FILES", "PROBES", "PROBE_MODULES"]) {
    const name = `${prefix}_${key}`;
    if (process.env[name] === undefined) continue;
    throw new OperationalError("CONFIG", `${name}: this can be said only in the file`);
  }
}

/**
 * What the configuration leaves open, the join has said: the aggregator and the node's name.
 * @throws OperationalError CONFIG where it would send unencrypted, or under a name not its own
 */
function joined(request: ConfigRequest, config: AgentConfig): AgentConfig {
  const memberships = readMemberships(config.data_dir);
  const [only] = memberships;
  if (only === undefined) {
    requireMemberships(config, []);
    return config;
  }
  const source = `${config.data_dir}/identity.json`;
  const { config: filled } = readAgentConfig({
    ...request,
    defaults: [
      { source, path: ["aggregator"], text: only.aggregator },
      { source, path: ["node"], text: JSON.stringify(only.node) },
    ],
  });
  requireMemberships(filled, memberships);
  return filled;
}
