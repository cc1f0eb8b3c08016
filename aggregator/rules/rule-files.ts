import { z } from "zod";
import {
  decodeYamlDocuments,
  type Fault,
  formatPath,
  type Path,
} from "../../shared/config/decode-yaml.ts";
import { duration } from "../../shared/config/fields.ts";
import { errorMessage, OperationalError } from "../../shared/errors.ts";
import type { VectorSample } from "../../shared/model/columns.ts";
import { type Labels, labelsFrom, METRIC_NAME } from "../../shared/model/labels.ts";
import { compileAlertTemplate } from "../template/alert-template.ts";
import type { Template } from "../template/template.ts";
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
  /** With longer gaps in its data, taken together, a pending alert begins anew; null: no limit. */
  readonly gapMaxMs: number | null;
  readonly labels: TemplateLabels;
  readonly annotations: TemplateLabels;
  /** For a query in a template. @throws OperationalError */
  readonly ask: (query: string, timeMs: number) => Promise<readonly VectorSample[]>;
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
const noData = z
  .enum(["keep", "fire", "resolve"], { error: "must be keep, fire or resolve" })
  .nullish();
const share = text
  .regex(/^(?:100|\d{1,2})%$/, "must be a share such as 20%")
  .transform((given) => Number.parseInt(given, 10) / 100)
  .nullish();

const rule = z.strictObject({
  record: text.nullish(),
  alert: text.nullish(),
  expr: text.nullish(),
  for: time,
  keep_firing_for: time,
  labels: texts,
  annotations: texts,
  no_data: noData,
  gap_max: share,
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
  no_data: noData,
  rules: z.array(rule).nullish(),
});

const ruleFile = z.strictObject({ groups: z.array(group).nullish() });

type RawGroup = z.infer<typeof group>;
type RawRule = z.infer<typeof rule>;

/** Where the faults of a file, or of a part of it, go; `path` leads on from there. */
type Report = (path: Path, message: string) => void;

function within(report: Report, ...part: Path): Report {
  return (path, message) => report([...part, ...path], message);
}

/**
 * Prometheus' and Loki's rule files, checked as promtool checks them, plus `no_data` and
 * `gap_max` on alerting rules. All faults of all files are found at once.
 */
export function parseRuleFiles(files: readonly RuleFile[], compile: CompileFn): ParsedRuleFiles {
  const groups: RuleGroup[] = [];
  const faults: Fault[] = [];
  for (const { path: file, text: content } of files) {
    const names = new Set<string>();
    for (const decoded of decodeYamlDocuments(ruleFile, file, content, "text")) {
      if (decoded.value === null) {
        faults.push(...decoded.faults);
        continue;
      }
      const report: Report = (path, message) => {
        faults.push({ file, line: decoded.lineOf(path), path: formatPath(path), message });
      };
      for (const [i, raw] of (decoded.value.groups ?? []).entries()) {
        const ofGroup = within(report, "groups", i);
        const name = raw.name ?? "";
        if (name === "") ofGroup(["name"], "a group must have a name");
        if (names.has(name)) ofGroup(["name"], `the group name "${name}" is repeated in the file`);
        names.add(name);
        groups.push({ file, name, ...readGroup(raw, compile, ofGroup) });
      }
    }
  }
  return { groups: faults.length > 0 ? [] : groups, faults };
}

function readGroup(raw: RawGroup, compile: CompileFn, report: Report) {
  const intervalMs = raw.interval ?? 0;
  if (intervalMs > 0 && intervalMs < INTERVAL_MIN_MS) {
    report(["interval"], `must be at least ${INTERVAL_MIN_MS}ms`);
  }
  const labels = raw.labels ?? {};
  checkLabels(labels, within(report, "labels"));
  const rules = (raw.rules ?? []).map((one, i) => {
    const ofRule = within(report, "rules", i);
    checkLabels(one.labels ?? {}, within(ofRule, "labels"));
    const inherited = { ...one, labels: { ...labels, ...one.labels } };
    return readRule(inherited, { compile, report: ofRule, groupNoData: raw.no_data });
  });
  return {
    intervalMs: intervalMs || null, // 0 means the default, as in Prometheus
    queryOffsetMs: raw.query_offset ?? 0,
    limit: raw.limit ?? 0,
    rules: rules.filter((rule) => rule !== null),
  };
}

type RuleReading = {
  readonly compile: CompileFn;
  readonly report: Report;
  readonly groupNoData: NoDataPolicy | null | undefined;
};

function readRule(raw: RawRule, reading: RuleReading): Rule | null {
  const { compile, report } = reading;
  const isRecord = (raw.record ?? "") !== "";
  const isAlert = (raw.alert ?? "") !== "";
  if (isRecord && isAlert) report([], "only one of record and alert must be set");
  if (!isRecord && !isAlert) report([], "one of record and alert must be set");
  const expr = readExpr(raw.expr ?? "", compile, within(report, "expr"));
  return isAlert ? readAlerting(raw, expr, reading) : readRecording(raw, expr, report);
}

function readExpr(text: string, compile: CompileFn, report: Report): CompiledExpr | null {
  if (text !== "") return attempt(() => compile(text), report);
  report([], "expr must be set");
  return null;
}

function readRecording(
  raw: RawRule,
  expr: CompiledExpr | null,
  report: Report,
): RecordingRule | null {
  const name = raw.record ?? "";
  for (const key of ["for", "keep_firing_for", "annotations", "no_data", "gap_max"] as const) {
    if (isSet(raw[key])) report([key], `${key} is not for a recording rule`);
  }
  if (/[{}]/.test(name)) {
    report(["record"], `braces in the recording rule's name: "${name}"`);
  } else if (name !== "" && !isLabelText(name)) {
    report(["record"], "not a metric name");
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

function readAlerting(
  raw: RawRule,
  expr: CompiledExpr | null,
  { compile, report, groupNoData }: RuleReading,
): AlertingRule | null {
  const name = raw.alert ?? "";
  if (!isLabelText(name)) report(["alert"], "not a label value");
  const labels = readTemplates(raw.labels ?? {}, within(report, "labels"));
  const annotations = readTemplates(raw.annotations ?? {}, within(report, "annotations"));
  if (expr === null) return null;
  // Where nothing was logged there is nothing to alert on; a series that ends may be a lost node.
  const noData = raw.no_data ?? groupNoData ?? (expr.isOfLines ? "resolve" : "keep");
  const gapMax = raw.gap_max ?? null;
  if (gapMax !== null && noData !== "keep") report(["gap_max"], "gap_max is for no_data: keep");
  const forMs = raw.for ?? 0;
  return {
    kind: "alerting",
    name,
    expr,
    forMs,
    keepFiringForMs: raw.keep_firing_for ?? 0,
    noData,
    gapMaxMs: gapMax === null ? null : gapMax * forMs,
    labels,
    annotations,
    ask: async (query, timeMs) => await compile(query).instant(timeMs),
  };
}

function readTemplates(raw: Readonly<Record<string, string>>, report: Report): TemplateLabels {
  const templates: [string, Template][] = [];
  for (const [name, value] of Object.entries(raw).sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (!isLabelText(name) || name === "") report([name], "not a label name");
    const template = attempt(() => compileAlertTemplate(value), within(report, name));
    if (template !== null) templates.push([name, template]);
  }
  return templates;
}

function checkLabels(raw: Readonly<Record<string, string>>, report: Report): void {
  for (const [name, value] of Object.entries(raw)) {
    if (name === "" || name === METRIC_NAME || !isLabelText(name)) {
      report([name], `not a label name: "${name}"`);
    }
    if (!isLabelText(value)) report([name], "not a label value");
  }
}

/** Any UTF-8 text; no NUL, which separates labels within us. */
function isLabelText(value: string): boolean {
  return !/[\0\p{Surrogate}]/u.test(value);
}

/** A fault in place of what was thrown, so that the rest of the file is checked too. */
function attempt<T>(make: () => T, report: Report): T | null {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    report([], errorMessage(error));
    return null;
  }
}
