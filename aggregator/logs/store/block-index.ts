import { OperationalError } from "../../../shared/errors.ts";
import { ByteReader, ByteWriter, checkedBody } from "../../../shared/wire/bytes.ts";
import { readSignature, type Signature, signatureAdmits } from "./signature.ts";
import type { Origin } from "./streams.ts";
import { FILTERED_LENGTH_MIN, hashOf, type NeedleToken } from "./tokens.ts";

/** Lines of one block. */
export const BLOCK_LINES_MAX = 65_536;

/** What a section's tokens are like; without any, `lengthMax` is 0. */
export type SectionStamp = {
  readonly classes: number;
  readonly lengthMin: number;
  readonly lengthMax: number;
  /** Its tokens are in the block's filter. */
  readonly isFiltered: boolean;
};

/** What a search reads of each block first. Times are Unix microseconds, both inclusive. */
export type BlockIndex = {
  readonly lineCount: number;
  readonly firstUs: number;
  readonly lastUs: number;
  /** Of all other parts of the block. */
  readonly bytes: number;
  /** Where its first line was received. */
  readonly origin: Origin;
  readonly bucketCount: number;
  readonly signature: Uint8Array;
  readonly sections: readonly SectionStamp[];
};

const FORMAT = 1;
const FILTERED = 0x80;

export function writeBlockIndex(
  index: Omit<BlockIndex, "signature">,
  signature: Signature,
): Uint8Array {
  const writer = new ByteWriter(2048);
  writer.byte(FORMAT);
  writer.varint(index.lineCount);
  writer.double(index.firstUs);
  writer.double(index.lastUs);
  writer.varint(index.bytes);
  writer.varint(index.origin.stream);
  writer.varint(index.origin.seq);
  writer.varint(index.bucketCount);
  writer.varint(index.sections.length);
  for (const { classes, lengthMin, lengthMax, isFiltered } of index.sections) {
    writer.byte(classes | (isFiltered ? FILTERED : 0));
    writer.varint(lengthMin);
    writer.varint(lengthMax);
  }
  signature.write(writer);
  return writer.finish();
}

/** @throws OperationalError PARSE when these are not bytes that `writeBlockIndex` made */
export function readBlockIndex(bytes: Uint8Array): BlockIndex {
  const reader = new ByteReader(checkedBody(bytes, "block index"), "block index");
  const format = reader.byte();
  if (format !== FORMAT) throw new OperationalError("PARSE", `block index of format ${format}`);
  const lineCount = reader.varint();
  if (lineCount === 0 || lineCount > BLOCK_LINES_MAX) {
    throw new OperationalError("PARSE", `block index of ${lineCount} lines`);
  }
  const [firstUs, lastUs] = [reader.double(), reader.double()];
  const bytesOfParts = reader.varint();
  const origin = { stream: reader.varint(), seq: reader.varint() };
  const bucketCount = reader.varint();
  const sections: SectionStamp[] = [];
  for (let left = reader.count(3); left > 0; left -= 1) {
    const bits = reader.byte();
    const [lengthMin, lengthMax] = [reader.varint(), reader.varint()];
    const isFiltered = (bits & FILTERED) !== 0;
    sections.push({ classes: bits & ~FILTERED, lengthMin, lengthMax, isFiltered });
  }
  const signature = readSignature(reader);
  reader.end();
  const range = { lineCount, firstUs, lastUs, bytes: bytesOfParts, origin };
  return { ...range, bucketCount, signature, sections };
}

/** Where a token of a needle may be. */
export type TokenPlaces = {
  readonly token: string;
  readonly isInLayout: boolean;
  /** Sections whose tokens may have it in them, though they are not it. */
  readonly sections: readonly number[];
  /** Sections that may have it as a token, if the filter says so. */
  readonly filtered: readonly number[];
};

/** By the index alone; a token for which all three are empty is in no line of the block. */
export function placesOf(index: BlockIndex, token: NeedleToken): TokenPlaces {
  const { text, classes, isWhole } = token;
  const sections: number[] = [];
  const filtered: number[] = [];
  for (const [number, stamp] of index.sections.entries()) {
    if ((classes & ~stamp.classes) !== 0 || stamp.lengthMax < text.length) continue;
    const canBeWhole = stamp.lengthMin <= text.length;
    const canBePart = !isWhole && stamp.lengthMax > text.length;
    const isAsked = stamp.isFiltered && text.length >= FILTERED_LENGTH_MIN;
    if (canBePart || (canBeWhole && !isAsked)) sections.push(number);
    else if (canBeWhole) filtered.push(number);
  }
  return { token: text, isInLayout: signatureAdmits(index.signature, text), sections, filtered };
}

export function tokenHash(token: string): number {
  return hashOf(token, 0, token.length);
}
