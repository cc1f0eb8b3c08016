import { createHash } from "node:crypto";
import { type Labels, labelPairs, labelsFrom } from "../../shared/model/labels.ts";
import { isLabelName } from "./label-names.ts";
import { compileWhole } from "./relabel-pattern.ts";
import { RELABEL_DEFAULTS, type RelabelAction, type RelabelRule } from "./relabel-rule.ts";
import { readTemplate } from "./relabel-template.ts";

/** The labels after all rules; null: a rule dropped what they are of. */
export type Relabel = (labels: Labels) => Labels | null;

/** Changes the labels; false: dropped. An empty value is as if the label were not there. */
type Step = (labels: Map<string, string>) => boolean;

/**
 * `relabel_configs` and `metric_relabel_configs`, rule by rule as Prometheus applies them. Everything
 * that the rules alone decide is done once, here.
 * Source: prometheus.io/docs, "Configuration", relabel_config.
 * @throws OperationalError CONFIG when a pattern is not a regular expression
 */
export function compileRelabel(rules: readonly RelabelRule[]): Relabel {
  const steps = rules.map((rule) => STEPS[rule.action](rule));
  if (steps.length === 0) return (labels) => labels;
  return (labels) => {
    const changed = new Map(labelPairs(labels));
    for (const step of steps) if (!step(changed)) return null;
    return labelsFrom(changed);
  };
}

const STEPS: Readonly<Record<RelabelAction, (rule: RelabelRule) => Step>> = {
  replace,
  keep: (rule) => {
    const [value, pattern] = [joinedValue(rule), compileWhole(rule.regex)];
    return (labels) => pattern.matches(value(labels));
  },
  drop: (rule) => {
    const [value, pattern] = [joinedValue(rule), compileWhole(rule.regex)];
    return (labels) => !pattern.matches(value(labels));
  },
  keepequal: (rule) => {
    const value = joinedValue(rule);
    return (labels) => (labels.get(rule.targetLabel) ?? "") === value(labels);
  },
  dropequal: (rule) => {
    const value = joinedValue(rule);
    return (labels) => (labels.get(rule.targetLabel) ?? "") !== value(labels);
  },
  hashmod: (rule) => setTo(rule, (value) => hashModulo(value, rule.modulus)),
  lowercase: (rule) => setTo(rule, (value) => value.toLowerCase()),
  uppercase: (rule) => setTo(rule, (value) => value.toUpperCase()),
  labelmap: mapNames,
  labeldrop: ({ regex }) => {
    const pattern = compileWhole(regex);
    return filterNames((name) => !pattern.matches(name));
  },
  labelkeep: ({ regex }) => {
    const pattern = compileWhole(regex);
    return filterNames((name) => pattern.matches(name));
  },
};

/** The values of the source labels, joined. */
function joinedValue({ sourceLabels, separator }: RelabelRule) {
  return (labels: ReadonlyMap<string, string>): string => {
    return sourceLabels.map((name) => labels.get(name) ?? "").join(separator);
  };
}

function replace(rule: RelabelRule): Step {
  const value = joinedValue(rule);
  const [target, replacement] = [readTemplate(rule.targetLabel), readTemplate(rule.replacement)];
  const isUnconditional = rule.regex === RELABEL_DEFAULTS.regex && rule.sourceLabels.length === 0;
  if (isUnconditional && target.constant !== null && replacement.constant !== null) {
    const { constant } = replacement;
    return (labels) => setLabel(labels, rule.targetLabel, constant);
  }
  const pattern = compileWhole(rule.regex);
  return (labels) => {
    const groups = pattern.match(value(labels));
    if (groups === null) return true;
    return setLabel(labels, target.expand(groups), replacement.expand(groups));
  };
}

function setTo(rule: RelabelRule, change: (value: string) => string): Step {
  const value = joinedValue(rule);
  return (labels) => setLabel(labels, rule.targetLabel, change(value(labels)));
}

/** A name that no label can have changes nothing. */
function setLabel(labels: Map<string, string>, name: string, value: string): true {
  if (!isLabelName(name)) return true;
  if (value === "") labels.delete(name);
  else labels.set(name, value);
  return true;
}

function mapNames({ regex, replacement }: RelabelRule): Step {
  const [pattern, target] = [compileWhole(regex), readTemplate(replacement)];
  return (labels) => {
    // In the order of names, so that of two that become one it is always the same that stands.
    const before = labelPairs(labelsFrom(labels));
    for (const [name, value] of before) {
      const groups = pattern.match(name);
      if (groups !== null) setLabel(labels, target.expand(groups), value);
    }
    return true;
  };
}

function filterNames(isKept: (name: string) => boolean): Step {
  return (labels) => {
    for (const name of [...labels.keys()]) if (!isKept(name)) labels.delete(name);
    return true;
  };
}

/** By the last eight bytes of the MD5, as Prometheus does, so that both share out targets alike. */
function hashModulo(value: string, modulus: number): string {
  const hash = createHash("md5").update(value).digest().readBigUInt64BE(8);
  return String(hash % BigInt(modulus));
}
