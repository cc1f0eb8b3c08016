import { once } from "node:events";
import { createWriteStream, existsSync, readdirSync, rmSync } from "node:fs";
import type { Writable } from "node:stream";
import { Command } from "commander";
import { errorMessage, OperationalError } from "../../shared/errors.ts";
import { EXIT_USAGE, reportFailure } from "../../shared/platform/command.ts";
import { copyStore, damagedTables, temporaryCopy } from "../../shared/platform/level-files.ts";
import { openLevelStore, type StoreDamage } from "../../shared/platform/level-store.ts";
import { openLog } from "../../shared/platform/log.ts";
import { nodeClock } from "../../shared/platform/node.ts";
import type { KeyValueStore, Logger } from "../../shared/platform/ports.ts";
import { readConfig } from "../../shared/platform/read-config.ts";
import { Metrics } from "../../shared/telemetry/metrics.ts";
import { agentConfigSchema } from "../config/agent-config.ts";
import { exportFrames } from "../frames/export.ts";
import { type FrameQueue, openFrameQueue } from "../frames/frame-queue.ts";
import { findingsText, type Inspection, inspect, inspectionText } from "../frames/inspection.ts";

/**
 * `telltale-agent buffer`: a program of its own, so that the agent's memory does not hold it. Looks
 * at a copy whose tables are links, so that nothing that it does can change the buffer.
 */

const EXIT_FINDING = 1;
const LEVEL_LIMITS = { cacheBytes: 1024 ** 2, writeBufferBytes: 1024 ** 2 };
/** A copy is looked at, or repaired; nothing is added and nothing dropped. */
const NO_LIMITS = {
  bytesMax: Number.MAX_SAFE_INTEGER,
  ageMaxMs: Number.MAX_SAFE_INTEGER,
  whenFull: "drop_oldest",
  freeBytesMin: 0,
} as const;

type Options = {
  readonly config?: string;
  readonly dataDir?: string;
  readonly output?: string;
  readonly to?: string;
};

const program = new Command("telltale-agent buffer")
  .description("Looks into the buffer of an agent that is stopped, checks it, saves what is left.")
  .addHelpText(
    "after",
    `
Examples:
  telltale-agent buffer inspect                     what waits, since when, what was dropped and why
  telltale-agent buffer verify --output json        reads everything; exit 1 when something is wrong
  telltale-agent buffer salvage --to /mnt/saved     what can be read, as a new data directory
  telltale-agent buffer export --to ticks.jsonl     a JSON line a tick

The agent must be stopped meanwhile: systemctl stop telltale-agent`,
  )
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : EXIT_USAGE));

/** What every subcommand takes. */
function subcommand(name: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .option("--config <file>", "the agent's configuration file")
    .option("--data-dir <dir>", "where the buffer lies (default: the configuration's data_dir)");
}

const OUTPUT = ["--output <form>", "text or json", "text"] as const;

subcommand("inspect", "streams, ledger, dropped ranges, bytes, oldest and newest frame")
  .option(...OUTPUT)
  .action((options: Options) => guarded(() => report(options, inspectionText, false)));

subcommand("verify", "read everything: tables, ledger, checksums, what is missing")
  .option(...OUTPUT)
  .action((options: Options) => guarded(() => report(options, findingsText, true)));

subcommand("salvage", "put what can be read into a fresh directory; the old one stays as it is")
  .requiredOption("--to <dir>", "a directory that does not exist yet, or is empty")
  .action((options: Options) => guarded(() => salvage(options)));

subcommand("export", "frames as JSON lines: seq, timeMs, series, values")
  .option("--to <file>", "a file instead of standard output")
  .action((options: Options) => guarded(() => exportLines(options)));

await program.parseAsync();

async function guarded(action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    reportFailure("telltale-agent", error);
    if (!(error instanceof OperationalError) || error.code !== "IN_USE") return;
    process.stderr.write("Stop the agent first (systemctl stop telltale-agent), then try again\n");
  }
}

function directoryOf({ config, dataDir }: Options): string {
  if (dataDir !== undefined) return dataDir;
  const from = { defaultFile: "/etc/telltale/agent.yaml", file: config, flags: [] };
  return readConfig(agentConfigSchema, { ...from, environmentPrefix: "TELLTALE_AGENT" }).data_dir;
}

async function report(
  options: Options,
  text: (inspection: Inspection, directory: string) => string,
  failsOnFinding: boolean,
): Promise<void> {
  const isJson = options.output === "json";
  if (!isJson && options.output !== "text") {
    throw new OperationalError("USAGE", `--output is ${options.output}; it is text or json`);
  }
  const directory = directoryOf(options);
  const found = await onCopy(directory, async (store, damages) => {
    const inspection = await inspect((logger) => openQueue(store, logger));
    return { ...inspection, findings: [...damages, ...inspection.findings] };
  });
  process.stdout.write(isJson ? `${JSON.stringify(found)}\n` : text(found, directory));
  if (failsOnFinding && found.findings.length > 0) process.exitCode = EXIT_FINDING;
}

/** Opens a copy of the store and hands it over with what was wrong with its files. */
async function onCopy<T>(
  directory: string,
  work: (store: KeyValueStore, damages: readonly string[]) => Promise<T>,
): Promise<T> {
  const copy = temporaryCopy(directory);
  try {
    const damages = damagedTables(copy).map((name) => `${name} has a damaged block`);
    const onDamage = ({ outcome }: StoreDamage) => damages.push(`the store had to be ${outcome}`);
    return await openLevelStore(copy, LEVEL_LIMITS, onDamage, async (store) => {
      const result = await work(store, damages);
      await store.close();
      return result;
    });
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

async function salvage(options: Options): Promise<void> {
  const { to = "" } = options;
  if (existsSync(to) && readdirSync(to).length > 0) {
    throw new OperationalError("USAGE", `${to} is not empty`);
  }
  const directory = directoryOf(options);
  copyStore(directory, to);
  const logger = openLog("warn", "telltale-agent");
  const log = (damage: StoreDamage) => logger.warn(damage, "damaged store");
  const found = await openLevelStore(to, LEVEL_LIMITS, log, async (store) => {
    const queue = await openQueue(store, logger);
    await queue.close();
    const inspection = await inspect(async () => queue);
    await store.close();
    return inspection;
  });
  process.stdout.write(
    `${inspectionText(found, to)}\nTo use it, set data_dir to ${to}, or put it in the place of ${directory}\n`,
  );
}

function openQueue(store: KeyValueStore, logger: Logger): Promise<FrameQueue> {
  const freeBytes = async () => Number.MAX_SAFE_INTEGER;
  const metrics = new Metrics();
  const deps = { store, clock: nodeClock, random: Math.random, logger, metrics, freeBytes };
  return openFrameQueue(deps, NO_LIMITS);
}

async function exportLines(options: Options): Promise<void> {
  let left = 0;
  await onCopy(directoryOf(options), async (store) => {
    const output = options.to === undefined ? process.stdout : createWriteStream(options.to);
    const failed = once(output, "error").then(([error]) => {
      throw new OperationalError("STORAGE", `${options.to}: ${errorMessage(error)}`);
    });
    const written = writeLines(output, store, () => {
      left += 1;
    });
    await Promise.race([written, failed]);
  });
  if (left === 0) return;
  process.stderr.write(`telltale-agent: ${left} frames cannot be decoded and were left out\n`);
  process.exitCode = EXIT_FINDING;
}

async function writeLines(output: Writable, store: KeyValueStore, left: () => void) {
  for await (const frame of exportFrames(store, left)) {
    if (!output.write(`${JSON.stringify(frame)}\n`)) await once(output, "drain");
  }
  if (output === process.stdout) return;
  output.end();
  await once(output, "finish");
}
