import { resolve } from "node:path";
import { Command, Option } from "commander";
import { faultsError } from "../../shared/config/decode-yaml.ts";
import { OperationalError } from "../../shared/errors.ts";
import { durationMs } from "../../shared/model/duration.ts";
import { EXIT_USAGE } from "../../shared/platform/command.ts";
import { readConfigFile } from "../../shared/platform/config-files.ts";
import { nodeClock } from "../../shared/platform/node.ts";
import { BodyRoom } from "../model/body-room.ts";
import type { Modules } from "../probes/config/probe-config.ts";
import { probedTarget } from "../probes/config/probed-target.ts";
import { readModulesFile } from "../probes/config/read-probes.ts";
import { runProbe } from "../probes/run-probe.ts";
import { SecureContexts } from "../probes/tls/secure-contexts.ts";
import { systemAuthorities } from "../scrape/http/http-gets.ts";

/** `telltale-agent probe`: one probe now, made as the agent makes those of its configuration. */

const EXIT_FAILED = 1;
const TIMEOUT_MS = 5000;

type Options = {
  readonly module?: string;
  readonly modules?: string;
  readonly output: "text" | "json";
  readonly timeout?: string;
};

await new Command("telltale-agent probe")
  .description("Probes one target and prints what it finds; stores nothing.")
  .argument(
    "<target>",
    "a URL of http, https, tcp, tls, icmp, grpc or grpcs, or dns://SERVER/NAME?type=A; with --module also HOST or HOST:PORT",
  )
  .option("--module <name>", "how it is probed (default: by the scheme of the target)")
  .option("--modules <file>", "a blackbox.yml that has modules")
  .addOption(
    new Option("--output <form>", "text or json").choices(["text", "json"]).default("text"),
  )
  .option("--timeout <duration>", "at most (default: the module's, or 5s)")
  .addHelpText(
    "after",
    `
Examples:
  telltale-agent probe https://shop.example/
  telltale-agent probe tls://mail.example:993 | grep expiry
  telltale-agent probe 'dns://192.0.2.53/shop.example?type=AAAA'
  telltale-agent probe mail.example:25 --module smtp_starttls --modules /etc/prometheus/blackbox.yml

Why a probe failed is said on standard error.

Exit codes: 0 when the probe succeeded, 1 when it failed, 2 for a wrong command line or file.`,
  )
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : EXIT_USAGE))
  .action(async (target: string, options: Options) => {
    try {
      await probe(target, options);
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      for (const line of error.message.split("\n")) tell(line);
      process.exitCode = EXIT_USAGE;
    }
  })
  .parseAsync();

async function probe(target: string, options: Options): Promise<void> {
  const modules = options.modules === undefined ? new Map() : modulesOf(options.modules);
  const found = probedTarget(target, options.module ?? null, modules);
  if (typeof found === "string") throw new OperationalError("USAGE", `${target}: ${found}`);
  const given = options.timeout === undefined ? null : durationMs(options.timeout);
  if (options.timeout !== undefined && (given === null || given === 0)) {
    throw new OperationalError("USAGE", `--timeout: not a duration: ${options.timeout}`);
  }
  const timeoutMs = given ?? found.module.timeoutMs ?? TIMEOUT_MS;
  using lease = new BodyRoom().lease();
  const { page, failure } = await runProbe(
    { ...found, timeoutMs },
    { clock: nodeClock, lease, contexts: new SecureContexts(systemAuthorities(process.env)) },
    new AbortController().signal,
  );
  process.stdout.write(options.output === "json" ? `${jsonOf(page, failure)}\n` : page);
  if (failure === null) return;
  tell(`${target}: ${failure}`);
  process.exitCode = EXIT_FAILED;
}

function modulesOf(file: string): Modules {
  const path = resolve(file);
  const text = readConfigFile(path);
  if (text === null) throw new OperationalError("CONFIG", `${path}: there is no such file`);
  const { modules, faults } = readModulesFile({ path, text });
  if (faults.length > 0) throw faultsError(faults);
  return modules;
}

/** Values are numbers: a page of a probe holds none that JSON has no words for. */
function jsonOf(page: string, failure: string | null): string {
  const samples = page
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => {
      const space = line.lastIndexOf(" ");
      return { series: line.slice(0, space), value: Number(line.slice(space + 1)) };
    });
  return JSON.stringify({ success: failure === null, failure, samples });
}

function tell(what: string): void {
  process.stderr.write(`telltale-agent: ${what}\n`);
}
