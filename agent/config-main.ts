import { reportFailure } from "../shared/platform/command.ts";
import { readConfig } from "../shared/platform/read-config.ts";
import { agentConfigSchema } from "./config.ts";

/**
 * Reads the configuration, checks it whole and prints it as JSON: the agent starts this as a process
 * of its own (config-process.ts), because what reads and checks a file once would stay in the
 * agent's memory for good, 20 MiB of it.
 */
try {
  const [request = "{}"] = process.argv.slice(2);
  process.stdout.write(JSON.stringify(readConfig(agentConfigSchema, JSON.parse(request))));
} catch (error) {
  reportFailure("telltale-agent", error);
}
