import { type Command, InvalidArgumentError } from "commander";
import type { Duplicates, RuleFileCheck } from "../aggregator/offline-rules.ts";
import type { ExpectedAlert, Failure, TestResult } from "../aggregator/rule-tests/run-tests.ts";
import { formatFault } from "../shared/config/decode-yaml.ts";
import { errorMessage, OperationalError } from "../shared/errors.ts";
import type { VectorSample } from "../shared/model/columns.ts";
import { formatDuration } from "../shared/model/duration.ts";
import { exponentText } from "../shared/model/go-number.ts";
import { type Labels, labelPairs, labelsRecord } from "../shared/model/labels.ts";
import type { CommandContext, GlobalOptions } from "./command.ts";
import { printable } from "./terminal.ts";

/** `telltale rules check` and `test`: what they print, and their exit codes, are promtool's. */

const EXIT_LINT = 3;

type CheckOptions = GlobalOptions & { readonly lintFatal?: boolean };
type TestOptions = GlobalOptions & { readonly run: readonly RegExp[] };

export function addRulesCheckCommand(context: CommandContext, rules: Command): void {
  rules
    .command("check")
    .description("Checks rule files, with no aggregator: each fault with its line")
    .argument("<file...>", "rule files")
    .option("--lint-fatal", "exit code 3 where two rules are the same")
    .addHelpText(
      "after",
      `
Examples:
  $ telltale rules check /etc/telltale/rules/*.yaml
  $ telltale rules check rules.yaml --output json | jq '.[].faults[]'`,
    )
    .action(async (files: string[], _options, command: Command) => {
      const { lintFatal, output } = command.optsWithGlobals<CheckOptions>();
      const { checkRuleFile } = await import("../aggregator/offline-rules.ts");
      const checks = files.map((file) => ({ file, check: checkRuleFile(file) }));
      const { terminal } = context;
      if (output === "json") terminal.write(jsonText(checks.map(checkJson)));
      else terminal.write(checks.map(checkText).join(""));
      const hasDuplicates = checks.some(({ check }) => check.duplicates.length > 0);
      if (lintFatal === true && hasDuplicates) context.exitCode = EXIT_LINT;
      if (checks.some(({ check }) => check.faults.length > 0)) context.exitCode = 1;
    });
}

export function addRulesTestCommand(context: CommandContext, rules: Command): void {
  rules
    .command("test")
    .description("Runs promtool's files of rule tests, with no aggregator")
    .argument("<file...>", "test files")
    .option("--run <pattern>", "tests whose name matches; can be given again", addPattern, [])
    .addHelpText(
      "after",
      `
Rules are evaluated as the aggregator does: an alert whose series ends goes on, unless its rule says
"no_data: resolve".

Examples:
  $ telltale rules test tests/*.yaml
  $ telltale rules test disk.yaml --run 'full|inodes'`,
    )
    .action(async (files: string[], _options, command: Command) => {
      const { run, output } = command.optsWithGlobals<TestOptions>();
      const isWanted = (name: string) => run.length === 0 || run.some((one) => one.test(name));
      const outcomes: FileOutcome[] = [];
      for (const file of files) {
        const outcome = await testFile(file, isWanted);
        if (hasFailed(outcome)) context.exitCode = 1;
        outcomes.push(outcome);
        if (output !== "json") context.terminal.write(outcomeText(outcome));
      }
      if (output === "json") context.terminal.write(jsonText(outcomes.map(outcomeJson)));
    });
}

function addPattern(text: string, before: readonly RegExp[]): RegExp[] {
  try {
    return [...before, new RegExp(text, "u")];
  } catch (error) {
    throw new InvalidArgumentError(errorMessage(error));
  }
}

function jsonText(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

type Checked = { readonly file: string; readonly check: RuleFileCheck };

function checkJson({ file, check }: Checked) {
  const { rules, faults, duplicates } = check;
  return {
    file,
    rules,
    faults: faults.map(({ line, path, message }) => ({ line, path, message })),
    duplicates: duplicates.map(({ name, labels, count }) => {
      return { name, labels: Object.fromEntries(labels), count };
    }),
  };
}

function checkText({ file, check }: Checked): string {
  const { rules, faults, duplicates } = check;
  const lines = [`Checking ${file}`];
  if (faults.length > 0) lines.push("  FAILED:", ...faults.map(formatFault));
  else lines.push(`  SUCCESS: ${rules} rules found`, ...duplicates.flatMap(duplicateLines));
  return `${lines.map(printable).join("\n")}\n\n`;
}

function duplicateLines({ name, labels, count }: Duplicates): string[] {
  return [
    `  ${count} duplicate rule(s) found.`,
    `  Metric: ${name}`,
    "  Label(s):",
    ...labels.map(([label, value]) => `    ${label}: ${value}`),
    "  Might cause inconsistency while recording expressions",
  ];
}

/** `fault`: none of its tests could be run; else null. */
type FileOutcome = {
  readonly file: string;
  readonly fault: string | null;
  readonly results: readonly TestResult[];
};

async function testFile(file: string, isWanted: (name: string) => boolean): Promise<FileOutcome> {
  const { testRuleFile } = await import("../aggregator/offline-rules.ts");
  try {
    return { file, fault: null, results: await testRuleFile(file, isWanted) };
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    return { file, fault: errorMessage(error), results: [] };
  }
}

function hasFailed({ fault, results }: FileOutcome): boolean {
  return fault !== null || results.some(({ failures }) => failures.length > 0);
}

function outcomeJson({ file, fault, results }: FileOutcome) {
  return {
    file,
    /** Null: its tests were run. */
    fault,
    tests: results.map(({ name, failures }) => ({ name, failures: failures.map(failureJson) })),
  };
}

function failureJson(failure: Failure): object {
  const { kind } = failure;
  if (kind === "error") return failure;
  const { timeMs, ...rest } = failure;
  const seconds = { ...rest, evalSeconds: timeMs / 1000 };
  if (kind === "alerts") {
    const { expected, found } = failure;
    return { ...seconds, expected: expected.map(alertJson), found: found.map(alertJson) };
  }
  if (kind === "rule") return seconds;
  const { expected, found } = failure;
  const isError = typeof found === "string";
  return {
    ...seconds,
    expected: expected.map(sampleJson),
    found: isError ? [] : found.map(sampleJson),
    error: isError ? found : null,
  };
}

function alertJson({ labels, annotations }: ExpectedAlert) {
  return { labels: labelsRecord(labels), annotations: labelsRecord(annotations) };
}

/** JSON has no NaN and no infinity: values are texts, as in Prometheus' API. */
function sampleJson({ labels, value }: VectorSample) {
  return { labels: labelsRecord(labels), value: String(value) };
}

function outcomeText(outcome: FileOutcome): string {
  const { file, fault, results } = outcome;
  const head = `Unit Testing:  ${printable(file)}\n`;
  if (!hasFailed(outcome)) return `${head}  SUCCESS\n\n`;
  if (fault !== null) return `${head}  FAILED:\n${fault.split("\n").map(printable).join("\n")}\n\n`;
  const blocks = results.flatMap(({ name, failures }) => {
    const title = name === "" ? [] : [`name: ${name},`];
    return failures.map((failure) => [...title, ...failureLines(failure)]);
  });
  const text = blocks.map((lines) => lines.map((one) => `    ${printable(one)}\n`).join(""));
  return `${head}  FAILED:\n${text.join("\n")}\n`;
}

function failureLines(failure: Failure): string[] {
  switch (failure.kind) {
    case "error":
      return failure.message.split("\n");
    case "rule": {
      const { rule, timeMs, message } = failure;
      return [`rule: ${rule}, time: ${formatDuration(timeMs)}, err: ${message}`];
    }
    case "alerts": {
      const { alertname, timeMs, expected, found } = failure;
      return [
        `alertname: ${alertname}, time: ${formatDuration(timeMs)},`,
        ...alertLines("exp", expected),
        ...alertLines("got", found),
      ];
    }
    case "expr": {
      const { expr, timeMs, expected, found } = failure;
      const head = `expr: ${JSON.stringify(expr)}, time: ${formatDuration(timeMs)},`;
      if (typeof found === "string") return [`${head} err: ${found}`];
      return [head, `    exp: ${samplesText(expected)}`, `    got: ${samplesText(found)}`];
    }
  }
}

function alertLines(title: string, alerts: readonly ExpectedAlert[]): string[] {
  if (alerts.length === 0) return [`    ${title}:[]`];
  const each = alerts.flatMap(({ labels, annotations }, i) => [
    `        ${i}:`,
    `          Labels:${labelsText(labels)}`,
    `          Annotations:${labelsText(annotations)}`,
  ]);
  return [`    ${title}:[`, ...each, "        ]"];
}

function samplesText(samples: readonly VectorSample[]): string {
  if (samples.length === 0) return "nil";
  return samples.map(({ labels, value }) => `${labelsText(labels)} ${valueText(value)}`).join(", ");
}

function valueText(value: number): string {
  const text = exponentText(value);
  return Number.isFinite(value) ? text.toUpperCase() : text;
}

function labelsText(labels: Labels): string {
  return `{${labelPairs(labels)
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
    .join(", ")}}`;
}
