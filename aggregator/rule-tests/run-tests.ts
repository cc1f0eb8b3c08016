import { errorMessage, OperationalError } from "../../shared/errors.ts";
import type { VectorSample } from "../../shared/model/columns.ts";
import { compareLabels, type Labels, labelsFrom } from "../../shared/model/labels.ts";
import type { SampleSource } from "../promql/context.ts";
import { type GroupDeps, GroupRunner } from "../rules/group.ts";
import type { CompileFn } from "../rules/ports.ts";
import { parseRuleFiles, type RuleFile } from "../rules/rule-files.ts";
import { AlertsInMemory } from "./alert-history.ts";
import { MemorySeries } from "./memory-series.ts";
import { EVALUATIONS_MAX, offlineDeps } from "./offline-deps.ts";
import { parseMetric, parsePoints } from "./series-notation.ts";
import type { RuleTest, RuleTestFile } from "./test-file.ts";

/** What was expected and what there was instead; times are milliseconds from the test's start. */
export type Failure =
  | { readonly kind: "error"; readonly message: string }
  | {
      readonly kind: "rule";
      readonly rule: string;
      readonly timeMs: number;
      readonly message: string;
    }
  | {
      readonly kind: "alerts";
      readonly alertname: string;
      readonly timeMs: number;
      readonly expected: readonly ExpectedAlert[];
      readonly found: readonly ExpectedAlert[];
    }
  | {
      readonly kind: "expr";
      readonly expr: string;
      readonly timeMs: number;
      readonly expected: readonly VectorSample[];
      /** A text: why there is none. */
      readonly found: readonly VectorSample[] | string;
    };

export type ExpectedAlert = { readonly labels: Labels; readonly annotations: Labels };

export type TestResult = { readonly name: string; readonly failures: readonly Failure[] };

export type RuleTestParts = {
  readonly ruleFiles: readonly RuleFile[];
  /** Compiles expressions over the series of one test. */
  readonly compileOver: (source: SampleSource, stepMs: number) => CompileFn;
  readonly clock: GroupDeps["clock"];
};

/** Runs one test against rules of its own, which know nothing of other tests. */
export async function runRuleTest(
  test: RuleTest,
  file: RuleTestFile,
  parts: RuleTestParts,
): Promise<TestResult> {
  const name = test.name ?? "";
  try {
    return { name, failures: await new TestRun(test, file, parts).run() };
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    return { name, failures: [{ kind: "error", message: errorMessage(error) }] };
  }
}

class TestRun {
  readonly #test: RuleTest;
  readonly #file: RuleTestFile;
  readonly #compile: CompileFn;
  readonly #series = new MemorySeries();
  readonly #groups: readonly GroupRunner[];
  readonly #startMs: number;

  constructor(
    test: RuleTest,
    file: RuleTestFile,
    { ruleFiles, compileOver, clock }: RuleTestParts,
  ) {
    this.#test = test;
    this.#file = file;
    this.#startMs = test.start_timestamp ?? 0;
    this.#compile = compileOver(this.#series, file.intervalMs);
    const { groups } = parseRuleFiles(ruleFiles, this.#compile); // good: they were checked before
    const deps = offlineDeps({
      clock,
      alerts: new AlertsInMemory(),
      write: async (group, timeMs, samples) => this.#series.write(group, timeMs, samples),
    });
    const external = {
      labels: labelsFrom(Object.entries(test.external_labels ?? {})),
      url: test.external_url ?? "",
    };
    const options = { defaultIntervalMs: file.intervalMs, external };
    this.#groups = inOrder(groups, file.groupOrder).map((one) => {
      return new GroupRunner(one, deps, options);
    });
  }

  async run(): Promise<Failure[]> {
    this.#load();
    const { alert_rule_test: alertTests, promql_expr_test: exprTests } = this.#test;
    const alertChecks = [...(alertTests ?? [])].sort((a, b) => evalMs(a) - evalMs(b));
    const exprChecks = exprTests ?? [];
    const lastMs = [...alertChecks, ...exprChecks].map(evalMs).reduce(maxOf, 0);
    const { intervalMs } = this.#file;
    if (lastMs / intervalMs > EVALUATIONS_MAX) {
      throw new OperationalError("LIMIT", `over ${EVALUATIONS_MAX} evaluations`);
    }
    const failures: Failure[] = [];
    for (let timeMs = 0; timeMs <= lastMs; timeMs += intervalMs) {
      const failed = await this.#evaluate(timeMs);
      if (failed.length > 0) return [...failures, ...failed];
      while (evalMs(alertChecks[0]) < timeMs + intervalMs) {
        const check = alertChecks.shift();
        const failure = check === undefined ? null : this.#checkAlerts(check);
        if (failure !== null) failures.push(failure);
      }
    }
    for (const check of exprChecks) {
      const failure = await this.#checkExpr(check);
      if (failure !== null) failures.push(failure);
    }
    return failures;
  }

  #load(): void {
    const stepMs = this.#test.interval || this.#file.intervalMs;
    for (const { series, values } of this.#test.input_series ?? []) {
      this.#series.load(parseMetric(series), parsePoints(values), this.#startMs, stepMs);
    }
  }

  /** All groups at one time; those rules that could not be. */
  async #evaluate(timeMs: number): Promise<Failure[]> {
    const atMs = this.#startMs + timeMs;
    this.#series.visibleToMs = atMs;
    const failures: Failure[] = [];
    for (const group of this.#groups) {
      for (const { rule, message } of await group.evaluate(atMs)) {
        failures.push({ kind: "rule", rule: rule.name, timeMs, message });
      }
    }
    return failures;
  }

  #checkAlerts(check: NonNullable<RuleTest["alert_rule_test"]>[number]): Failure | null {
    const { alertname, exp_alerts: alerts } = check;
    const expected = (alerts ?? []).map(({ exp_labels: labels, exp_annotations: annotations }) => ({
      labels: labelsFrom([...Object.entries(labels ?? {}), ["alertname", alertname]]),
      annotations: labelsFrom(Object.entries(annotations ?? {})),
    }));
    const found = this.#firing(alertname);
    const isSame = sameItems(expected.sort(compareAlerts), found.sort(compareAlerts), sameAlert);
    return isSame ? null : { kind: "alerts", alertname, timeMs: evalMs(check), expected, found };
  }

  #firing(alertname: string): ExpectedAlert[] {
    return this.#groups
      .flatMap((group) => group.snapshot().rules)
      .filter((rule) => rule.type === "alerting" && rule.name === alertname)
      .flatMap((rule) => (rule.type === "alerting" ? rule.alerts : []))
      .filter(({ state }) => state === "firing")
      .map(({ labels, annotations }) => ({ labels, annotations }));
  }

  async #checkExpr(
    check: NonNullable<RuleTest["promql_expr_test"]>[number],
  ): Promise<Failure | null> {
    const { expr } = check;
    const timeMs = evalMs(check);
    const expected = (check.exp_samples ?? []).map(({ labels, value, histogram }) => {
      if ((histogram ?? "") !== "") throw new OperationalError("PARSE", NO_HISTOGRAMS);
      return { labels: parseMetric(labels ?? ""), value: value ?? 0 };
    });
    expected.sort(compareSamples);
    try {
      const result = await this.#compile(expr).instant(this.#startMs + timeMs);
      const found = [...result].sort(compareSamples);
      const same = (a: VectorSample, b: VectorSample) => this.#sameSample(a, b);
      if (sameItems(expected, found, same)) return null;
      return { kind: "expr", expr, timeMs, expected, found };
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      return { kind: "expr", expr, timeMs, expected, found: errorMessage(error) };
    }
  }

  #sameSample(a: VectorSample, b: VectorSample): boolean {
    const isSame = Object.is(a.value, b.value) || a.value === b.value;
    const isNear = this.#file.isFuzzy && bitsApart(a.value, b.value) <= 1n;
    return (isSame || isNear) && compareLabels(a.labels, b.labels) === 0;
  }
}

const NO_HISTOGRAMS = "native histograms are not supported";

function maxOf(a: number, b: number): number {
  return Math.max(a, b);
}

function evalMs(check: { readonly eval_time?: number | null | undefined } | undefined): number {
  return check === undefined ? Number.POSITIVE_INFINITY : (check.eval_time ?? 0);
}

/** Groups that are named come in the order of the names. */
function inOrder<T extends { readonly name: string }>(
  groups: readonly T[],
  names: readonly string[],
) {
  const placeOf = ({ name }: T) => Math.max(0, names.indexOf(name));
  return [...groups].sort((a, b) => placeOf(a) - placeOf(b));
}

function sameItems<T>(a: readonly T[], b: readonly T[], same: (a: T, b: T) => boolean): boolean {
  return a.length === b.length && a.every((one, i) => same(one, b[i] as T));
}

function compareAlerts(a: ExpectedAlert, b: ExpectedAlert): number {
  return compareLabels(a.labels, b.labels) || compareLabels(a.annotations, b.annotations);
}

function sameAlert(a: ExpectedAlert, b: ExpectedAlert): boolean {
  return compareAlerts(a, b) === 0;
}

function compareSamples(a: VectorSample, b: VectorSample): number {
  return compareLabels(a.labels, b.labels);
}

/** How many doubles lie between two of the same sign. */
function bitsApart(a: number, b: number): bigint {
  const [one = 0n, other = 0n] = new BigInt64Array(Float64Array.of(a, b).buffer);
  return one < other ? other - one : one - other;
}
