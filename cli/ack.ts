import { accountOf, type CommandContext, runCommand } from "./command.ts";
import { countOf } from "./format.ts";

type AckOptions = { readonly comment: string; readonly author?: string };

export function addAckCommand(context: CommandContext): void {
  context.program
    .command("ack <matcher...>")
    .description(
      "Say that you see to alerts that fire: they are not repeated and escalate no further",
    )
    .requiredOption("--comment <text>", "what you do about it")
    .option("--author <name>", "who (default: the name of your account here)")
    .addHelpText(
      "after",
      `
A matcher is NAME=VALUE, NAME!=VALUE, NAME=~PATTERN or NAME!~PATTERN, as in Alertmanager; all of
them have to match. An alert that ends and fires again has to be acknowledged anew. Receivers are
still told of its end. For the role operator; exits 1 when no alert that fires matches.

Examples:
  $ telltale ack alertname=DiskFull instance=db1 --comment "adding a disk"
  $ telltale ack 'instance=~"web.*"' --comment "known, see ticket 4711" --author ann`,
    )
    .action((matchers: string[], { comment, author }: AckOptions, command) =>
      runCommand(context, command, async (run) => {
        const createdBy = author ?? accountOf(run);
        const request = { matchers, createdBy, comment };
        const { alerts } = await run.aggregator.askAlerts((client) => client.acknowledge, request);
        run.print({ alerts }, () => {
          return alerts === 0
            ? "No alert that fires matches.\n"
            : `${countOf(alerts, "alert")} acknowledged.\n`;
        });
        if (alerts === 0) context.exitCode = 1;
      }),
    );
}
