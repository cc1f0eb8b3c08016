import { OperationalError } from "../shared/errors.ts";
import { type Address, formatAddress, isLoopback } from "../shared/model/address.ts";
import { reportFailure } from "../shared/platform/command.ts";
import { readConfig } from "../shared/platform/read-config.ts";
import { type AgentConfig, agentConfigSchema } from "./config.ts";
import type { ConfigRequest } from "./config-process.ts";
import { type Membership, membershipFor, readMemberships } from "./identity/identity-file.ts";

/**
 * Reads the configuration, checks it whole and prints it as JSON: the agent starts this as a process
 * of its own (config-process.ts), because what reads and checks a file once would stay in the
 * agent's memory for good, 20 MiB of it.
 */
try {
  const request: ConfigRequest = JSON.parse(process.argv[2] ?? "");
  const config = readConfig(agentConfigSchema, request);
  const answer = request.purpose === "join" ? config : joined(request, config);
  process.stdout.write(JSON.stringify(answer));
} catch (error) {
  reportFailure("telltale-agent", error);
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
  const filled = readConfig(agentConfigSchema, {
    ...request,
    defaults: [
      { source, path: ["aggregator"], text: only.aggregator },
      { source, path: ["node"], text: JSON.stringify(only.node) },
    ],
  });
  requireMemberships(filled, memberships);
  return filled;
}

function requireMemberships(config: AgentConfig, memberships: readonly Membership[]): void {
  for (const aggregator of config.aggregator.addresses) {
    requireMembership(config, aggregator, membershipFor(memberships, formatAddress(aggregator)));
  }
}

function requireMembership(
  { node, insecure }: AgentConfig,
  aggregator: Address,
  membership: Membership | null,
): void {
  const address = formatAddress(aggregator);
  if (membership === null) {
    if (insecure || isLoopback(aggregator)) return;
    throw new OperationalError(
      "CONFIG",
      `aggregator: ${address} is not this machine, and this agent has not joined it: have a token made there ("telltale-aggregator token create") and run "telltale-agent join ${address} TOKEN"; or, in a network you trust, say "insecure: true"`,
    );
  }
  if (membership.node === node) return;
  throw new OperationalError(
    "CONFIG",
    `node: this agent has joined ${address} as ${membership.node}, and is called ${node === "" ? "nothing" : node} here: join again under that name, or take "node" out of the configuration`,
  );
}
