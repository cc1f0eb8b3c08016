import type { Labels } from "../../shared/model/labels.ts";
import { NEWLINE_BYTES, type SourceColumns } from "../../shared/wire/line-block.ts";
import type { StoredSource } from "./records.ts";

/** All that one queue of a node sent, and how far. */
export type LineStream = {
  readonly number: number;
  readonly node: string;
  readonly streamId: string;
  lastSeq: number;
  blocksStored: number;
};

/** A block as its agent sent it that is safe, and what of it is in memory. */
export type StoredBlock = {
  readonly stream: LineStream;
  readonly seq: number;
  readonly sources: readonly StoredSource[];
  /** In the store. */
  readonly bytes: number;
};

/** Bytes that a block takes besides its own: its summary, twice, as it is in memory too. */
const SUMMARY_BYTES = 1024;

/** What it costs to keep the block as it is. */
export function costOf({ bytes }: StoredBlock): number {
  return bytes + SUMMARY_BYTES;
}

/** @param labels under which the lines are kept */
export function storedSource({ starts, timesUs }: SourceColumns, labels: Labels): StoredSource {
  let minUs = timesUs[0] ?? 0;
  let maxUs = minUs;
  for (let i = 1; i < timesUs.length; i += 1) {
    const timeUs = timesUs[i] as number;
    if (timeUs < minUs) minUs = timeUs;
    if (timeUs > maxUs) maxUs = timeUs;
  }
  const lineCount = timesUs.length;
  const textBytes = (starts[lineCount] ?? 0) - (starts[0] ?? 0) - lineCount * NEWLINE_BYTES;
  return { labels, lineCount, textBytes, minUs, maxUs };
}
