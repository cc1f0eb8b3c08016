import { z } from "zod";
import { decodeYaml, type Fault, formatPath, type Path } from "../../shared/config/decode-yaml.ts";
import { duration } from "../../shared/config/fields.ts";
import { errorMessage, OperationalError } from "../../shared/errors.ts";
import { type Labels, labelsFrom, METRIC_NAME } from "../../shared/model/labels.ts";
import { compileTemplate, type Template } from "../template/template.ts";
import type { NoDataPolicy } from "./alert-state.ts";
import type { CompiledExpr, CompileFn } from "./ports.ts";

/** Label names and their templates, sorted by name. */
export type TemplateLabels = readonly (readonly [name: string, template: Template])[];

export type RecordingRule = {
  readonly kind: "recording";
  readonly name: string;
  readonly expr: CompiledExpr;
  readonly labels: Labels;
};

export type AlertingRule = {
  readonly kind: "alerting";
  readonly name: string;
  readonly expr: CompiledExpr;
  readonly forMs: number;
  readonly keepFiringForMs: number;
  readonly noData: NoDataPolicy;
  readonly labels: TemplateLabels;
  readonly annotations: TemplateLabels;
};

export type Rule = RecordingRule | AlertingRule;

export type RuleGroup = {
  readonly file: string;
  readonly name: string;
  /** Null: the aggregator's default. */
  readonly intervalMs: number | null;
  /** Queries see the data as of this much before the evaluation. */
  readonly queryOffsetMs: number;
  /** Alerts or series a rule may give; 0: only our own bound. */
  readonly limit: number;
  readonly rules: readonly Rule[];
};

export type RuleFile = { readonly path: string; readonly text: string };

export type ParsedRuleFiles = {
  /** Empty when there are faults: a set of files is taken whole or not at all. */
  readonly groups: readonly RuleGroup[];
  readonly faults: readonly Fault[];
};

const INTERVAL_MIN_MS = 100;

const text = z.string({ error: "must be a text" });
const texts = z
  .record(
    z.string(),
    text.nullable().transform((value) => value ?? ""),
  )
  .nullish();
const time = duration.nullish();

const rule = z.strictObject({
  record: text.nullish(),
  alert: text.nullish(),
  expr: text.nullish(),
  for: time,
  keep_firing_for: time,
  labels: texts,
  annotations: texts,
  no_data: z
    .enum(["keep", "fire", "resolve"], { error: "must be keep, fire or resolve" })
    .nullish(),
});

const group = z.strictObject({
  name: text.nullish(),
  interval: time,
  query_offset: time,
  limit: text
    .regex(/^\d{1,9}$/, "must be a whole number and must not be negative")
    .transform(Number)
    .nullish(),
  labels: texts,
  rules: z.array(rule).nullish(),
});

const ruleFile = z.strictObject({ groups: z.array(group).nullish() });

type RawGroup = z.infer<typeof group>;
type RawRule = z.infer<typeof rule>;

/** Where faults of one file go. */
type Report = (path: Path, message: string) => void;

/**
 * Prometheus' rule files, checked as promtool checks them, plus `no_data` on alerting rules. All
 * faults of all files are found at once.
 */
export function parseRuleFiles(files: readonly RuleFile[], compile: CompileFn): ParsedRuleFiles {
  const groups: RuleGroup[] = [];
  const faults: Fault[] = [];
  for (const { path: file, text: content } of files) {
    const decoded = decodeYaml(ruleFile, file, content, "text");
    if (decoded.value === null) {
      faults.push(...decoded.faults);
      continue;
    }
    const report: Report = (path, message) => {
      faults.push({ file, line: decoded.lineOf(path), path: formatPath(path), message });
    };
    groups.push(...readGroups(decoded.value.groups ?? [], file, { compile, report }));
  }
  return { groups: faults.length > 0 ? [] : groups, faults };
}

type Reading = { readonly compile: CompileFn; readonly report: Report };

function readGroups(raw: readonly RawGroup[], file: string, reading: Reading): RuleGroup[] {
  const names = new Set<string>();
  return raw.map((one, i) => {
    const path = ["groups", i];
    const name = one.name ?? "";
    if (name === "") reading.report([...path, "name"], "a group must have a name");
    if (names.has(name)) {
      reading.report([...path, "name"], `the group name "${name}" is repeated in the file`);
    }
    names.add(name);
    checkInterval(one, path, reading.report);
    const labels = one.labels ?? {};
    checkLabels(labels, [...path, "labels"], reading.report);
    const rules = (one.rules ?? []).map((raw, j) => {
      checkLabels(raw.labels ?? {}, [...path, "rules", j, "labels"], reading.report);
      const merged = { ...raw, labels: { ...labels, ...raw.labels } };
      return readRule(merged, [...path, "rules", j], reading);
    });
    return {
      file,
      name,
      intervalMs: one.interval || null, // 0 means the default, as in Prometheus
      queryOffsetMs: one.query_offset ?? 0,
      limit: one.limit ?? 0,
      rules: rules.filter((rule) => rule !== null),
    };
  });
}

function checkInterval(raw: RawGroup, path: Path, report: Report): void {
  const intervalMs = raw.interval ?? 0;
  if (intervalMs > 0 && intervalMs < INTERVAL_MIN_MS) {
    report([...path, "interval"], `must be at least ${INTERVAL_MIN_MS}ms`);
  }
}

function readRule(raw: RawRule, path: Path, reading: Reading): Rule | null {
  const record = raw.record ?? "";
  const alert = raw.alert ?? "";
  if (record !== "" && alert !== "") {
    reading.report(path, "only one of record and alert must be set");
  } else if (record === "" && alert === "") {
    reading.report(path, "one of record and alert must be set");
  }
  const expr = readExpr(raw, path, reading);
  const read = alert !== "" ? readAlerting : readRecording;
  return read(raw, path, { expr, report: reading.report });
}

function readExpr(raw: RawRule, path: Path, { compile, report }: Reading): CompiledExpr | null {
  if ((raw.expr ?? "") === "") {
    report([...path, "expr"], "expr must be set");
    return null;
  }
  return attempt(() => compile(raw.expr ?? ""), [...path, "expr"], report);
}

type Parts = { readonly expr: CompiledExpr | null; readonly report: Report };

function readRecording(raw: RawRule, path: Path, { expr, report }: Parts): RecordingRule | null {
  const name = raw.record ?? "";
  for (const key of ["for", "keep_firing_for", "annotations", "no_data"] as const) {
    if (isSet(raw[key])) report([...path, key], `${key} is not for a recording rule`);
  }
  if (/[{}]/.test(name)) {
    report([...path, "record"], `braces in the recording rule's name: "${name}"`);
  } else if (name !== "" && !isLabelText(name)) {
    report([...path, "record"], "not a metric name");
  }
  if (expr === null) return null;
  const labels = labelsFrom(Object.entries(raw.labels ?? {}));
  return { kind: "recording", name, expr, labels };
}

/** As in Prometheus, `for: 0s` and an empty map count as not set. */
function isSet(value: RawRule[keyof RawRule]): boolean {
  if (typeof value === "object" && value !== null) return Object.keys(value).length > 0;
  return value !== undefined && value !== null && value !== 0;
}

function readAlerting(raw: RawRule, path: Path, { expr, report }: Parts): AlertingRule | null {
  const name = raw.alert ?? "";
  if (!isLabelText(name)) report([...path, "alert"], "not a label value");
  const labels = readTemplates(raw.labels ?? {}, [...path, "labels"], report);
  const annotations = readTemplates(raw.annotations ?? {}, [...path, "annotations"], report);
  if (expr === null) return null;
  return {
    kind: "alerting",
    name,
    expr,
    forMs: raw.for ?? 0,
    keepFiringForMs: raw.keep_firing_for ?? 0,
    noData: raw.no_data ?? "keep",
    labels,
    annotations,
  };
}

function readTemplates(
  raw: Readonly<Record<string, string>>,
  path: Path,
  report: Report,
): TemplateLabels {
  const templates: [string, Template][] = [];
  for (const [name, value] of Object.entries(raw).sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (!isLabelText(name) || name === "") report([...path, name], "not a label name");
    const template = attempt(() => compileTemplate(value), [...path, name], report);
    if (template !== null) templates.push([name, template]);
  }
  return templates;
}

function checkLabels(raw: Readonly<Record<string, string>>, path: Path, report: Report): void {
  for (const [name, value] of Object.entries(raw)) {
    if (name === "" || name === METRIC_NAME || !isLabelText(name)) {
      report([...path, name], `not a label name: "${name}"`);
    }
    if (!isLabelText(value)) report([...path, name], "not a label value");
  }
}

/** Any UTF-8 text; no NUL, which separates labels within us. */
function isLabelText(value: string): boolean {
  return !/[\0\p{Surrogate}]/u.test(value);
}

/** A fault in place of what was thrown, so that the rest of the file is checked too. */
function attempt<T>(make: () => T, path: Path, report: Report): T | null {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    report(path, errorMessage(error));
    return null;
  }
}
