import { OperationalError } from "../../../shared/errors.ts";
import { ByteReader, ByteWriter, checkedBody } from "../../../shared/wire/bytes.ts";
import { readSignature, type Signature, signatureAdmits } from "./signature.ts";
import type { Origin } from "./streams.ts";
import { FILTERED_LENGTH_MIN, hashOf, isHexOnly, type NeedleToken } from "./tokens.ts";

/** Lines of one block. */
export const BLOCK_LINES_MAX = 65_536;

type Range = { readonly classes: number; readonly lengthMin: number; readonly lengthMax: number };

/** What a section's tokens are like; without any, `lengthMax` is 0. */
export type SectionStamp = {
  /** Of those that are nothing but hexadecimal digits, numbers among them. */
  readonly hex: Range;
  readonly others: Range;
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
  /** Of the lines' texts. */
  readonly textBytes: number;
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
  writer.varint(index.textBytes);
  writer.varint(index.origin.stream);
  writer.varint(index.origin.seq);
  writer.varint(index.bucketCount);
  writer.varint(index.sections.length);
  for (const { hex, others, isFiltered } of index.sections) {
    writer.byte(others.classes | (isFiltered ? FILTERED : 0));
    writer.byte(hex.classes);
    for (const { lengthMin, lengthMax } of [others, hex]) {
      writer.varint(lengthMax);
      if (lengthMax > 0) writer.varint(lengthMin);
    }
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
  const [bytesOfParts, textBytes] = [reader.varint(), reader.varint()];
  const origin = { stream: reader.varint(), seq: reader.varint() };
  const bucketCount = reader.varint();
  const sections: SectionStamp[] = [];
  for (let left = reader.count(4); left > 0; left -= 1) {
    const bits = reader.byte();
    const hexBits = reader.byte();
    const others = readRange(reader, bits & ~FILTERED);
    const hex = readRange(reader, hexBits);
    sections.push({ hex, others, isFiltered: (bits & FILTERED) !== 0 });
  }
  const signature = readSignature(reader);
  reader.end();
  const range = { lineCount, firstUs, lastUs, bytes: bytesOfParts, textBytes, origin };
  return { ...range, bucketCount, signature, sections };
}

function readRange(reader: ByteReader, classes: number): Range {
  const lengthMax = reader.varint();
  return { classes, lengthMax, lengthMin: lengthMax > 0 ? reader.varint() : 0 };
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

/**
 * By the index alone; a token for which all three are empty is in no line of the block. The signature
 * has all tokens of the layout, and those of the sections that are not hexadecimal: one that it does
 * not have can only be in a section, and only if it is hexadecimal and in another such token.
 */
export function placesOf(index: BlockIndex, token: NeedleToken): TokenPlaces {
  const { text, classes, isWhole } = token;
  const isHex = isHexOnly(classes);
  const isInSignature = signatureAdmits(index.signature, text);
  const sections: number[] = [];
  const filtered: number[] = [];
  for (const [number, { hex, others, isFiltered }] of index.sections.entries()) {
    const own = isHex ? hex : others;
    const isOneOf = isHex || isInSignature;
    const canBeWhole = isOneOf && has(own, classes, text.length) && own.lengthMin <= text.length;
    const canBePart =
      !isWhole &&
      ((isHex && has(hex, classes, text.length + 1)) ||
        (isInSignature && has(others, classes, text.length + 1)));
    const isAsked = isFiltered && text.length >= FILTERED_LENGTH_MIN;
    if (canBePart || (canBeWhole && !isAsked)) sections.push(number);
    else if (canBeWhole) filtered.push(number);
  }
  return { token: text, isInLayout: isInSignature, sections, filtered };
}

/** Whether there may be a token of such characters that is so long or longer. */
function has(range: Range, classes: number, length: number): boolean {
  return (classes & ~range.classes) === 0 && range.lengthMax >= length;
}

export function tokenHash(token: string): number {
  return hashOf(token, 0, token.length);
}
