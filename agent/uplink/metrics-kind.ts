import { epochOfSeq } from "../../shared/model/sequence.ts";
import type { SeriesDefinition } from "../../shared/model/series-definition.ts";
import type { AgentMessage } from "../../shared/wire/generated/telltale/v1/AgentMessage.ts";
import type { Welcome__Output } from "../../shared/wire/generated/telltale/v1/Welcome.ts";
import type { TargetBook } from "../model/target-book.ts";
import type {
  EntryMessage,
  EntryMessages,
  UplinkBuffer,
  UplinkKind,
  WaitingEntry,
} from "./ports.ts";
import { TargetReports } from "./target-reports.ts";
import type { UplinkMetrics } from "./uplink-metrics.ts";

/** Definitions that are read from the buffer, and sent in a message, at a time. */
const TABLE_SERIES_MAX = 1000;
export const TABLE_BYTES_MAX = 256 * 1024;

const DEFINITION_BYTES = 16; // ids, lengths and tags, generously

export type WaitingFrame = WaitingEntry & {
  /** Definitions of its epoch that a reader must have: ids below it. */
  readonly seriesCount: number;
};

/** A queue of frames, with the definitions of their series. */
export type FrameBuffer = UplinkBuffer<WaitingFrame> & {
  /** Ids from `fromId` to before `toId`; fewer when the next one cannot be read. */
  definitions(epoch: number, fromId: number, toId: number): Promise<readonly SeriesDefinition[]>;
};

/** Frames, tables of series before the frames that need them, and how the agent's targets do. */
export function metricsKind(buffer: FrameBuffer, targets: TargetBook): UplinkKind<WaitingFrame> {
  return {
    name: "KIND_METRICS",
    messages: (welcome, shown) => {
      return new MetricsMessages(buffer, shown, welcome, new TargetReports(targets));
    },
  };
}

class MetricsMessages implements EntryMessages<WaitingFrame> {
  readonly #buffer: FrameBuffer;
  readonly #shown: UplinkMetrics;
  readonly #targets: TargetReports;
  #knownEpoch: number;
  #knownSeries: number;

  constructor(
    buffer: FrameBuffer,
    shown: UplinkMetrics,
    { epoch, seriesKnown }: Pick<Welcome__Output, "epoch" | "seriesKnown">,
    targets: TargetReports,
  ) {
    this.#buffer = buffer;
    this.#targets = targets;
    this.#shown = shown;
    this.#knownEpoch = epoch;
    this.#knownSeries = seriesKnown;
  }

  /** Frames whose definitions cannot be read any more are dropped as `damaged`. */
  async *of(frames: readonly WaitingFrame[]): AsyncGenerator<EntryMessage> {
    let batch: WaitingFrame[] = [];
    for (const frame of frames) {
      if (this.#lacksSeries(frame)) {
        if (batch.length > 0) yield framesMessage(batch);
        batch = [];
        yield* this.#tables(frame);
        if (this.#lacksSeries(frame)) {
          this.#buffer.dropped(frame.seq, "damaged");
          continue;
        }
      }
      batch.push(frame);
    }
    if (batch.length > 0) yield framesMessage(batch);
  }

  beside(nowMs: number): AgentMessage[] {
    return this.#targets.due(nowMs);
  }

  /** An older epoch than the one the aggregator knows cannot be defined again: it will refuse. */
  #lacksSeries({ seq, seriesCount }: WaitingFrame): boolean {
    const epoch = epochOfSeq(seq);
    return epoch >= this.#knownEpoch && seriesCount > this.#knownOf(epoch);
  }

  #knownOf(epoch: number): number {
    return epoch === this.#knownEpoch ? this.#knownSeries : 0;
  }

  /** Up to the first definition that cannot be read. */
  async *#tables({ seq, seriesCount }: WaitingFrame): AsyncGenerator<EntryMessage> {
    const epoch = epochOfSeq(seq);
    let known = this.#knownOf(epoch);
    while (known < seriesCount) {
      const endId = Math.min(seriesCount, known + TABLE_SERIES_MAX);
      const definitions = await this.#buffer.definitions(epoch, known, endId);
      for (const table of seriesTables(definitions)) {
        known += table.length;
        this.#knownEpoch = epoch;
        this.#knownSeries = known;
        this.#shown.series.add(table.length);
        const series = table.map((one) => ({ ...one, labels: [...one.labels] }));
        yield { message: { series: { epoch, series } }, entries: [] };
      }
      if (known < endId) return;
    }
  }
}

function framesMessage(entries: readonly WaitingFrame[]): EntryMessage {
  return { message: { frames: { frame: entries.map(({ bytes }) => bytes) } }, entries };
}

/** Cuts definitions into messages of a bounded size; one that alone is larger goes alone. */
export function seriesTables(
  definitions: readonly SeriesDefinition[],
): readonly (readonly SeriesDefinition[])[] {
  const tables: SeriesDefinition[][] = [];
  let table: SeriesDefinition[] = [];
  let bytes = 0;
  for (const definition of definitions) {
    const size = definition.labels.reduce(
      (sum, text) => sum + Buffer.byteLength(text) + 3,
      DEFINITION_BYTES,
    );
    const isFull = table.length >= TABLE_SERIES_MAX || bytes + size > TABLE_BYTES_MAX;
    if (isFull && table.length > 0) {
      tables.push(table);
      table = [];
      bytes = 0;
    }
    table.push(definition);
    bytes += size;
  }
  if (table.length > 0) tables.push(table);
  return tables;
}
