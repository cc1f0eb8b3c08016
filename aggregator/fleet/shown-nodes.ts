import { compareText } from "../../shared/model/labels.ts";
import type { StreamStatus } from "../model/commit.ts";
import type { NodeStatus } from "../model/node.ts";
import type { NodeTargets } from "../model/node-targets.ts";
import type { Member } from "./member.ts";
import type { NodeReports } from "./node-reports.ts";
import { NO_TARGETS } from "./targets-state.ts";

/** Sorted by name. */
export function nodeStatuses(
  members: Iterable<Member>,
  streams: readonly StreamStatus[],
  reports: NodeReports,
): NodeStatus[] {
  const seriesOf = new Map<string, number>();
  for (const { node, seriesAlive } of streams) {
    seriesOf.set(node, (seriesOf.get(node) ?? 0) + seriesAlive);
  }
  return sorted(members).map((member) => {
    const { name, state, stateSinceMs, agentVersion, address, lastTickMs, frames } = member;
    return {
      name,
      state: state.kind,
      stateSinceMs,
      agentVersion,
      address,
      lastTickMs,
      framesStored: frames.stored,
      framesDuplicate: frames.duplicate,
      framesRejected: frames.rejected,
      framesMissing: frames.missing,
      series: seriesOf.get(name) ?? 0,
      ...reports.status(member),
    };
  });
}

/** Of those that told of any, sorted by name. */
export function targetsOfNodes(members: Iterable<Member>): NodeTargets[] {
  const told = sorted(members).filter(({ targets }) => targets !== NO_TARGETS);
  return told.map(({ name, state, lastTickMs, targets }) => ({
    node: name,
    isUp: state.kind === "up",
    toldMs: lastTickMs,
    targets: [...targets.targets.values()],
    notes: targets.notes,
  }));
}

function sorted(members: Iterable<Member>): Member[] {
  return [...members].sort((a, b) => compareText(a.name, b.name));
}
