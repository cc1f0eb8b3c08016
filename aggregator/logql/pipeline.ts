import type { RE2JS } from "re2js";
import { errorMessage, OperationalError } from "../../shared/errors.ts";
import { compileMatcher } from "../matching/matcher.ts";
import { compilePattern } from "../matching/pattern.ts";
import { atPlace } from "../query/query-error.ts";
import { compileTemplate, renderTemplate, type Template } from "../template/template.ts";
import type { LabelChoice, LabelFormat, Stage } from "./ast.ts";
import { jsonFields, jsonPaths, type LineStage, unpackFields } from "./json-stages.ts";
import { labelTest, looksAtErrors } from "./label-filter.ts";
import { lineFilterTest } from "./line-filter.ts";
import type { LineLabels } from "./line-labels.ts";
import { patternFields } from "./line-pattern.ts";
import { logfmtFields } from "./logfmt-stage.ts";
import { type CurrentLine, LINE_OUTPUT_MAX, lineTemplateNames } from "./template-functions.ts";

/**
 * The stages of a pipeline as one; it is used by one query at a time.
 * @throws OperationalError QUERY with the place of a stage whose pattern, path or template is wrong
 */
export function compileStages(stages: readonly Stage[]): LineStage {
  const compiled = stages.map((stage) => atPlace(stage.place, () => compileStage(stage)));
  return (line, labels, timeUs) => {
    let text: string | null = line;
    for (let i = 0; i < compiled.length && text !== null; i += 1) {
      text = compiled[i]?.(text, labels, timeUs) ?? null;
    }
    return text;
  };
}

/** About as many units of work as it takes to look for a text, and to parse, by the character. */
const LOOK_WEIGHT = 0.1;
const PARSE_WEIGHT = 6;

/** What stages take for each character of a line, in units of the meter's work. */
export function stagesWeight(stages: readonly Stage[]): number {
  let weight = LOOK_WEIGHT;
  for (const stage of stages) {
    const isLook = stage.kind === "line-filter" && !stage.op.endsWith("~");
    weight += isLook || stage.kind === "label-filter" ? LOOK_WEIGHT : PARSE_WEIGHT;
  }
  return weight;
}

function compileStage(stage: Stage): LineStage {
  switch (stage.kind) {
    case "line-filter": {
      const test = lineFilterTest(stage);
      return (line) => (test(line) ? line : null);
    }
    case "label-filter": {
      const test = labelTest(stage.filter);
      const isOfErrors = looksAtErrors(stage.filter);
      return (line, labels) => {
        if (!test(labels)) return null;
        if (isOfErrors && labels.error !== "") labels.isErrorWanted = true;
        return line;
      };
    }
    case "json":
      return stage.fields.length === 0 ? jsonFields() : jsonPaths(stage.fields);
    case "logfmt":
      return logfmtFields(stage);
    case "pattern":
      return patternFields(stage.text);
    case "regexp":
      return regexpGroups(stage.text);
    case "unpack":
      return unpackFields();
    case "decolorize":
      return (line) => (line.includes("\u001b") ? line.replace(ANSI, "") : line);
    case "line_format":
      return lineFormat(stage.text);
    case "label_format":
      return labelFormat(stage.formats);
    case "drop":
      return dropLabels(stage.choices);
    case "keep":
      return keepLabels(stage.choices);
  }
}

/** Control sequences: CSI (colours among them), and OSC up to its end. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const ANSI = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[@-Z\\^_])/g;

/** `| regexp "…"`: named groups become labels. Where it is not found there are none. */
function regexpGroups(text: string): LineStage {
  const compiled = compilePattern(text, 0);
  const groups = namedGroups(compiled);
  if (groups.length === 0) {
    throw new OperationalError("PARSE", `no named group in "${text}" (write it as (?P<name>…))`);
  }
  return (line, labels) => {
    const matcher = compiled.matcher(line);
    if (!matcher.find()) return line;
    for (const [name, index] of groups) labels.extract(name, matcher.group(index) ?? "");
    return line;
  };
}

function namedGroups(compiled: RE2JS): [string, number][] {
  return Object.entries(compiled.namedGroups());
}

/** A template that fails leaves `__error__`, and null. */
function render(template: Template, labels: LineLabels): string | null {
  try {
    const root = { kind: "labels", labels: labels.labels() } as const;
    return renderTemplate(template, [["$", root]], LINE_OUTPUT_MAX);
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    labels.setError("TemplateFormatErr", errorMessage(error));
    return null;
  }
}

function lineFormat(text: string): LineStage {
  const current: CurrentLine = { line: "", timeUs: 0 };
  const template = compileTemplate(text, lineTemplateNames(current));
  return (line, labels, timeUs) => {
    current.line = line;
    current.timeUs = timeUs;
    return render(template, labels) ?? line;
  };
}

function labelFormat(formats: readonly LabelFormat[]): LineStage {
  const current: CurrentLine = { line: "", timeUs: 0 };
  const names = lineTemplateNames(current);
  const works = formats.map(({ name, value }) => {
    if (value.kind === "rename") return (labels: LineLabels) => rename(labels, value.from, name);
    const template = compileTemplate(value.text, names);
    return (labels: LineLabels) => {
      const text = render(template, labels);
      if (text !== null) labels.set(name, text);
    };
  });
  return (line, labels, timeUs) => {
    current.line = line;
    current.timeUs = timeUs;
    for (const work of works) work(labels);
    return line;
  };
}

/** A label that is absent is no name for another one. */
function rename(labels: LineLabels, from: string, to: string): void {
  const value = labels.get(from);
  if (value === "") return;
  labels.set(to, value);
  if (from !== to) labels.delete(from);
}

type Choice = { readonly name: string; readonly test: (value: string) => boolean };

function compileChoices(choices: readonly LabelChoice[]): Choice[] {
  return choices.map(({ name, matcher }) => {
    return { name, test: matcher === null ? () => true : compileMatcher(matcher).test };
  });
}

function dropLabels(choices: readonly LabelChoice[]): LineStage {
  const compiled = compileChoices(choices);
  return (line, labels) => {
    for (const { name, test } of compiled) {
      if (test(labels.get(name))) labels.delete(name);
    }
    return line;
  };
}

function keepLabels(choices: readonly LabelChoice[]): LineStage {
  const compiled = compileChoices(choices);
  return (line, labels) => {
    labels.keepOnly((name, value) =>
      compiled.some((choice) => choice.name === name && choice.test(value)),
    );
    return line;
  };
}
