#!/usr/bin/env node
import { existsSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import { promisify } from "node:util";
import { brotliCompress } from "node:zlib";
import { Command } from "commander";
import { OperationalError } from "../shared/errors.ts";
import {
  EXIT_USAGE,
  flagOverrides,
  reloadSignal,
  reportFailure,
  runUntilSignal,
} from "../shared/platform/command.ts";
import { readConfigFile, readConfigFiles } from "../shared/platform/config-files.ts";
import { directorySpace } from "../shared/platform/directory-space.ts";
import { FileWatch } from "../shared/platform/file-watch.ts";
import { HttpRequests } from "../shared/platform/http-request.ts";
import { openLevelStore } from "../shared/platform/level-store.ts";
import { openLog } from "../shared/platform/log.ts";
import { nodeClock } from "../shared/platform/node.ts";
import type { Logger } from "../shared/platform/ports.ts";
import { readConfig } from "../shared/platform/read-config.ts";
import { sendMail } from "../shared/platform/send-mail.ts";
import type { Metrics } from "../shared/telemetry/metrics.ts";
import { VERSION } from "../shared/version.ts";
import { addAdminCommands } from "./admin-commands.ts";
import { checkFiles, startAggregator } from "./app.ts";
import { shippedRulesPaths } from "./built-in-rules.ts";
import { type AggregatorConfig, aggregatorConfigSchema, DEFAULT_ROUTING } from "./config.ts";
import { adminSocketPath, listen } from "./listen.ts";
import type { AggregatorPlatform } from "./platform.ts";

const DEFAULT_CONFIG = "/etc/telltale/aggregator.yaml";
const LEVEL_LIMITS = {
  cacheBytes: 16 * 1024 ** 2,
  writeBufferBytes: 8 * 1024 ** 2,
  compresses: true,
};

/** Flags that stand for one value of the configuration. */
const FLAG_PATHS = {
  dataDir: ["data_dir"],
  grpcListen: ["grpc", "listen"],
  httpListen: ["http", "listen"],
  notify: ["notify"],
  externalUrl: ["external_url"],
  webPrefix: ["web_prefix"],
  retention: ["retention"],
  logLevel: ["log_level"],
  tls: ["tls"],
  certificateLifetime: ["certificate_lifetime"],
  insecure: ["insecure"],
} as const;

const program = new Command("telltale-aggregator")
  .description("Stores what agents send, answers queries, evaluates rules and notifies people.")
  .version(VERSION)
  .option("--config <file>", `configuration file (default: ${DEFAULT_CONFIG}, if it is there)`)
  .option("--check-config", "check configuration, rules and routing: exit 0 if good, 2 if not")
  .option("--data-dir <dir>", "where everything is stored (default: /var/lib/telltale/aggregator)")
  .option("--grpc-listen <host:port>", "agents and clients (default: 127.0.0.1:7070)")
  .option("--http-listen <host:port>", "Prometheus' HTTP API (default: 127.0.0.1:7071)")
  .option("--rules <pattern...>", "rule files (default: /etc/telltale/rules/*.yaml)")
  .option("--notify <file>", "routing (default: /etc/telltale/notify.yaml)")
  .option("--external-url <url>", "how people reach this aggregator; goes into notifications")
  .option("--web-prefix <path>", "stands before every path of HTTP, such as /telltale")
  .option("--retention <duration>", "how long samples are kept (default: 15d)")
  .option("--log-level <level>", "debug, info, warn or error (default: info)")
  .option("--tls <when>", "auto: on every address but loopback; required: there too")
  .option("--certificate-lifetime <duration>", "of agents' certificates (default: 30d)")
  .option("--insecure", "no TLS and no authentication, whoever can connect")
  .addHelpText(
    "after",
    `
Examples:
  telltale-aggregator --data-dir ./data                  run in the foreground
  telltale-aggregator --check-config                     are configuration, rules and routing good?
  telltale-aggregator --rules 'rules/*.yaml' --notify notify.yaml
  telltale-aggregator token create --node web1           for telltale-agent join, on web1
  telltale-aggregator user add ann --role viewer         a token for a person or a program

Every setting can also be given as TELLTALE_AGGREGATOR_NAME, such as TELLTALE_AGGREGATOR_DATA_DIR.
Rules and routing are read again when a file has changed (unless reload_on_change is false), on SIGHUP
and on POST /-/reload; if one is wrong, all the old ones stay in force.`,
  )
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : EXIT_USAGE))
  .action(run);

addAdminCommands({
  program,
  socketPath: () => adminSocketPath(readConfiguration().data_dir),
  nowMs: nodeClock.nowMs,
  print: (text) => process.stdout.write(text),
  guarded,
});

await program.parseAsync();

async function guarded(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    reportFailure("telltale-aggregator", error);
  }
}

async function run(): Promise<void> {
  const onSignal = reloadSignal();
  await guarded(async () => {
    const config = readConfiguration();
    requireNamedRouting(config);
    if (program.opts()["checkConfig"] === true) check(config);
    else await serve(config, onSignal);
  });
}

/** @throws OperationalError CONFIG */
function readConfiguration(): AggregatorConfig {
  const options = program.opts();
  const flags = flagOverrides(options, FLAG_PATHS);
  if (options["rules"] !== undefined) {
    flags.push({ source: "--rules", path: ["rules"], text: JSON.stringify(options["rules"]) });
  }
  const config = readConfig(aggregatorConfigSchema, {
    defaultFile: DEFAULT_CONFIG,
    file: options["config"],
    environmentPrefix: "TELLTALE_AGGREGATOR",
    flags,
  });
  return { ...config, rules: [...config.rules, ...shippedRulesPaths()] };
}

/** Only the default file may be absent. @throws OperationalError CONFIG */
function requireNamedRouting({ notify }: AggregatorConfig): void {
  if (notify === DEFAULT_ROUTING || existsSync(notify)) return;
  const hint = "one with an empty receiver notifies nobody";
  throw new OperationalError("CONFIG", `${notify}: there is no such file; ${hint}`);
}

function check(config: AggregatorConfig): void {
  const { groups, notify } = checkFiles(config, {
    readFile: readConfigFile,
    readFiles: readConfigFiles,
  });
  const rules = groups.reduce((sum, group) => sum + group.rules.length, 0);
  const names = [...(notify?.receivers.keys() ?? [])];
  const receivers = notify === null ? "nobody is notified" : `notifies ${names.join(", ")}`;
  process.stdout.write(
    `Configuration is good: ${rules} rules in ${groups.length} groups; ${receivers}\n`,
  );
}

async function serve(
  config: AggregatorConfig,
  onSignal: AggregatorPlatform["onReload"],
): Promise<void> {
  const logger = openLog(config.log_level, "telltale-aggregator");
  await using requests = new HttpRequests(nodeClock.nowMs, process.env);
  const { request } = requests;
  const files = new FileWatch(nodeClock);
  const { readFile, readFiles } = files;
  const onReload: AggregatorPlatform["onReload"] = (reload) => {
    const asked = onSignal(reload);
    const watched = config.reload_on_change ? files.onChange(reload) : null;
    return {
      [Symbol.dispose]: () => {
        asked[Symbol.dispose]();
        watched?.[Symbol.dispose]();
      },
    };
  };
  const own = { request, mail: sendMail, readFile, readFiles, onReload };
  const platform = { ...nodePlatform(config, logger), ...own };
  await runUntilSignal(() => startAggregator(config, platform));
}

function nodePlatform(
  config: AggregatorConfig,
  logger: Logger,
): Omit<AggregatorPlatform, "onReload" | "request" | "mail" | "readFile" | "readFiles"> {
  const openStore: AggregatorPlatform["openStore"] = (directory, metrics, load) =>
    openLevelStore(directory, LEVEL_LIMITS, damageReport(metrics, logger), load);
  return {
    clock: nodeClock,
    random: Math.random,
    logger,
    chunkMs: 600_000,
    pause: nextTurn,
    compress: promisify(brotliCompress),
    openStore,
    spaceOf: directorySpace,
    serve: (services) => listen(services, { clock: nodeClock, logger, openStore }, config),
  };
}

function damageReport(metrics: Metrics, logger: Logger) {
  const counter = metrics.counter(
    "telltale_store_damage_total",
    "Stores found damaged at the start, by what was done about it.",
  );
  return (damage: { readonly directory: string; readonly outcome: string }) => {
    counter.add(1, { outcome: damage.outcome });
    logger.error(damage, "damaged store");
  };
}
