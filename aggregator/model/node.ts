import type { Accounts, DroppedRange } from "../../shared/model/accounts.ts";

/** What an agent says of itself when it connects. */
export type AgentIdentity = {
  readonly agentVersion: string;
  /** Where it connects from. */
  readonly address: string;
  readonly intervalMs: number;
};

/** An agent's accounts beside what was stored here at the ack that they are as of. */
export type AccountsReport = {
  readonly streamId: string;
  readonly reported: Accounts;
  /** Frames of the stream stored here since its record was made; null: not known for that ack. */
  readonly framesStored: number | null;
  /** First of a connection, and what was settled before may lie elsewhere, or was dropped by age. */
  readonly isNewHere: boolean;
};

/** Where the frames, or the blocks of log lines, of a node are: made = stored + waiting + dropped + unaccounted. */
export type NodeAccounting = {
  readonly made: number;
  readonly stored: number;
  readonly waiting: number;
  readonly dropped: readonly { readonly reason: string; readonly frames: number }[];
  readonly unaccounted: number;
  readonly toldMs: number;
  /** The last ones, oldest first. */
  readonly ranges: readonly DroppedRange[];
};

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
  /** Null until its agent has reported its accounts. */
  readonly accounting: NodeAccounting | null;
  /** Of its blocks of log lines. */
  readonly logAccounting: NodeAccounting | null;
  /** Null: not known. */
  readonly clockAheadMs: number | null;
  readonly isClockOff: boolean;
};
