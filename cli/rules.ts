import { formatDuration } from "../shared/model/duration.ts";
import type { Rule__Output } from "../shared/wire/generated/telltale/v1/Rule.ts";
import type { RuleGroup__Output } from "../shared/wire/generated/telltale/v1/RuleGroup.ts";
import { type CommandContext, type Run, runCommand } from "./command.ts";
import { formatAgo, isoTime } from "./format.ts";
import { type Cell, type Column, formatTable } from "./table.ts";
import { type Color, printable } from "./terminal.ts";

/** JSON form: a list of these, as the files stand. */
type RuleGroupJson = {
  readonly name: string;
  readonly file: string;
  readonly intervalSeconds: number;
  readonly rules: readonly {
    /** `alerting` or `recording`. */
    readonly type: string;
    readonly name: string;
    readonly query: string;
    /** `inactive`, `pending` or `firing`; null for a recording rule. */
    readonly state: string | null;
    /** `ok`, `err` or `unknown`: not evaluated yet. */
    readonly health: string;
    /** Empty when there is none. */
    readonly lastError: string;
    /** RFC 3339 in UTC; null: not yet. */
    readonly lastEvaluation: string | null;
    readonly evaluationSeconds: number;
  }[];
};

const COLUMNS: readonly Column[] = [
  { title: "RULE" },
  { title: "TYPE" },
  { title: "STATE" },
  { title: "HEALTH" },
  { title: "EVALUATED" },
  { title: "TOOK", align: "right" },
  { title: "QUERY" },
];
const STATE_COLORS = new Map<string, Color>([
  ["firing", "red"],
  ["pending", "yellow"],
]);
const QUERY_LENGTH_MAX = 80;

export function addRulesCommand(context: CommandContext): void {
  context.program
    .command("rules")
    .description("The rules that are loaded, and how each of them stands")
    .addHelpText(
      "after",
      `
Examples:
  $ telltale rules
  $ telltale rules --output json | jq '.[].rules[] | select(.health == "err")'`,
    )
    .action((_options, command) =>
      runCommand(context, command, async (run) => {
        const { groups } = await run.aggregator.ask((client) => client.rules, {});
        run.print(groups.map(groupJson), () => groupsText(groups, run));
        return 0;
      }),
    );
}

function groupJson({ name, file, intervalMs, rules }: RuleGroup__Output): RuleGroupJson {
  return {
    name,
    file,
    intervalSeconds: intervalMs / 1000,
    rules: rules.map((rule) => ({
      type: rule.type,
      name: rule.name,
      query: rule.query,
      state: rule.state === "" ? null : rule.state,
      health: rule.health,
      lastError: rule.lastError,
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
  const table = formatTable(
    COLUMNS,
    group.rules.map((rule) => ruleRow(rule, nowMs)),
    paint,
  );
  const errors = group.rules
    .filter(({ lastError }) => lastError !== "")
    .map(({ name, lastError }) => paint(printable(`${name}: ${lastError}`), "red"));
  return `${[paint(printable(title), "bold"), table.trimEnd(), ...errors].join("\n")}\n`;
}

function ruleRow(rule: Rule__Output, nowMs: number): Cell[] {
  return [
    rule.name,
    rule.type,
    { text: rule.state === "" ? "-" : rule.state, color: STATE_COLORS.get(rule.state) ?? null },
    { text: rule.health, color: rule.health === "err" ? "red" : null },
    formatAgo(rule.lastEvaluationMs, nowMs),
    `${(rule.evaluationSeconds * 1000).toFixed(1)} ms`,
    shortened(rule.query.replaceAll(/\s+/g, " ")),
  ];
}

function shortened(text: string): string {
  return text.length <= QUERY_LENGTH_MAX ? text : `${text.slice(0, QUERY_LENGTH_MAX - 1)}…`;
}
