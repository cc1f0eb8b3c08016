import { OperationalError } from "../../../shared/errors.ts";
import { type Labels, labelsKey } from "../../../shared/model/labels.ts";
import { ByteReader, ByteWriter } from "../../../shared/wire/bytes.ts";
import { BLOCK_LINES_MAX } from "./block-index.ts";
import type { BlockRows } from "./block-rows.ts";
import { readIntegers, writeIntegers } from "./integers.ts";
import { readMetadata, writeMetadata } from "./metadata.ts";
import { QUALITY, seal, unseal } from "./section.ts";

/** A line as it is stored; its bytes are any, without the line feed that ended it. */
export type StoredLine = {
  readonly timeUs: number;
  readonly bytes: Uint8Array;
  /** What was understood of it: severity, pattern. */
  readonly metadata: Labels;
};

const HEAD_BYTES = 20;
const scratch = new ByteWriter(1 << 20);

/**
 * Lines that just arrived, in order of time, as they are: count, first and last time (4, 8 and 8
 * bytes), then, compressed, times, metadata, lengths and texts.
 */
export function packHot(lines: readonly StoredLine[]): Uint8Array {
  const count = lines.length;
  const timesUs = new Float64Array(count);
  const lengths = new Float64Array(count);
  const metadataOf = new Float64Array(count);
  const metadata = new Map<string, number>();
  const sets: Labels[] = [];
  let before: Labels | null = null;
  let number = 0;
  for (let i = 0; i < count; i += 1) {
    const line = lines[i] as StoredLine;
    timesUs[i] = line.timeUs;
    lengths[i] = line.bytes.length;
    if (line.metadata !== before) {
      before = line.metadata;
      const key = labelsKey(line.metadata);
      number = metadata.get(key) ?? sets.push(line.metadata) - 1;
      metadata.set(key, number);
    }
    metadataOf[i] = number;
  }
  scratch.reset();
  writeIntegers(scratch, timesUs);
  writeMetadata(scratch, sets);
  writeIntegers(scratch, metadataOf);
  writeIntegers(scratch, lengths);
  for (let i = 0; i < count; i += 1) scratch.bytes((lines[i] as StoredLine).bytes);
  const sealed = seal(scratch.written(), QUALITY.hot);
  const block = Buffer.alloc(HEAD_BYTES + sealed.length);
  block.writeUInt32LE(count);
  block.writeDoubleLE(timesUs[0] ?? 0, 4);
  block.writeDoubleLE(timesUs[count - 1] ?? 0, 12);
  block.set(sealed, HEAD_BYTES);
  return block;
}

export type HotIndex = {
  readonly lineCount: number;
  readonly firstUs: number;
  readonly lastUs: number;
};

/** @throws OperationalError PARSE when these are not bytes that `packHot` made */
export function readHot(block: Uint8Array): HotIndex {
  if (block.length < HEAD_BYTES) throw new OperationalError("PARSE", "hot block is cut off");
  const head = new DataView(block.buffer, block.byteOffset, HEAD_BYTES);
  const lineCount = head.getUint32(0, true);
  if (lineCount === 0 || lineCount > BLOCK_LINES_MAX) {
    throw new OperationalError("PARSE", `hot block of ${lineCount} lines`);
  }
  return { lineCount, firstUs: head.getFloat64(4, true), lastUs: head.getFloat64(12, true) };
}

/** @throws OperationalError PARSE when these are not bytes that `packHot` made */
export function hotRows(block: Uint8Array): BlockRows {
  const { lineCount } = readHot(block);
  const reader = new ByteReader(unseal(block.subarray(HEAD_BYTES), "hot block"), "hot block");
  const timesUs = readIntegers(reader, lineCount);
  const metadata = readMetadata(reader);
  const metadataOf = readIntegers(reader, lineCount);
  const ends = readIntegers(reader, lineCount);
  const bytes = reader.bytes(reader.remaining);
  for (let i = 1; i < lineCount; i += 1) ends[i] = (ends[i] ?? 0) + (ends[i - 1] ?? 0);
  if (ends[lineCount - 1] !== bytes.length) {
    throw new OperationalError("PARSE", "hot block does not have the bytes of its lines");
  }
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
  return {
    timesUs,
    textOf: (row) => text.slice(ends[row - 1] ?? 0, ends[row]),
    metadataOf: (row) => metadata[metadataOf[row] ?? 0] ?? [],
  };
}
