import type { Matcher } from "../../shared/model/columns.ts";
import { type Labels, labelsFrom, METRIC_NAME } from "../../shared/model/labels.ts";

/** Labels that the matchers fix; one that is matched in several ways is not among them. */
export function fixedLabels(matchers: readonly Matcher[]): Labels {
  const seen = new Set<string>();
  const fixed = new Map<string, string>();
  for (const { name, type, value } of matchers) {
    if (name === METRIC_NAME) continue;
    if (type === "=" && !seen.has(name)) {
      fixed.set(name, value);
      seen.add(name);
    } else {
      fixed.delete(name);
    }
  }
  return labelsFrom(fixed);
}
