import { OperationalError } from "../shared/errors.ts";
import type { Silence__Output } from "../shared/wire/generated/telltale/v1/Silence.ts";
import { accountOf, type CommandContext, type Run, runCommand } from "./command.ts";
import { formatAgo, isoTime } from "./format.ts";
import { type Cell, type Column, formatTable } from "./table.ts";
import { type Color, printable } from "./terminal.ts";
import { parseDurationOption, parseTimeOption } from "./time-option.ts";

type AddOptions = {
  readonly duration?: number;
  readonly until?: number;
  readonly comment: string;
  readonly author?: string;
};

const STATE_COLORS = new Map<string, Color>([
  ["active", "yellow"],
  ["expired", "dim"],
]);

export function addSilenceCommand(context: CommandContext): void {
  const { terminal } = context;
  const silence = context.program
    .command("silence")
    .description("Keeps notifications back for a while; making and ending is for the role operator")
    .addHelpText(
      "after",
      `
A matcher is NAME=VALUE, NAME!=VALUE, NAME=~PATTERN or NAME!~PATTERN, as in Alertmanager; all of
them have to match. While a silence is in force its alerts fire as before and nobody is notified.

Examples:
  $ telltale silence add alertname=NodeDown instance=db1 --duration 2h --comment "new disk"
  $ telltale silence add 'instance=~"web.*"' --until 2026-01-31T06:00:00Z --comment "move"
  $ telltale silence list --all
  $ telltale silence expire 0b6fc5a3-1a5a-4d0f-9f5c-2f6d7c1d8e90`,
    );
  silence
    .command("add <matcher...>")
    .description("Make a silence that begins now, and print its id")
    .option("--duration <duration>", "so long: 30m, 2h, 7d", parseDurationOption)
    .option("--until <time>", "up to then: RFC 3339 or Unix seconds", (text: string) =>
      parseTimeOption(text, terminal.nowMs()),
    )
    .requiredOption("--comment <text>", "why")
    .option("--author <name>", "who (default: the name of your account here)")
    .action((matchers: string[], options: AddOptions, command) =>
      runCommand(context, command, (run) => addSilence(matchers, options, run)),
    );
  silence
    .command("list")
    .description("The silences that are in force or will be, those that changed last first")
    .option("--all", "those that have ended, too")
    .action(({ all = false }: { readonly all?: boolean }, command) =>
      runCommand(context, command, async (run) => {
        const { silences } = await run.aggregator.askAlerts((client) => client.silences, {});
        const shown = silences.filter(({ state }) => all || state !== "expired");
        run.print(shown.map(silenceJson), () => silencesText(shown, run));
      }),
    );
  silence
    .command("expire <id...>")
    .description("End silences now")
    .action((ids: string[], _options, command) =>
      runCommand(context, command, async (run) => {
        for (const id of ids) {
          await run.aggregator.askAlerts((client) => client.expireSilence, { id });
        }
        run.print({ expired: ids }, () => ids.map((id) => `Silence ${id} has ended.\n`).join(""));
      }),
    );
}

async function addSilence(
  matchers: readonly string[],
  { duration, until, comment, author }: AddOptions,
  run: Run,
): Promise<void> {
  const request = {
    matchers: [...matchers],
    startsAtMs: 0,
    endsAtMs: endOf(duration, until, run.terminal.nowMs()),
    createdBy: author ?? accountOf(run),
    comment,
  };
  const { id } = await run.aggregator.askAlerts((client) => client.setSilence, request);
  run.print({ id }, () => `${id}\n`);
}

/** @throws OperationalError USAGE */
function endOf(duration: number | undefined, until: number | undefined, nowMs: number): number {
  if (duration !== undefined && until === undefined) return nowMs + duration;
  if (until !== undefined && duration === undefined) return until;
  throw new OperationalError("USAGE", "Give its end with either --duration or --until");
}

/** JSON form: a list of these. Times are RFC 3339 in UTC. */
function silenceJson(silence: Silence__Output) {
  return {
    id: silence.id,
    /** `pending`, `active` or `expired`. */
    state: silence.state,
    /** Each as `silence add` takes it. */
    matchers: silence.matchers,
    startsAt: isoTime(silence.startsAtMs),
    endsAt: isoTime(silence.endsAtMs),
    updatedAt: isoTime(silence.updatedAtMs),
    createdBy: silence.createdBy,
    comment: silence.comment,
  };
}

function silencesText(silences: readonly Silence__Output[], { terminal, paint }: Run): string {
  if (silences.length === 0) return "Nothing is silenced.\n";
  const nowMs = terminal.nowMs();
  const columns: readonly Column<Silence__Output>[] = [
    { title: "ID", cell: ({ id }) => id },
    { title: "STATE", cell: stateCell },
    { title: "STARTS", cell: ({ startsAtMs }) => formatAgo(startsAtMs, nowMs) },
    { title: "ENDS", cell: ({ endsAtMs }) => formatAgo(endsAtMs, nowMs) },
    { title: "BY", cell: ({ createdBy }) => createdBy },
    { title: "MATCHERS", cell: ({ matchers }) => printable(matchers.join(" ")) },
    { title: "COMMENT", cell: ({ comment }) => comment },
  ];
  return formatTable(columns, silences, paint);
}

function stateCell({ state }: Silence__Output): Cell {
  return { text: state, color: STATE_COLORS.get(state) ?? null };
}
