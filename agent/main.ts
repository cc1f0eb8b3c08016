#!/usr/bin/env node
import "./footprint/v8-flags.ts";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { OperationalError } from "../shared/errors.ts";
import { type Address, formatAddress, parseAddress } from "../shared/model/address.ts";
import {
  EXIT_USAGE,
  flagOverrides,
  reloadSignal,
  reportFailure,
  runUntilSignal,
} from "../shared/platform/command.ts";
import { DatagramSockets } from "../shared/platform/datagram-sockets.ts";
import { startParts } from "../shared/platform/disposals.ts";
import { isFootprintKept } from "../shared/platform/footprint.ts";
import { foldersIn } from "../shared/platform/level-files.ts";
import { freeBytes, openLevelStore, type StoreDamage } from "../shared/platform/level-store.ts";
import { type Log, openLog } from "../shared/platform/log.ts";
import { nodeClock } from "../shared/platform/node.ts";
import { servePage } from "../shared/platform/serve-page.ts";
import { VERSION } from "../shared/version.ts";
import { hostCollectors, requireKnownCollectors, startAgent } from "./app.ts";
import type { AgentConfig } from "./config/agent-config.ts";
import { garbageLook, keepGivingBackMemory } from "./footprint/program-pages.ts";
import { optimiseFirstTicks } from "./footprint/v8-flags.ts";
import { watchedStore } from "./footprint/watched-store.ts";
import { HeldIdentity } from "./identity/held-identity.ts";
import { journalctl } from "./logs/journal/journalctl.ts";
import { requireGoodPatterns } from "./logs/log-reading.ts";
import { diskFiles } from "./logs/tail/disk-files.ts";
import { BodyRoom } from "./model/body-room.ts";
import type { AgentPlatform } from "./platform.ts";
import { ChildPrograms } from "./programs/child-programs.ts";
import type { ConfigRequest } from "./programs/config-main.ts";
import type { IdentityRequest } from "./programs/identity-main.ts";
import { type OncePlatform, pageOnce } from "./programs/once.ts";
import { diskFiles as discoveryFiles } from "./scrape/discovery/disk-files.ts";
import { ownContainerId } from "./scrape/discovery/own-container.ts";
import { discoveryGet, HttpGets } from "./scrape/http/http-gets.ts";
import { diskProc } from "./scrape/offers/disk-proc.ts";
import { unitPorts } from "./unit-ports.ts";
import { grpcConnect, grpcProbe } from "./uplink/grpc-connect.ts";

const DEFAULT_CONFIG = "/etc/telltale/agent.yaml";
/** The aggregator's gRPC port. */
const DEFAULT_PORT = 7070;
const LEVEL_LIMITS = { cacheBytes: 1024 ** 2, writeBufferBytes: 1024 ** 2 };

/** Flags that stand for one value of the configuration. */
const FLAG_PATHS = {
  node: ["node"],
  aggregator: ["aggregator"],
  dataDir: ["data_dir"],
  hostRoot: ["host_root"],
  listen: ["listen"],
  interval: ["interval"],
  logLevel: ["log_level"],
  insecure: ["insecure"],
} as const;

const programs = new ChildPrograms(process.execPath, join(import.meta.dirname, "programs"));

const program = new Command("telltale-agent")
  .description("Collects this node's metrics and streams them to an aggregator; loses nothing.")
  .version(VERSION)
  .option("--config <file>", `configuration file (default: ${DEFAULT_CONFIG}, if it is there)`)
  .option("--check-config", "check the configuration and exit: 0 if it is good, 2 if not")
  .option("--node <name>", "name of this node (default: the host name)")
  .option(
    "--aggregator <host:port>",
    "where to send to (default: localhost:7070); several as [A, B]",
  )
  .option("--data-dir <dir>", "where the buffer lies (default: /var/lib/telltale/agent)")
  .option("--host-root <dir>", "read DIR/proc and DIR/sys instead of /proc and /sys")
  .option("--listen <host:port>", 'own /metrics page, or "none" (default: 127.0.0.1:7072)')
  .option("--interval <duration>", "time between two ticks (default: 1s)")
  .option("--log-level <level>", "debug, info, warn or error (default: info)")
  .option("--insecure", "allow an aggregator beyond this machine without having joined it")
  .addHelpText(
    "after",
    `
Examples:
  telltale-agent --aggregator localhost:7070     run in the foreground
  telltale-agent --check-config                  is /etc/telltale/agent.yaml good?
  telltale-agent join HOST TOKEN                 get a certificate from the aggregator there
  telltale-agent once | grep node_load           the page of an agent after two ticks; sends nothing
  telltale-agent buffer inspect                  what waits in the buffer of a stopped agent
  telltale-agent scrape http://db:9187/metrics   what a target says, as the agent reads it
  telltale-agent probe https://shop.example/     does it answer, and until when is its certificate good

Every setting can also be given as TELLTALE_AGENT_NAME, such as TELLTALE_AGENT_DATA_DIR.
SIGHUP reads the configuration again; if anything in it is wrong, nothing changes.`,
  )
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : EXIT_USAGE))
  .action(() => {
    const onReload = reloadSignal();
    return guarded((config) => run(config, onReload));
  });

program
  .command("once")
  .description("collect, wait one interval, collect again, print what /metrics would show, exit")
  .action(() => guarded(once));

program
  .command("join <host> <token>")
  .description("join the aggregator at HOST[:PORT] with a one-time token; - reads it from stdin")
  .addHelpText(
    "after",
    `
Make the token where the aggregator runs: telltale-aggregator token create
The key and the certificate go into the data directory; an agent that runs takes them with its next
connection, one that could not start yet with its next start.`,
  )
  .action((host: string, token: string) =>
    guarded((config) => joinAt(config, host, token), "join"),
  );

program
  .command("buffer")
  .description("inspect, verify, salvage or export the buffer of an agent that is stopped")
  .argument("[arguments...]")
  .allowUnknownOption()
  .helpOption(false);

program
  .command("scrape")
  .description("read one exposition of a URL or a file and print its samples; stores nothing")
  .argument("[arguments...]")
  .allowUnknownOption()
  .helpOption(false);

program
  .command("probe")
  .description("probe one target now and print what is found; stores nothing")
  .argument("[arguments...]")
  .allowUnknownOption()
  .helpOption(false);

const [, , command] = process.argv;
if (command === "buffer" || command === "probe" || command === "scrape") {
  process.exitCode = programs.runHere(command, process.argv.slice(3));
} else await program.parseAsync();

async function guarded(
  action: (config: AgentConfig) => Promise<void>,
  purpose: ConfigRequest["purpose"] = "run",
): Promise<void> {
  try {
    const answer = programs.answer("config", configRequest(purpose));
    if (answer === null) {
      process.exitCode = EXIT_USAGE;
      return;
    }
    const config = checkedConfig(answer);
    if (program.opts()["checkConfig"] === true) {
      const names = config.aggregator.addresses.map(formatAddress).join(", ");
      process.stdout.write(`Configuration is good; sends to ${names}\n`);
      return;
    }
    await action(config);
  } catch (error) {
    reportFailure("telltale-agent", error);
  }
}

function configRequest(purpose: ConfigRequest["purpose"]): ConfigRequest {
  const options = program.opts();
  return {
    purpose,
    defaultFile: DEFAULT_CONFIG,
    file: options["config"],
    environmentPrefix: "TELLTALE_AGENT",
    flags: flagOverrides(options, FLAG_PATHS),
  };
}

/** @throws OperationalError CONFIG */
function checkedConfig(answer: string): AgentConfig {
  const config: AgentConfig = JSON.parse(answer);
  requireKnownCollectors(config);
  requireGoodPatterns(config.logs?.files ?? []);
  return config;
}

async function readConfigAgain(): Promise<AgentConfig> {
  const request = JSON.stringify(configRequest("run"));
  return checkedConfig(await programs.ask("config", [request], new AbortController().signal));
}

async function run(config: AgentConfig, onReload: AgentPlatform["onReload"]): Promise<void> {
  const logger = openLog(config.log_level, "telltale-agent");
  const identity = new HeldIdentity(config.data_dir, logger);
  const renewable = {
    memberships: () => identity.memberships(),
    renew: async (signal: AbortSignal) => {
      const request: IdentityRequest = { dataDirectory: config.data_dir, join: null };
      await programs.ask("identity", [JSON.stringify(request)], signal);
    },
  };
  const securityFor = (target: string) => identity.securityFor(target);
  const platform = {
    ...nodePlatform(logger, askInventory),
    onReload,
    identity: renewable,
    connect: (address: Address) => grpcConnect(address, securityFor),
    probe: (address: Address) => grpcProbe(address, securityFor),
    servePage,
  };
  await runUntilSignal(() =>
    startParts(logger, async (parts) => {
      parts.use(await startAgent(config, platform));
      // From here on: a start may take long on a slow disk.
      keepGivingBackMemory(logger);
      optimiseFirstTicks();
    }),
  );
}

async function joinAt(config: AgentConfig, host: string, token: string): Promise<void> {
  const aggregator = parseAddress(host, DEFAULT_PORT);
  if (aggregator === null || aggregator.port === 0) {
    throw new OperationalError("USAGE", `Not HOST or HOST:PORT: ${host}`);
  }
  const node = config.node === "" ? hostname() : config.node;
  const name = { aggregator: formatAddress(aggregator), node };
  const request: IdentityRequest = { dataDirectory: config.data_dir, join: { name, token } };
  process.exitCode = programs.runHere("identity", [JSON.stringify(request)]);
}

async function once(config: AgentConfig): Promise<void> {
  const logger = openLog("warn", "telltale-agent");
  const directory = mkdtempSync(join(tmpdir(), "telltale-once-"));
  try {
    const inventory = askInventory(new AbortController().signal);
    await inventory.catch(() => undefined); // its collector reports it
    const platform = nodePlatform(logger, () => inventory);
    process.stdout.write(await pageOnce(config, platform, directory));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function askInventory(signal: AbortSignal): Promise<string> {
  return programs.ask("inventory", [], signal);
}

/** Null where the agent runs in none, or that cannot be read. */
function ownContainer(): string | null {
  try {
    return ownContainerId(readFileSync("/proc/self/mountinfo", "utf8"));
  } catch {
    return null;
  }
}

function nodePlatform(logger: Log, ask: (signal: AbortSignal) => Promise<string>): OncePlatform {
  const gets = new HttpGets(process.env);
  const bodies = new BodyRoom();
  return {
    clock: nodeClock,
    random: Math.random,
    logger,
    hostName: hostname(),
    openStore: (directory, load, onDamage) => {
      const report = (damage: StoreDamage) => {
        logger.error(damage, "damaged store");
        onDamage(damage.outcome.replace(" ", "_"));
      };
      return openLevelStore(directory, LEVEL_LIMITS, report, (store) => {
        return load(isFootprintKept ? watchedStore(store, garbageLook()) : store);
      });
    },
    foldersIn,
    freeBytes,
    logFiles: diskFiles,
    journalctl: journalctl(),
    collectors: (config, groups) =>
      hostCollectors(config, groups, { clock: nodeClock, random: Math.random, logger, ask }),
    scraping: {
      getPage: (request, signal) => gets.get({ ...request, socketPath: null }, signal),
      bodies,
      discovery: { files: discoveryFiles, get: discoveryGet(gets, bodies) },
    },
    authorities: gets.authorities,
    host: (hostRoot) => ({
      units: unitPorts(hostRoot),
      proc: diskProc(join(hostRoot, "proc")),
    }),
    containerId: ownContainer(),
    openDatagrams: async (doors, receiveBufferBytes) =>
      new DatagramSockets(doors, receiveBufferBytes),
    processUsage: () => {
      const { user, system } = process.cpuUsage();
      return { cpuUsec: user + system, residentBytes: process.memoryUsage.rss() };
    },
    readConfig: readConfigAgain,
    setLogLevel: (level) => {
      logger.level = level;
    },
  };
}
