import { errorMessage, OperationalError } from "../../shared/errors.ts";
import type { Labels } from "../../shared/model/labels.ts";
import {
  ALERT_FUNCTIONS,
  type Evaluation,
  evaluationFunctions,
  TEMPLATE_OUTPUT_MAX,
} from "./alert-functions.ts";
import type { TemplateFunction } from "./functions.ts";
import type { TemplateValue } from "./go-format.ts";
import type { TemplateNames } from "./parse.ts";
import { compileTemplate, renderTemplate, type Template } from "./template.ts";

/** Templates in the labels and annotations of alerts. */

/** What a label or an annotation of one alert is made from. */
export type TemplateData = {
  readonly labels: Labels;
  readonly value: number;
  readonly externalLabels: Labels;
};

/** For `$externalURL` and the functions of an evaluation. */
export type AlertTemplates = {
  readonly evaluation: Evaluation;
  readonly functions: ReadonlyMap<string, TemplateFunction>;
};

/** What an evaluation expands its templates with. */
export function alertTemplates(evaluation: Evaluation): AlertTemplates {
  return { evaluation, functions: evaluationFunctions(evaluation) };
}

const UNKNOWN: Evaluation = { query: () => [], timeMs: 0, externalUrl: "" };

const NAMES: TemplateNames = {
  variables: ["$", "$labels", "$externalLabels", "$externalURL", "$value"],
  functions: new Map([...ALERT_FUNCTIONS, ...evaluationFunctions(UNKNOWN)]),
  unsupported: new Set(["call", "tmpl"]),
};

/** @throws OperationalError PARSE with line and column in the template */
export function compileAlertTemplate(text: string): Template {
  return compileTemplate(text, NAMES);
}

/** Never throws: a template that fails gives `<error expanding template: …>`, as in Prometheus. */
export function expandAlertTemplate(
  template: Template,
  data: TemplateData,
  { evaluation, functions }: AlertTemplates,
): string {
  try {
    const variables = variablesOf(data, evaluation.externalUrl);
    return renderTemplate(template, variables, TEMPLATE_OUTPUT_MAX, { functions });
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    return `<error expanding template: ${errorMessage(error)}>`;
  }
}

function variablesOf(
  data: TemplateData,
  externalUrl: string,
): [name: string, value: TemplateValue][] {
  const labels = { kind: "labels", labels: data.labels } as const;
  const externalLabels = { kind: "labels", labels: data.externalLabels } as const;
  const fields = new Map<string, TemplateValue>([
    ["Labels", labels],
    ["ExternalLabels", externalLabels],
    ["ExternalURL", externalUrl],
    ["Value", data.value],
  ]);
  return [
    ["$", { kind: "fields", fields }],
    ["$labels", labels],
    ["$externalLabels", externalLabels],
    ["$externalURL", externalUrl],
    ["$value", data.value],
  ];
}
