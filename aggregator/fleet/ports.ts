import type { VectorSample } from "../../shared/model/columns.ts";

/** Writes what the group is at `timeMs`; what it was before and is not now, ends. */
export type WriteFn = (
  group: string,
  timeMs: number,
  samples: readonly VectorSample[],
) => Promise<void>;

/** What the series store knows of a stream of a node. */
export type StreamPosition = {
  readonly node: string;
  readonly lastTickMs: number;
  readonly seriesAlive: number;
};

export type AgentIdentity = {
  readonly agentVersion: string;
  /** Where it connects from. */
  readonly address: string;
  readonly intervalMs: number;
};

/** What became of a frame. */
export type FrameOutcome =
  | { readonly kind: "stored"; readonly missing: number }
  | { readonly kind: "duplicate" }
  | { readonly kind: "rejected" };

/** A node for people and the API. Times are Unix milliseconds, 0 where there is none. */
export type NodeStatus = {
  readonly name: string;
  /** `awaited`: known, but not heard of since it connected or since the aggregator started. */
  readonly state: "awaited" | "up" | "down" | "left";
  readonly stateSinceMs: number;
  readonly agentVersion: string;
  /** Empty while it is not connected. */
  readonly address: string;
  readonly lastTickMs: number;
  /** Frames since this aggregator started. */
  readonly framesStored: number;
  readonly framesDuplicate: number;
  readonly framesRejected: number;
  readonly framesMissing: number;
  /** Series alive. */
  readonly series: number;
};
