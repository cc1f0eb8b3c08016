import { isDeepStrictEqual } from "node:util";
import type { AgentConfig } from "./agent-config.ts";

/** With these the collectors, and all their series, are made anew. */
const COLLECTED = [
  "host_root",
  "labels",
  "collectors",
  "container_labels",
  "textfile_directory",
  "budget",
  "cgroups_max",
  "scrape_configs",
  "probes",
] as const;
/** The other sections that can change while the agent runs. `insecure` is only checked. */
const OTHERS = ["log_level", "insecure"] as const;
const AT_RUN_TIME: ReadonlySet<string> = new Set([...COLLECTED, ...OTHERS]);

export type ReloadPlan = {
  /** What is to be in force: the old configuration where only a restart changes it. */
  readonly config: AgentConfig;
  /** Names of the sections that change now, and of those that wait for a restart. */
  readonly changed: readonly string[];
  readonly waiting: readonly string[];
  readonly isCollectedAnew: boolean;
};

/** What a configuration that was read, and is good, changes in the one in force. */
export function planReload(inForce: AgentConfig, read: AgentConfig): ReloadPlan {
  const names = Object.keys(read) as (keyof AgentConfig)[];
  const differing = names.filter((name) => !isDeepStrictEqual(inForce[name], read[name]));
  const changed = differing.filter((name) => AT_RUN_TIME.has(name));
  const waiting = differing.filter((name) => !AT_RUN_TIME.has(name));
  const taken = Object.fromEntries(changed.map((name) => [name, read[name]]));
  const isCollectedAnew = COLLECTED.some((name) => changed.includes(name));
  return { config: { ...inForce, ...taken }, changed, waiting, isCollectedAnew };
}
