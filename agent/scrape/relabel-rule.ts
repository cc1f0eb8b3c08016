/** `relabel_config`, checked and with its defaults filled in. */

export type RelabelAction =
  | "replace"
  | "keep"
  | "drop"
  | "keepequal"
  | "dropequal"
  | "hashmod"
  | "labelmap"
  | "labeldrop"
  | "labelkeep"
  | "lowercase"
  | "uppercase";

export type RelabelRule = {
  readonly action: RelabelAction;
  readonly sourceLabels: readonly string[];
  readonly separator: string;
  /** In RE2's syntax, to match the whole value. */
  readonly regex: string;
  /** 0 but for hashmod. */
  readonly modulus: number;
  readonly targetLabel: string;
  readonly replacement: string;
};

export const RELABEL_DEFAULTS: RelabelRule = {
  action: "replace",
  sourceLabels: [],
  separator: ";",
  regex: "(.*)",
  modulus: 0,
  targetLabel: "",
  replacement: "$1",
};
