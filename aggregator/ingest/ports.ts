import type { ClockMeasure, DroppedRange } from "../../shared/model/accounts.ts";
import type { TargetReport } from "../../shared/model/target.ts";
import type { CommitItem, CommitOutcome, FrameOutcome, StreamPosition } from "../model/commit.ts";
import type { AccountsReport, AgentIdentity } from "../model/node.ts";

export type IngestStore = {
  position(node: string, streamId: string): StreamPosition;
  /**
   * Resolves, with an outcome for each item, when all are on the disk; nothing is visible before.
   * Calls of one owner resolve in their order.
   * @throws OperationalError STORAGE when nothing of it was taken, and nothing of what waits behind it
   */
  commit(items: readonly CommitItem[], owner: object): Promise<readonly CommitOutcome[]>;
  /** Takes back what the owner has waiting: those calls reject. What is being written goes on. */
  withdraw(owner: object): void;
  /** Resolves when there is room for what another message of the stream brings. */
  room(node: string, streamId: string): Promise<void>;
  /** How much of what can be taken is in use, in permille. */
  load(): number;
};

/** Who wants to know how the nodes stand. Every `connected` has its `disconnected`. */
export type IngestEvents = {
  /** Whether a node has this name. */
  isNode(name: string): boolean;
  /** @throws OperationalError LIMIT when the node cannot be taken */
  connected(node: string, identity: AgentIdentity): void;
  committed(node: string, outcome: FrameOutcome): void;
  accounted(node: string, report: AccountsReport): void;
  droppedRanges(node: string, ranges: readonly DroppedRange[]): void;
  clockMeasured(node: string, measure: ClockMeasure): void;
  targetsTold(node: string, report: TargetReport): void;
  goodbye(node: string): void;
  disconnected(node: string): void;
};
