import { OperationalError } from "../../shared/errors.ts";
import { labelsRecord } from "../../shared/model/labels.ts";
import { epochOfSeq } from "../../shared/model/sequence.ts";
import { type SeriesDefinition, scaledValue } from "../../shared/model/series-definition.ts";
import type { KeyValueStore } from "../../shared/platform/ports.ts";
import { parseFrame, StreamDecoder } from "../../shared/wire/frame-decoder.ts";
import { allEntries } from "../queue/entries.ts";
import { readDefinitions } from "./definitions.ts";
import { frameContent } from "./frame-queue.ts";

/** One tick: every series that has a sample at it. */
export type ExportedFrame = {
  readonly seq: number;
  readonly timeMs: number;
  readonly series: readonly Readonly<Record<string, string>>[];
  /** One for each of `series`; null for what JSON has no number for. */
  readonly values: readonly (number | null)[];
};

/** Frames in order, as far as they can be decoded; `left` is called for each that cannot. */
export async function* exportFrames(
  store: KeyValueStore,
  left: (seq: number | null) => void,
): AsyncIterable<ExportedFrame> {
  const decoder = new StreamDecoder();
  for await (const { seq, entry } of allEntries(store, frameContent(store))) {
    if (entry === null) {
      left(seq);
      continue;
    }
    const epoch = epochOfSeq(entry.seq);
    const known = decoder.epoch === epoch ? decoder.seriesKnown : 0;
    const definitions = await readDefinitions(store, epoch, known, entry.seriesCount);
    if (isTaken(decoder, entry.bytes, { epoch, definitions })) {
      yield* exported(decoder, entry.seq);
    } else {
      left(seq);
    }
  }
}

function isTaken(
  decoder: StreamDecoder,
  bytes: Uint8Array,
  table: { readonly epoch: number; readonly definitions: readonly SeriesDefinition[] },
): boolean {
  try {
    decoder.define(table.epoch, table.definitions);
    const frame = parseFrame(bytes);
    if (decoder.check(frame) !== "take") return false;
    decoder.apply(frame);
    return true;
  } catch (error) {
    if (error instanceof OperationalError) return false;
    throw error;
  }
}

/** What the frame just applied says of each reading. */
function* exported(decoder: StreamDecoder, seq: number): Iterable<ExportedFrame> {
  for (const { group, timeMs } of decoder.readings) {
    const series: Record<string, string>[] = [];
    const values: (number | null)[] = [];
    for (const id of decoder.aliveOfGroup(group)) {
      const definition = decoder.definitions[id];
      if (definition === undefined) continue;
      series.push(labelsRecord(definition.labels));
      const value = scaledValue(decoder.values[id] ?? 0, definition.scale);
      values.push(Number.isFinite(value) ? value : null);
    }
    if (series.length > 0) yield { seq, timeMs, series, values };
  }
}
