/**
 * Agents in one process, each with a buffer and connections of its own; they read the load alone. A
 * process for each takes a second of a core to start. Arguments: address, directory, names of nodes.
 */
import { join } from "node:path";
import { hostCollectors, startAgent } from "../../agent/app.ts";
import { collectorNames } from "../../agent/collect/collectors.ts";
import { agentConfigSchema } from "../../agent/config/agent-config.ts";
import { journalctl } from "../../agent/logs/journal/journalctl.ts";
import { diskFiles } from "../../agent/logs/tail/disk-files.ts";
import type { AgentPlatform } from "../../agent/platform.ts";
import { grpcConnect, grpcProbe } from "../../agent/uplink/grpc-connect.ts";
import { foldersIn } from "../../shared/platform/level-files.ts";
import { freeBytes, openLevelStore } from "../../shared/platform/level-store.ts";
import { openLog } from "../../shared/platform/log.ts";
import { nodeClock } from "../../shared/platform/node.ts";
import { servePage } from "../../shared/platform/serve-page.ts";
import { NOTHING_SCRAPED } from "./nothing-scraped.ts";
import { plainly } from "./plainly.ts";

const LEVEL = { cacheBytes: 1024 ** 2, writeBufferBytes: 1024 ** 2 };
const [aggregator, directory = "", ...nodes] = process.argv.slice(2);
const disable = collectorNames().filter((name) => name !== "loadavg");
const logger = openLog("info", "many-agents");
const own = { clock: nodeClock, random: Math.random, logger };

const platform: AgentPlatform = {
  ...own,
  ...NOTHING_SCRAPED,
  hostName: "",
  openStore: (place, load, onDamage) =>
    openLevelStore(place, LEVEL, ({ outcome }) => onDamage(outcome), load),
  foldersIn,
  freeBytes,
  logFiles: diskFiles,
  journalctl: journalctl(),
  identity: null,
  connect: (address) => grpcConnect(address, plainly),
  probe: (address) => grpcProbe(address, plainly),
  collectors: (config, groups) => hostCollectors(config, groups, { ...own, ask: async () => "{}" }),
  processUsage: () => ({ cpuUsec: 0, residentBytes: 0 }),
  servePage,
  onReload: () => ({ [Symbol.dispose]: () => {} }),
  readConfig: () => Promise.reject(new Error("nobody asks for it")),
  setLogLevel: () => {},
};

for (const node of nodes) {
  const config = { node, aggregator, data_dir: join(directory, node), listen: "none" };
  await startAgent(agentConfigSchema.parse({ ...config, collectors: { disable } }), platform);
}
