import { z } from "zod";
import { decodeYaml, faultsError } from "../../shared/config/decode-yaml.ts";
import { duration } from "../../shared/config/fields.ts";
import { parseRfc3339 } from "../../shared/model/rfc3339.ts";
import { parseNumber } from "./series-notation.ts";

/** promtool's files of rule tests. Source: prometheus.io/docs, "Unit Testing for Rules". */

const DEFAULT_INTERVAL_MS = 60_000;

const text = z.string({ error: "must be a text" });
const texts = z.record(z.string(), text).nullish();
const time = duration.nullish();

const sample = z.strictObject({
  labels: text.nullish(),
  value: text
    .transform((given, context) => {
      const value = parseNumber(given);
      if (value !== null) return value;
      context.addIssue({ code: "custom", message: "must be a number" });
      return z.NEVER;
    })
    .nullish(),
  histogram: text.nullish(),
});

/** Unix seconds, or RFC 3339. */
const instant = text.transform((given, context) => {
  const seconds = parseNumber(given);
  const timeMs = seconds === null ? parseRfc3339(given) : seconds * 1000;
  if (timeMs !== null && Number.isFinite(timeMs)) return timeMs;
  context.addIssue({ code: "custom", message: "must be Unix seconds or a time of RFC 3339" });
  return z.NEVER;
});

const test = z.strictObject({
  name: text.nullish(),
  interval: time,
  start_timestamp: instant.nullish(),
  input_series: z.array(z.strictObject({ series: text, values: text })).nullish(),
  promql_expr_test: z
    .array(z.strictObject({ expr: text, eval_time: time, exp_samples: z.array(sample).nullish() }))
    .nullish(),
  alert_rule_test: z
    .array(
      z.strictObject({
        eval_time: time,
        alertname: text.min(1, "must not be empty"), // otherwise it would pass whatever fires
        exp_alerts: z
          .array(z.strictObject({ exp_labels: texts, exp_annotations: texts }))
          .nullish(),
      }),
    )
    .nullish(),
  external_labels: texts,
  external_url: text.nullish(),
});

const testFile = z.strictObject({
  rule_files: z.array(text).nullish(),
  evaluation_interval: time,
  group_eval_order: z.array(text).nullish(),
  fuzzy_compare: z
    .enum(["true", "false"], { error: "must be true or false" })
    .transform((given) => given === "true")
    .nullish(),
  tests: z.array(test).nullish(),
});

export type RuleTest = z.infer<typeof test>;

export type RuleTestFile = {
  /** Paths and patterns, from the folder of the file. */
  readonly ruleFiles: readonly string[];
  readonly intervalMs: number;
  readonly groupOrder: readonly string[];
  /** Values that are next to each other are equal. */
  readonly isFuzzy: boolean;
  readonly tests: readonly RuleTest[];
};

/** @throws OperationalError CONFIG with all faults, a line each */
export function parseTestFile(path: string, content: string): RuleTestFile {
  const { value, faults } = decodeYaml(testFile, path, content, "text");
  if (value === null) throw faultsError(faults);
  return {
    ruleFiles: value.rule_files ?? [],
    intervalMs: value.evaluation_interval || DEFAULT_INTERVAL_MS,
    groupOrder: value.group_eval_order ?? [],
    isFuzzy: value.fuzzy_compare ?? false,
    tests: value.tests ?? [],
  };
}
