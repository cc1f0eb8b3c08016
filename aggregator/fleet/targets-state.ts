import {
  type KnownTarget,
  NO_NOTES,
  type TargetNotes,
  type TargetReport,
} from "../../shared/model/target.ts";
import { TARGETS_LENGTH_MAX, TARGETS_MAX } from "../../shared/wire/target-limits.ts";

/** What a node's agent told of its targets. Invariant: `length` is that of all their texts. */
export type ToldTargets = {
  /** By id. */
  readonly targets: ReadonlyMap<number, KnownTarget>;
  readonly notes: TargetNotes;
  readonly length: number;
};

export const NO_TARGETS: ToldTargets = {
  targets: new Map(),
  notes: NO_NOTES,
  length: 0,
};

/** What is known after a report. Targets of an agent that does not keep its bounds are left out. */
export function withTargets(before: ToldTargets, report: TargetReport): ToldTargets {
  const start = report.isFirst ? NO_TARGETS : before;
  const targets = new Map(start.targets);
  let { length } = start;
  const remove = (id: number) => {
    const target = targets.get(id);
    if (target !== undefined) length -= lengthOf(target);
    targets.delete(id);
  };
  for (const id of report.gone) remove(id);
  for (const target of report.targets) {
    remove(target.id);
    const ownLength = lengthOf(target);
    if (targets.size === TARGETS_MAX || length + ownLength > TARGETS_LENGTH_MAX) continue;
    targets.set(target.id, target);
    length += ownLength;
  }
  return { targets, notes: report.notes ?? start.notes, length };
}

function lengthOf({ job, url, labels, discovered, error }: KnownTarget): number {
  const texts = [job, url, error, ...labels, ...discovered];
  return texts.reduce((sum, text) => sum + text.length, 0);
}
