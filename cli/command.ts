import type { Command } from "commander";
import { Aggregator } from "./client.ts";
import { type Paint, paintFor, type Terminal } from "./terminal.ts";

type OutputForm = "table" | "json";

/** What every subcommand takes: see program.ts for where they are declared. */
type GlobalOptions = { readonly server: string; readonly output: OutputForm };

/** What a subcommand works with. */
export type Run = {
  readonly aggregator: Aggregator;
  readonly terminal: Terminal;
  readonly paint: Paint;
  /** Prints the JSON form or, for a person, the text, as `--output` says. */
  print(json: unknown, text: () => string): void;
};

/** 0 good, 1 a finding. */
export type ExitCode = 0 | 1;

/** Where a subcommand is added, and where it says how it ended. */
export type CommandContext = {
  readonly program: Command;
  readonly terminal: Terminal;
  setExitCode(code: ExitCode): void;
};

/** Connects, runs the work, disconnects; the work's exit code is the program's. */
export async function runCommand(
  context: CommandContext,
  command: Command,
  work: (run: Run) => Promise<ExitCode>,
): Promise<void> {
  const { server, output } = command.optsWithGlobals<GlobalOptions>();
  const { terminal } = context;
  const aggregator = new Aggregator(server);
  try {
    const code = await work({
      aggregator,
      terminal,
      paint: paintFor(terminal),
      print: (json, text) =>
        terminal.write(output === "json" ? `${JSON.stringify(json, null, 2)}\n` : text()),
    });
    context.setExitCode(code);
  } finally {
    aggregator[Symbol.dispose]();
  }
}
