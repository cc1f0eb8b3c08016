import { spawnSync } from "node:child_process";
import { join } from "node:path";
import type { Override } from "../shared/config/load-config.ts";
import type { AgentConfig } from "./config.ts";

/** Far more than a configuration has. */
const OUTPUT_BYTES_MAX = 1024 ** 2;

export type ConfigRequest = {
  /** "join": the agent need not have joined what it sends to. */
  readonly purpose: "run" | "join";
  readonly defaultFile: string;
  readonly file: string | undefined;
  readonly environmentPrefix: string;
  readonly flags: readonly Override[];
};

/**
 * The configuration, read by a process of its own (config-main.ts); null where it is not good, which
 * that has told. `node` is the program that runs this one.
 */
export function readConfigApart(node: string, request: ConfigRequest): AgentConfig | null {
  const program = join(import.meta.dirname, "programs/config-main.js");
  const { status, stdout, error } = spawnSync(node, [program, JSON.stringify(request)], {
    stdio: ["ignore", "pipe", "inherit"],
    maxBuffer: OUTPUT_BYTES_MAX,
    encoding: "utf8",
  });
  if (error !== undefined) throw error;
  return status === 0 ? JSON.parse(stdout) : null;
}
