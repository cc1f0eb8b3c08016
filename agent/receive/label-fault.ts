import {
  compareText,
  isLabelText,
  type Labels,
  labelValue,
  METRIC_NAME,
} from "../../shared/model/labels.ts";
import {
  FOREIGN_LABELS_MAX,
  LABEL_NAME_LENGTH_MAX,
  LABEL_VALUE_LENGTH_MAX,
} from "../../shared/wire/label-limits.ts";

const NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const METRIC = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;

export type LabelFault = "labels" | "label_length" | "label_text";

/** Why a series with these labels cannot be taken; null: it can. */
export function labelFault(labels: Labels): LabelFault | null {
  if (labels.length > 2 * FOREIGN_LABELS_MAX) return "labels";
  if (!METRIC.test(labelValue(labels, METRIC_NAME))) return "label_text";
  let before = "";
  for (let i = 0; i < labels.length; i += 2) {
    const [name = "", value = ""] = [labels[i], labels[i + 1]];
    if (name.length > LABEL_NAME_LENGTH_MAX) return "label_length";
    if (value.length > LABEL_VALUE_LENGTH_MAX) return "label_length";
    if (!NAME.test(name) || value === "" || !isLabelText(value)) return "label_text";
    if (compareText(before, name) >= 0) return "label_text";
    before = name;
  }
  return null;
}
