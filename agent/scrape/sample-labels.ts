import { type Labels, labelPairs, labelsFrom, labelValue } from "../../shared/model/labels.ts";

const EXPORTED = "exported_";

/**
 * The labels of a sample with those of its target, as Prometheus joins them: where both have one, the
 * target's stands and the sample's gets the prefix `exported_`; with `honor_labels` the sample's stands.
 * Source: prometheus.io/docs, "Configuration", honor_labels.
 */
export function sampleLabels(own: Labels, target: Labels, honorsOwn: boolean): Labels {
  if (honorsOwn) return labelsFrom([...labelPairs(target), ...labelPairs(own)]);
  const labels = new Map([...labelPairs(own), ...labelPairs(target)]);
  const clashing = labelPairs(own).filter(([name]) => labelValue(target, name) !== "");
  // Short names first, so that which of two gets which name does not depend on their order.
  clashing.sort(([a], [b]) => a.length - b.length);
  for (const [name, value] of clashing) {
    let free = EXPORTED + name;
    while (labels.has(free)) free = EXPORTED + free;
    labels.set(free, value);
  }
  return labelsFrom(labels);
}
