import { dirname, isAbsolute, join } from "node:path";
import { type Fault, faultsError } from "../shared/config/decode-yaml.ts";
import { errorMessage, OperationalError } from "../shared/errors.ts";
import type { VectorSample } from "../shared/model/columns.ts";
import { getOrInsert } from "../shared/model/get-or-insert.ts";
import { labelPairs } from "../shared/model/labels.ts";
import { readConfigFile, readConfigFiles } from "../shared/platform/config-files.ts";
import { nodeClock } from "../shared/platform/node.ts";
import { DEFAULT_LOGQL_OPTIONS, LogqlEngine } from "./logql/engine.ts";
import { formatLogql } from "./logql/format.ts";
import type { SampleSource } from "./promql/context.ts";
import { DEFAULT_ENGINE_OPTIONS, PromqlEngine } from "./promql/engine.ts";
import { ALL_FEATURES } from "./promql/features.ts";
import { formatExpr } from "./promql/format.ts";
import { presenceOf } from "./promql/presence.ts";
import { compileForRules, readExpression } from "./rule-expressions.ts";
import { backtestGroup, type RuleBacktest } from "./rule-tests/backtest.ts";
import { type AskRange, RangeWalk, type Steps } from "./rule-tests/range-walk.ts";
import { runRuleTest, type TestResult } from "./rule-tests/run-tests.ts";
import { parseTestFile } from "./rule-tests/test-file.ts";
import type { CompiledExpr } from "./rules/ports.ts";
import { parseRuleFiles, type Rule } from "./rules/rule-files.ts";

/** What is done with rule files outside of an aggregator. */

/** Rules with one name and the same labels, and how many they are. */
export type Duplicates = {
  readonly name: string;
  readonly labels: readonly (readonly [name: string, value: string])[];
  readonly count: number;
};

export type RuleFileCheck = {
  readonly rules: number;
  readonly faults: readonly Fault[];
  readonly duplicates: readonly Duplicates[];
};

const NO_SAMPLES: SampleSource = { select: async () => [] };

/** One that cannot be read has that as its fault. */
export function checkRuleFile(path: string): RuleFileCheck {
  try {
    const file = { path, text: requiredFile(path) };
    const { groups, faults } = parseRuleFiles([file], compileOver(NO_SAMPLES));
    const rules = groups.flatMap((group) => group.rules);
    return { rules: rules.length, faults, duplicates: duplicatesOf(rules) };
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    const fault = { file: path, line: 1, path: "", message: errorMessage(error) };
    return { rules: 0, faults: [fault], duplicates: [] };
  }
}

/**
 * Runs the tests of a file whose name `isWanted`, each against rules of its own.
 * @throws OperationalError CONFIG when the file or its rule files cannot be read or have faults
 */
export async function testRuleFile(
  path: string,
  isWanted: (name: string) => boolean,
): Promise<TestResult[]> {
  const file = parseTestFile(path, requiredFile(path));
  const ruleFiles = file.ruleFiles.flatMap((pattern) =>
    readConfigFiles(isAbsolute(pattern) ? pattern : join(dirname(path), pattern)),
  );
  const { faults } = parseRuleFiles(ruleFiles, compileOver(NO_SAMPLES));
  if (faults.length > 0) throw faultsError(faults);
  const parts = { ruleFiles, compileOver, clock: nodeClock };
  const results: TestResult[] = [];
  for (const test of file.tests) {
    if (isWanted(test.name ?? "")) results.push(await runRuleTest(test, file, parts));
  }
  return results;
}

/** A group without an interval is evaluated so often. */
const DEFAULT_STEP_MS = 15_000;

export type BacktestSpan = Pick<Steps, "startMs" | "endMs"> & {
  /** Null: each group's own interval. */
  readonly stepMs: number | null;
};

/**
 * What the alerting rules of files would have done from `startMs` to `endMs`, by what an aggregator has
 * stored.
 * @throws OperationalError CONFIG for faults, LIMIT for too many steps, and what `ask` throws
 */
export async function backtestRuleFiles(
  paths: readonly string[],
  span: BacktestSpan,
  ask: AskRange,
): Promise<RuleBacktest[]> {
  const files = paths.map((path) => ({ path, text: requiredFile(path) }));
  const walks = new GroupWalks(ask);
  const { groups, faults } = parseRuleFiles(files, (text) => walks.compile(text));
  if (faults.length > 0) throw faultsError(faults);
  const results: RuleBacktest[] = [];
  for (const group of groups) {
    const stepMs = span.stepMs ?? group.intervalMs ?? DEFAULT_STEP_MS;
    const startMs = Math.ceil(span.startMs / stepMs) * stepMs;
    const endMs = Math.floor(span.endMs / stepMs) * stepMs;
    const steps = { startMs, endMs, stepMs };
    walks.begin(steps);
    results.push(...(await backtestGroup(group, steps, nodeClock)));
  }
  return results;
}

/** Expressions over what an aggregator has stored; one group after the other, each at its own steps. */
class GroupWalks {
  readonly #ask: AskRange;
  readonly #walks = new Map<string, RangeWalk>();
  #steps: Steps = { startMs: 0, endMs: 0, stepMs: 1 };

  constructor(ask: AskRange) {
    this.#ask = ask;
  }

  begin(steps: Steps): void {
    this.#steps = steps;
    this.#walks.clear();
  }

  compile(text: string): CompiledExpr {
    const read = readExpression(text);
    if (read.language === "LogQL") {
      const query = formatLogql(read.expr);
      return { query, isOfLines: true, instant: noLines, presence: noLines };
    }
    const query = formatExpr(read.expr);
    const presence = formatExpr(presenceOf(read.expr));
    return {
      query,
      isOfLines: false,
      instant: (timeMs) => this.#at(query, timeMs),
      presence: (timeMs) => this.#at(presence, timeMs),
    };
  }

  #at(query: string, timeMs: number): Promise<readonly VectorSample[]> {
    const walk = getOrInsert(this.#walks, query, () => {
      return new RangeWalk(query, this.#steps, this.#ask);
    });
    return walk.at(timeMs);
  }
}

async function noLines(): Promise<never> {
  throw new OperationalError("USAGE", "rules on log lines cannot be tested back");
}

function requiredFile(path: string): string {
  const text = readConfigFile(path);
  if (text === null) throw new OperationalError("CONFIG", "there is no such file");
  return text;
}

function compileOver(series: SampleSource, stepMs = DEFAULT_ENGINE_OPTIONS.subqueryStepMs) {
  return compileForRules(
    new PromqlEngine(series, {
      ...DEFAULT_ENGINE_OPTIONS,
      subqueryStepMs: stepMs,
      features: ALL_FEATURES, // which of them are on, the configuration says
    }),
    new LogqlEngine({ select: async () => [] }, DEFAULT_LOGQL_OPTIONS),
  );
}

function duplicatesOf(rules: readonly Rule[]): Duplicates[] {
  const found = new Map<string, { name: string; labels: Duplicates["labels"]; count: number }>();
  for (const rule of rules) {
    const labels = labelTexts(rule);
    const key = JSON.stringify([rule.name, labels]);
    getOrInsert(found, key, () => ({ name: rule.name, labels, count: 0 })).count += 1;
  }
  return [...found.values()].filter(({ count }) => count > 1);
}

function labelTexts(rule: Rule): Duplicates["labels"] {
  if (rule.kind === "alerting") return rule.labels.map(([name, { text }]) => [name, text] as const);
  return labelPairs(rule.labels);
}
