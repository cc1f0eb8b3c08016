import type { Accounts, DroppedRange } from "../../shared/model/accounts.ts";
import type { Clock, Logger, Random } from "../../shared/platform/ports.ts";
import type { Metrics } from "../../shared/telemetry/metrics.ts";
import type { AgentMessage } from "../../shared/wire/generated/telltale/v1/AgentMessage.ts";
import type { Welcome__Output } from "../../shared/wire/generated/telltale/v1/Welcome.ts";
import type { ChoicePolicy } from "./choose-state.ts";
import type { Destination } from "./destinations.ts";
import type { UplinkMetrics } from "./uplink-metrics.ts";

export type WaitingEntry = {
  readonly seq: number;
  readonly bytes: Uint8Array;
};

/** A message, and which of the entries that wait it carries. */
export type EntryMessage = {
  readonly message: AgentMessage;
  readonly entries: readonly WaitingEntry[];
};

/** What a kind of session says for entries that wait; one for each connection. */
export type EntryMessages<E> = {
  /** In order. An entry that cannot be sent is left out and dropped. */
  of(entries: readonly E[]): AsyncIterable<EntryMessage>;
  /** What is to be said now besides entries. @param nowMs monotonic */
  beside(nowMs: number): AgentMessage[];
};

/** What a stream carries. */
export type UplinkKind<E> = {
  /** As the hello says it. */
  readonly name: "KIND_METRICS" | "KIND_LOGS";
  /** For a connection on which the aggregator welcomed this agent so. */
  messages(welcome: Welcome__Output, shown: UplinkMetrics): EntryMessages<E>;
};

/** A queue, as the uplink needs it. */
export type UplinkBuffer<E = WaitingEntry> = {
  readonly streamId: string;
  /** 0 where there is none. */
  readonly oldestSeq: number;
  readonly newestSeq: number;
  /** No entry after this one was ever handed out by `read`. */
  readonly handedOutSeq: number;
  readonly accounts: Accounts;
  /** In order; empty when nothing is left up to the `newestSeq` of the call. */
  read(afterSeq: number, entriesMax: number, bytesMax: number): Promise<readonly E[]>;
  ack(seq: number): Promise<void>;
  dropped(seq: number, reason: string): void;
  /** The oldest that were not reported, the same until they are; safe on the disk. */
  droppedRanges(max: number): readonly DroppedRange[];
  /** The aggregator has all up to this id. */
  rangesReported(upTo: number): void;
  renewStream(): Promise<void>;
  changed(signal: AbortSignal): Promise<void>;
};

export type UplinkDeps<E = WaitingEntry> = {
  readonly buffer: UplinkBuffer<E>;
  readonly kind: UplinkKind<E>;
  /** In the order of preference; at least one. */
  readonly destinations: readonly Destination[];
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
};

export type UplinkOptions = {
  readonly node: string;
  readonly agentVersion: string;
  /** Expected time between two ticks. */
  readonly intervalMs: number;
  readonly policy: ChoicePolicy;
};
