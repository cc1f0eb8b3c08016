import type { Accounts, DroppedRange } from "../../shared/model/accounts.ts";
import type { SeriesDefinition } from "../../shared/model/series-definition.ts";
import type { Clock, Logger, Random } from "../../shared/platform/ports.ts";
import type { Metrics } from "../../shared/telemetry/metrics.ts";
import type { AgentMessage } from "../../shared/wire/generated/telltale/v1/AgentMessage.ts";
import type { ChoicePolicy } from "./choose-state.ts";
import type { Destination } from "./destinations.ts";

export type WaitingFrame = {
  readonly seq: number;
  readonly bytes: Uint8Array;
  /** Definitions of its epoch that a reader must have: ids below it. */
  readonly seriesCount: number;
};

/** A message, and which of the entries that wait it carries. */
export type EntryMessage = {
  readonly message: AgentMessage;
  readonly entries: readonly WaitingFrame[];
};

/** What a kind of session says for entries that wait; one for each connection. */
export type EntryMessages = {
  /** In order. An entry that cannot be sent is left out and dropped. */
  of(entries: readonly WaitingFrame[]): AsyncIterable<EntryMessage>;
};

/** The queue of frames, as the uplink needs it. */
export type UplinkBuffer = {
  readonly streamId: string;
  /** 0 where there is none. */
  readonly oldestSeq: number;
  readonly newestSeq: number;
  /** No frame after this one was ever handed out by `read`. */
  readonly handedOutSeq: number;
  readonly accounts: Accounts;
  /** In order; empty when nothing is left up to the `newestSeq` of the call. */
  read(afterSeq: number, framesMax: number, bytesMax: number): Promise<readonly WaitingFrame[]>;
  /** Ids from `fromId` to before `toId`; fewer when the next one cannot be read. */
  definitions(epoch: number, fromId: number, toId: number): Promise<readonly SeriesDefinition[]>;
  ack(seq: number): Promise<void>;
  dropped(seq: number, reason: string): void;
  /** The oldest that were not reported, the same until they are; safe on the disk. */
  droppedRanges(max: number): readonly DroppedRange[];
  /** The aggregator has all up to this id. */
  rangesReported(upTo: number): void;
  renewStream(): Promise<void>;
  changed(signal: AbortSignal): Promise<void>;
};

export type UplinkDeps = {
  readonly buffer: UplinkBuffer;
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
