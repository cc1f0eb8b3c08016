import { z } from "zod";
import { type Report, reportTo } from "../../../shared/config/report.ts";
import { errorMessage } from "../../../shared/errors.ts";
import { isLabelName } from "../label-names.ts";
import { compileWhole } from "../relabel-pattern.ts";
import { RELABEL_DEFAULTS, type RelabelAction, type RelabelRule } from "../relabel-rule.ts";

const RULES_MAX = 1000;
const ACTIONS = [
  "replace",
  "keep",
  "drop",
  "keepequal",
  "dropequal",
  "hashmod",
  "labelmap",
  "labeldrop",
  "labelkeep",
  "lowercase",
  "uppercase",
] as const satisfies readonly RelabelAction[];

const labelName = z.string().max(1024).refine(isLabelName, "not the name of a label");

const relabelRule = z
  .strictObject({
    action: z
      .string()
      .transform((text) => text.toLowerCase())
      .pipe(z.enum(ACTIONS, { error: `must be one of ${ACTIONS.join(", ")}` }))
      .optional(),
    source_labels: z.array(labelName).max(64).optional(),
    separator: z.string().max(1024).optional(),
    regex: z.string().max(16_384).optional(),
    modulus: z.number().int().nonnegative().optional(),
    target_label: z.string().max(1024).optional(),
    replacement: z.string().max(4096).optional(),
  })
  .transform((raw, context): RelabelRule => {
    const rule = {
      action: raw.action ?? RELABEL_DEFAULTS.action,
      sourceLabels: raw.source_labels ?? RELABEL_DEFAULTS.sourceLabels,
      separator: raw.separator ?? RELABEL_DEFAULTS.separator,
      regex: raw.regex ?? RELABEL_DEFAULTS.regex,
      modulus: raw.modulus ?? RELABEL_DEFAULTS.modulus,
      targetLabel: raw.target_label ?? RELABEL_DEFAULTS.targetLabel,
      replacement: raw.replacement ?? RELABEL_DEFAULTS.replacement,
    };
    checkRule(rule, reportTo(context));
    return rule;
  });

export const relabelRules = z.array(relabelRule).max(RULES_MAX);

/** The name of a label, or one with references such as `$1` in it. */
function isNameTemplate(text: string): boolean {
  // Piece by piece: one pattern for it all would backtrack without end.
  const pieces = text.split(/(\$\{\w+\}|\$\w+)/);
  const isPlain = pieces.every((piece, index) => index % 2 === 1 || /^\w*$/.test(piece));
  return isPlain && text !== "" && !/^[0-9]/.test(text);
}

const TARGETED: ReadonlySet<RelabelAction> = new Set([
  "replace",
  "hashmod",
  "lowercase",
  "uppercase",
  "keepequal",
  "dropequal",
]);

/** What an action has no use for: whoever sets it means another one. */
const UNUSED: ReadonlyMap<RelabelAction, readonly (keyof RelabelRule)[]> = new Map([
  ["lowercase", ["replacement"]],
  ["uppercase", ["replacement"]],
  ["keepequal", ["regex", "modulus", "separator", "replacement"]],
  ["dropequal", ["regex", "modulus", "separator", "replacement"]],
  ["labeldrop", ["sourceLabels", "targetLabel", "modulus", "separator", "replacement"]],
  ["labelkeep", ["sourceLabels", "targetLabel", "modulus", "separator", "replacement"]],
]);

const KEYS: Readonly<Record<keyof RelabelRule, string>> = {
  action: "action",
  sourceLabels: "source_labels",
  separator: "separator",
  regex: "regex",
  modulus: "modulus",
  targetLabel: "target_label",
  replacement: "replacement",
};

function checkRule(rule: RelabelRule, report: Report): void {
  const { action, targetLabel } = rule;
  try {
    compileWhole(rule.regex);
  } catch (error) {
    report(errorMessage(error), ["regex"]);
  }
  if (TARGETED.has(action)) {
    if (targetLabel === "") report(`${action} needs a target_label`);
    else if (!(action === "replace" ? isNameTemplate(targetLabel) : isLabelName(targetLabel))) {
      report("not the name of a label", ["target_label"]);
    }
  }
  if (action === "hashmod" && rule.modulus === 0) report("hashmod needs a modulus over 0");
  if (action === "labelmap" && !isNameTemplate(rule.replacement)) {
    report("not the name of a label", ["replacement"]);
  }
  for (const field of UNUSED.get(action) ?? []) {
    if (String(rule[field]) === String(RELABEL_DEFAULTS[field])) continue;
    report(`${action} has no use for it`, [KEYS[field]]);
  }
}
