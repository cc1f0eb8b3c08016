import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { errorMessage, OperationalError } from "../shared/errors.ts";
import { Secret } from "../shared/secret.ts";
import { Aggregator } from "./client.ts";
import { type Paint, paintFor, type Terminal } from "./terminal.ts";

type OutputForm = "table" | "json";

/** What every subcommand takes: see program.ts for where they are declared. */
export type GlobalOptions = {
  readonly server: string;
  readonly output: OutputForm;
  readonly ca?: string;
  readonly tokenFile?: string;
};

/** What a subcommand works with. */
export type Run = {
  readonly aggregator: Aggregator;
  readonly terminal: Terminal;
  readonly paint: Paint;
  /** Prints the JSON form or, for a person, the text, as `--output` says. */
  print(json: unknown, text: () => string): void;
};

/** Where a subcommand is added, and where it says how it ended. */
export type CommandContext = {
  readonly program: Command;
  readonly terminal: Terminal;
  /** 0 good, 1 a finding, 3 a finding of a linter alone. */
  exitCode: 0 | 1 | 3;
};

/** Connects, runs the work, disconnects. */
export async function runCommand(
  context: CommandContext,
  command: Command,
  work: (run: Run) => Promise<void>,
): Promise<void> {
  const { server, output, ca, tokenFile } = command.optsWithGlobals<GlobalOptions>();
  const { terminal } = context;
  const authorities = ca === undefined ? null : readText(ca);
  const token = tokenOf(tokenFile, terminal);
  using aggregator = new Aggregator({ server, authorities, token });
  await work({
    aggregator,
    terminal,
    paint: paintFor(terminal),
    print: (json, text) =>
      terminal.write(output === "json" ? `${JSON.stringify(json, null, 2)}\n` : text()),
  });
}

/** From the file, or else from TELLTALE_TOKEN. */
function tokenOf(file: string | undefined, { environment }: Terminal): Secret | null {
  const text = (file === undefined ? (environment["TELLTALE_TOKEN"] ?? "") : readText(file)).trim();
  return text === "" ? null : new Secret(text);
}

/** @throws OperationalError USAGE */
function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new OperationalError("USAGE", errorMessage(error), { cause: error });
  }
}

/** Who runs the command. Without a name it is `unknown`, and standard error says how to give one. */
export function accountOf({ terminal }: Pick<Run, "terminal">): string {
  const name = terminal.environment["USER"] ?? "";
  if (name !== "") return name;
  terminal.writeError("telltale: your account has no name; --author says who you are\n");
  return "unknown";
}
