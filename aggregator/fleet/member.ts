import type { ClockMeasure } from "../../shared/model/accounts.ts";
import type { NodeAccounts } from "./accounts-state.ts";
import { LEFT, type NodeState } from "./node-state.ts";
import { NO_TARGETS, type ToldTargets } from "./targets-state.ts";

/** Until its agent says how often it ticks. */
const INTERVAL_MS = 1000;

/** What is counted apart, as the names of series call it. */
export type CountedKind = "frames" | "log_blocks";

/** One node. `state` changes only in the fleet's `#step`, what it reports only in NodeReports. */
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
  readonly accounts: Record<CountedKind, NodeAccounts | null>;
  /** Null: it is not connected, or has not measured. */
  clock: ClockMeasure | null;
  /** As its agent told last; not kept over a restart. */
  targets: ToldTargets;
  /** How old its newest tick was when it came. */
  latenessMs: number;
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
    accounts: { frames: null, log_blocks: null },
    clock: null,
    targets: NO_TARGETS,
    latenessMs: 0,
  };
}
