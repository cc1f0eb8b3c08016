import { getOrInsert } from "../../shared/model/get-or-insert.ts";
import {
  dropLabels,
  keepLabels,
  type Labels,
  labelPairs,
  labelsFrom,
  labelsKey,
  labelValue,
  METRIC_NAME,
} from "../../shared/model/labels.ts";
import type { VectorMatching } from "./operators.ts";
import type { StepSeries } from "./step-series.ts";

/** Elements of both sides that may meet: they agree in the labels that the matching compares. */
type MatchGroup = {
  readonly key: Labels;
  readonly left: StepSeries[];
  readonly right: StepSeries[];
};

export function matchGroups(
  left: readonly StepSeries[],
  right: readonly StepSeries[],
  matching: VectorMatching,
): MatchGroup[] {
  const groups = new Map<string, MatchGroup>();
  const keyOf = matchKey(matching);
  for (const one of left) groupOf(groups, keyOf(one.labels)).left.push(one);
  for (const one of right) groupOf(groups, keyOf(one.labels)).right.push(one);
  return [...groups.values()];
}

function groupOf(groups: Map<string, MatchGroup>, key: Labels): MatchGroup {
  return getOrInsert(groups, labelsKey(key), () => ({ key, left: [], right: [] }));
}

function matchKey(matching: VectorMatching): (labels: Labels) => Labels {
  const names = new Set(matching.labels);
  if (matching.isOn) return (labels) => keepLabels(labels, names);
  names.add(METRIC_NAME);
  return (labels) => dropLabels(labels, names);
}

/**
 * The labels of the result of one pair. `many` is the side that keeps its labels; one to one, only
 * those it was matched on stay.
 */
export function resultLabels(many: Labels, one: Labels, matching: VectorMatching): Labels {
  if (matching.many === "none") {
    const names = new Set(matching.labels);
    return matching.isOn ? keepLabels(many, names) : dropLabels(many, names);
  }
  if (matching.include.length === 0) return many;
  const copied = matching.include.map((name) => [name, labelValue(one, name)] as const);
  return labelsFrom([...labelPairs(many), ...copied]);
}
