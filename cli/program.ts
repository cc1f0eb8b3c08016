import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { OperationalError } from "../shared/errors.ts";
import { parseAddress } from "../shared/model/address.ts";
import { VERSION } from "../shared/version.ts";
import { addAckCommand } from "./ack.ts";
import { addAgentsCommand } from "./agents.ts";
import { addAlertsCommand } from "./alerts.ts";
import type { CommandContext } from "./command.ts";
import { addLogsCommand } from "./logs.ts";
import { addNodesCommand } from "./nodes.ts";
import { addNotificationsCommand } from "./notifications.ts";
import { addNotifyCommand } from "./notify.ts";
import { addQueryCommand } from "./query.ts";
import { addRangeCommand } from "./range.ts";
import { addRulesCommand } from "./rules.ts";
import { addServicesCommand } from "./services.ts";
import { addSilenceCommand } from "./silences.ts";
import { addStatusCommand } from "./status.ts";
import { addTargetsCommand } from "./targets.ts";
import { printable, type Terminal } from "./terminal.ts";

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

/**
 * Runs the command line; never rejects for what is expected to go wrong.
 * @returns the exit code: 0 good, 1 a finding or a failure, 2 wrong usage
 */
export async function runCli(args: readonly string[], terminal: Terminal): Promise<number> {
  const program = createProgram(terminal);
  const context: CommandContext = { program, terminal, exitCode: 0 };
  addStatusCommand(context);
  addNodesCommand(context);
  addServicesCommand(context);
  addQueryCommand(context);
  addRangeCommand(context);
  addLogsCommand(context);
  addAgentsCommand(context);
  addTargetsCommand(context);
  addAlertsCommand(context);
  addAckCommand(context);
  addSilenceCommand(context);
  addNotificationsCommand(context);
  addNotifyCommand(context);
  addRulesCommand(context);
  if (args.length === 0) {
    terminal.writeError(program.helpInformation());
    return EXIT_USAGE;
  }
  try {
    await program.parseAsync([...args], { from: "user" });
    return context.exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
    if (!(error instanceof OperationalError)) throw error;
    terminal.writeError(`telltale: ${printable(error.message)}\n`);
    return error.code === "USAGE" ? EXIT_USAGE : EXIT_FAILED;
  }
}

function createProgram(terminal: Terminal): Command {
  return new Command("telltale")
    .description("Asks a Telltale aggregator: how the nodes do, what the series say, what fires")
    .version(VERSION)
    .addOption(
      new Option("-s, --server <host:port>", "the aggregator's gRPC address")
        .env("TELLTALE_SERVER")
        .default("localhost:7070")
        .argParser(parseServer),
    )
    .addOption(
      new Option("--ca <file>", "the aggregator's CA: encrypt, and accept no other").env(
        "TELLTALE_CA",
      ),
    )
    .addOption(
      new Option("--token-file <file>", "who asks; TELLTALE_TOKEN can hold the token itself").env(
        "TELLTALE_TOKEN_FILE",
      ),
    )
    .addOption(
      new Option("-o, --output <form>", "table for people, json for programs")
        .choices(["table", "json"])
        .default("table"),
    )
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ writeOut: terminal.write, writeErr: terminal.writeError })
    .showHelpAfterError("(--help shows what is possible)")
    .exitOverride()
    .addHelpText(
      "after",
      `
Examples:
  $ telltale status
  $ telltale query 'sum by (mode) (rate(node_cpu_seconds_total[10s]))'
  $ telltale range node_load1 --start -10m
  $ telltale nodes --output json

Exit codes: 0 good; 1 something was found (a node is down) or the request failed; 2 wrong usage.`,
    );
}

/** Checked here, for gRPC would take a slip of the pen for the name of a resolver. */
function parseServer(text: string): string {
  if (/^unix:\/./.test(text)) return text;
  if ((parseAddress(text)?.port ?? 0) > 0) return text;
  throw new InvalidArgumentError("It is HOST:PORT, such as localhost:7070 or [::1]:7070.");
}
