import type { CommandContext } from "./command.ts";
import { addLogPatternsCommand } from "./log-patterns.ts";

/** `telltale logs …` */
export function addLogsCommand(context: CommandContext): void {
  const logs = context.program.command("logs").description("Log lines, and the patterns in them");
  addLogPatternsCommand(context, logs);
}
