import { formatDuration } from "../shared/model/duration.ts";
import type { Rule__Output } from "../shared/wire/generated/telltale/v1/Rule.ts";
import type { RuleGroup__Output } from "../shared/wire/generated/telltale/v1/RuleGroup.ts";
import { type CommandContext, type Run, runCommand } from "./command.ts";
import { formatAgo, isoTime } from "./format.ts";
import { addRulesBacktestCommand } from "./rules-backtest.ts";
import { addRulesCheckCommand, addRulesTestCommand } from "./rules-files.ts";
import { type Cell, type Column, formatTable } from "./table.ts";
import { type Color, printable } from "./terminal.ts";

const STATE_COLORS = new Map<string, Color>([
  ["firing", "red"],
  ["pending", "yellow"],
]);
const QUERY_LENGTH_MAX = 80;

export function addRulesCommand(context: CommandContext): void {
  const rules = context.program
    .command("rules")
    .description("The rules that are loaded, and how each of them stands")
    .addHelpText(
      "after",
      `
Examples:
  $ telltale rules
  $ telltale rules check rules.yaml
  $ telltale rules --output json | jq '.[].rules[] | select(.health == "err")'`,
    )
    .action((_options, command) =>
      runCommand(context, command, async (run) => {
        const { groups } = await run.aggregator.ask((client) => client.rules, {});
        run.print(groups.map(groupJson), () => groupsText(groups, run));
      }),
    );
  addRulesCheckCommand(context, rules);
  addRulesTestCommand(context, rules);
  addRulesBacktestCommand(context, rules);
}

/** JSON form: a list of these, as the files stand. */
function groupJson({ name, file, intervalMs, rules }: RuleGroup__Output) {
  return {
    name,
    file,
    intervalSeconds: intervalMs / 1000,
    rules: rules.map((rule) => ({
      /** `alerting` or `recording`. */
      type: rule.type,
      name: rule.name,
      query: rule.query,
      /** `inactive`, `pending` or `firing`; null for a recording rule. */
      state: rule.state === "" ? null : rule.state,
      /** `ok`, `err` or `unknown`: not evaluated yet. */
      health: rule.health,
      /** Empty when there is none. */
      lastError: rule.lastError,
      /** RFC 3339 in UTC; null: not yet. */
      lastEvaluation: isoTime(rule.lastEvaluationMs),
      evaluationSeconds: rule.evaluationSeconds,
    })),
  };
}

function groupsText(groups: readonly RuleGroup__Output[], run: Run): string {
  if (groups.length === 0) return "No rules are loaded.\n";
  return groups.map((group) => groupText(group, run)).join("\n");
}

function groupText(group: RuleGroup__Output, { terminal, paint }: Run): string {
  const nowMs = terminal.nowMs();
  const title = `${group.name}: ${group.file}, every ${formatDuration(group.intervalMs)}`;
  const columns: readonly Column<Rule__Output>[] = [
    { title: "RULE", cell: ({ name }) => name },
    { title: "TYPE", cell: ({ type }) => type },
    { title: "STATE", cell: stateCell },
    { title: "HEALTH", cell: healthCell },
    { title: "EVALUATED", cell: ({ lastEvaluationMs }) => formatAgo(lastEvaluationMs, nowMs) },
    { title: "TOOK", align: "right", cell: tookText },
    { title: "QUERY", cell: ({ query }) => shortened(query.replaceAll(/\s+/g, " ")) },
  ];
  const table = formatTable(columns, group.rules, paint);
  const errors = group.rules
    .filter(({ lastError }) => lastError !== "")
    .map(({ name, lastError }) => paint(printable(`${name}: ${lastError}`), "red"));
  return `${[paint(printable(title), "bold"), table.trimEnd(), ...errors].join("\n")}\n`;
}

function stateCell({ state }: Rule__Output): Cell {
  return { text: state === "" ? "-" : state, color: STATE_COLORS.get(state) ?? null };
}

function healthCell({ health }: Rule__Output): Cell {
  return { text: health, color: health === "err" ? "red" : null };
}

function tookText({ evaluationSeconds }: Rule__Output): string {
  return `${(evaluationSeconds * 1000).toFixed(1)} ms`;
}

function shortened(text: string): string {
  return text.length <= QUERY_LENGTH_MAX ? text : `${text.slice(0, QUERY_LENGTH_MAX - 1)}…`;
}
