import type { KnownTarget, TargetNotes } from "../../shared/model/target.ts";

/** What a node's agent told of its targets. */
export type NodeTargets = {
  readonly node: string;
  /** False: it is as `toldMs` had it. */
  readonly isUp: boolean;
  /** When the agent was last heard of, Unix milliseconds. */
  readonly toldMs: number;
  /** By id. */
  readonly targets: readonly KnownTarget[];
  readonly notes: TargetNotes;
};
