import type { NodeStatus } from "../model/node.ts";
import { LEFT, type NodeState } from "./node-state.ts";

/** Until its agent says how often it ticks. */
const INTERVAL_MS = 1000;

/** One node. `state` changes only in the fleet's `#step`. */
export type Member = {
  readonly name: string;
  state: NodeState;
  stateSinceMs: number;
  agentVersion: string;
  address: string;
  intervalMs: number;
  connections: number;
  lastTickMs: number;
  isSaved: boolean;
  readonly frames: { stored: number; duplicate: number; rejected: number; missing: number };
};

export function newMember(name: string, nowMs: number): Member {
  return {
    name,
    state: LEFT,
    stateSinceMs: nowMs,
    agentVersion: "",
    address: "",
    intervalMs: INTERVAL_MS,
    connections: 0,
    lastTickMs: 0,
    isSaved: false,
    frames: { stored: 0, duplicate: 0, rejected: 0, missing: 0 },
  };
}

/** What there is to say of it, beside its series and its agent's reports. */
export function memberStatus(
  member: Member,
): Omit<NodeStatus, "series" | "accounting" | "clockAheadMs" | "isClockOff"> {
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
  };
}
