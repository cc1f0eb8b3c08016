import type { Command } from "commander";
import type { Episode } from "../aggregator/rule-tests/alert-history.ts";
import type { RuleBacktest } from "../aggregator/rule-tests/backtest.ts";
import { OperationalError } from "../shared/errors.ts";
import { formatDuration } from "../shared/model/duration.ts";
import { formatLabels, labelsRecord } from "../shared/model/labels.ts";
import { formatRfc3339 } from "../shared/model/rfc3339.ts";
import { type CommandContext, type Run, runCommand } from "./command.ts";
import { countOf, isoTime } from "./format.ts";
import { formatTable } from "./table.ts";
import { printable } from "./terminal.ts";
import { parseDurationOption, parseTimeOption } from "./time-option.ts";

type Options = { readonly from: number; readonly to?: number; readonly step?: number };

/** Episodes of one rule that are shown to people. */
const SHOWN_MAX = 20;

export function addRulesBacktestCommand(context: CommandContext, rules: Command): void {
  const { terminal } = context;
  const parseTime = (text: string) => parseTimeOption(text, terminal.nowMs());
  rules
    .command("backtest")
    .description(
      "When the alerts of rule files would have fired, by what the aggregator has stored",
    )
    .argument("<file...>", "rule files")
    .requiredOption("--from <time>", "-7d, RFC 3339 or Unix seconds", parseTime)
    .option("--to <time>", "as --from (default: now)", parseTime)
    .option(
      "--step <duration>",
      "between two evaluations (default: each group's interval, or 15s)",
      parseDurationOption,
    )
    .addHelpText(
      "after",
      `
Recording rules of the files are not evaluated: what they recorded before is read.

Examples:
  $ telltale rules backtest disk.yaml --from -7d
  $ telltale rules backtest rules/*.yaml --from -1d --step 1m --output json`,
    )
    .action((files: string[], options: Options, command: Command) =>
      runCommand(context, command, async (run) => {
        const endMs = options.to ?? terminal.nowMs();
        const span = { startMs: options.from, endMs, stepMs: options.step ?? null };
        if (span.startMs > endMs) throw new OperationalError("USAGE", "--from is after --to");
        if (span.stepMs === 0)
          throw new OperationalError("USAGE", "--step is 0; the shortest is 1ms");
        const { backtestRuleFiles } = await import("../aggregator/offline-rules.ts");
        const results = await backtestRuleFiles(files, span, async (query, steps) => {
          const answer = await run.aggregator.ask((client) => client.range, { query, ...steps });
          return answer.result;
        });
        run.print(results.map(resultJson), () =>
          results.map((one) => resultText(one, run)).join(""),
        );
        if (results.some(({ error }) => error !== null)) context.exitCode = 1;
      }),
    );
}

/** JSON form: a list of these, as the files stand. */
function resultJson({ file, group, rule, episodes, error, steps }: RuleBacktest) {
  return {
    file,
    group,
    rule,
    stepSeconds: steps.stepMs / 1000,
    firingSeconds: totalMs(episodes, steps.endMs) / 1000,
    episodes: episodes.map(({ labels, fromMs, untilMs }) => ({
      labels: labelsRecord(labels),
      from: isoTime(fromMs),
      /** Null: it had not ended. */
      until: untilMs === null ? null : isoTime(untilMs),
    })),
    /** Why an evaluation failed; null: none did. */
    error,
  };
}

function totalMs(episodes: readonly Episode[], endMs: number): number {
  return episodes.reduce((sum, { fromMs, untilMs }) => sum + (untilMs ?? endMs) - fromMs, 0);
}

function resultText({ group, rule, episodes, error, steps }: RuleBacktest, { paint }: Run): string {
  const { endMs } = steps;
  const title = paint(printable(`${group}: ${rule}`), "bold");
  const failed = error === null ? "" : `${paint(printable(error), "red")}\n`;
  if (episodes.length === 0) {
    return `${title} ${error === null ? "never fired" : "failed"}\n${failed}\n`;
  }
  const series = new Set(episodes.map(({ labels }) => formatLabels(labels))).size;
  const total = formatDuration(totalMs(episodes, endMs));
  const head = `fired ${countOf(episodes.length, "time")} on ${countOf(series, "alert")}, ${total} in all`;
  const table = formatTable<Episode>(
    [
      { title: "FROM", cell: ({ fromMs }) => formatRfc3339(fromMs) },
      { title: "FOR", align: "right", cell: (one) => lengthText(one, endMs) },
      { title: "ALERT", cell: ({ labels }) => formatLabels(labels) },
    ],
    episodes.slice(-SHOWN_MAX),
    paint,
  );
  const rest = episodes.length - SHOWN_MAX;
  const before = rest > 0 ? `and ${countOf(rest, "time")} before; --output json has all\n` : "";
  return `${title} ${head}\n${table}${before}${failed}\n`;
}

function lengthText({ fromMs, untilMs }: Episode, endMs: number): string {
  const text = formatDuration((untilMs ?? endMs) - fromMs);
  return untilMs === null ? `${text}, still` : text;
}
