import type { Labels } from "../../../shared/model/labels.ts";

/** The lines of a block, in order of time, of which some may be known not to match a search. */
export type BlockRows = {
  readonly timesUs: Float64Array;
  /** One code unit a byte; null: the line has not all that was searched for. */
  textOf(row: number): string | null;
  metadataOf(row: number): Labels;
};

/** Reads parts of a block. Each rejects with OperationalError PARSE when the part is missing. */
export type BlockParts = {
  bucket(number: number): Promise<Uint8Array>;
  layout(): Promise<Uint8Array>;
  rows(): Promise<Uint8Array>;
  sections(numbers: readonly number[]): Promise<readonly Uint8Array[]>;
};
