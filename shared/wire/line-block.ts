/**
 * A block is a stretch of log lines of one node, as they lie in its queue, travel and lie in the
 * aggregator's log until they are packed. It stands alone: whoever has it needs nothing before it.
 *
 *     byte      format version (1, or 2 where lines have metadata)
 *     varint    epoch, then count: as of a frame, the sequence is epoch * 2^32 + count
 *     varint    time, Unix milliseconds: when it was made
 *     varint    number of lines
 *     varint    bytes of the body before it was compressed
 *     bytes     the body, brotli
 *     4 bytes   CRC-32 (IEEE) of all bytes before, little-endian
 *
 * The body:
 *
 *     varint    number of sources, in the order of their first lines; for each of them:
 *       varint    number of labels; then name and value of each: varint length, UTF-8
 *       varint    number of its lines
 *       varint    for each line its time, Unix microseconds, less the one before (the first: less the
 *                 block's time), zigzag
 *       varint    for each line its bytes * 2, and 1 more if it was cut
 *     bytes     the lines, source by source, without anything between them
 *     in version 2:
 *       varint    number of different metadata; then each as the labels of a source
 *       varint    for each line the number of its metadata, from 1; 0: it has none
 *
 * Times stand apart from texts because each compresses better so.
 */
import { brotliCompressSync, brotliDecompressSync, constants } from "node:zlib";
import { errorMessage, OperationalError } from "../errors.ts";
import { type Labels, labelsKey } from "../model/labels.ts";
import { countOfSeq, EPOCH_FRAMES_MAX, EPOCH_MAX, epochOfSeq, seqOf } from "../model/sequence.ts";
import { ByteReader, ByteWriter, checkedBody, unzigzag, zigzag } from "./bytes.ts";

const PLAIN_VERSION = 1;
const METADATA_VERSION = 2;
/** Bytes of a block's body before it is compressed, at most. */
export const BLOCK_BODY_BYTES_MAX = 4 * 1024 * 1024;
/** Bytes of a block, at most: with what is around it a message holds it. */
export const BLOCK_BYTES_MAX = 3 * 1024 * 1024;
/** Labels of one source. */
const LABELS_MAX = 64;
/** Labels of the metadata of one line. */
export const LINE_METADATA_MAX = 128;
/** Later times are refused (the year 2112): the difference of two has to fit a varint, zigzag. */
export const LINE_TIME_US_MAX = 2 ** 52 - 1;

/** Quality 1 takes a tenth of the time of quality 5, and lines of logs leave little more to gain. */
const COMPRESSION = {
  params: {
    [constants.BROTLI_PARAM_QUALITY]: 1,
    [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
    [constants.BROTLI_PARAM_LGWIN]: 22,
  },
};

export type BlockLine = {
  /** Unix microseconds. */
  readonly timeUs: number;
  /** Without its newline. */
  readonly bytes: Uint8Array;
  /** The line was longer, and what is missing was counted. */
  readonly isCut: boolean;
  /** What its sender said of it, other than of its source. Never empty. */
  readonly metadata?: Labels;
};

export type SourceLines = { readonly labels: Labels; readonly lines: readonly BlockLine[] };

export type BlockHeader = {
  readonly seq: number;
  readonly timeMs: number;
  readonly lineCount: number;
};

export type LineBlock = BlockHeader & { readonly sources: readonly SourceLines[] };

/** @throws OperationalError LIMIT when the lines are more than a block may hold */
export function encodeBlock(seq: number, timeMs: number, sources: readonly SourceLines[]) {
  const hasMetadata = sources.some(({ lines }) => lines.some(({ metadata }) => metadata));
  const body = encodeBody(timeMs, sources, hasMetadata);
  if (body.length > BLOCK_BODY_BYTES_MAX) {
    throw new OperationalError("LIMIT", `A block of ${body.length} bytes of lines`);
  }
  const lineCount = sources.reduce((sum, { lines }) => sum + lines.length, 0);
  const packed = brotliCompressSync(body, COMPRESSION);
  const writer = new ByteWriter(packed.length + 64);
  writer.byte(hasMetadata ? METADATA_VERSION : PLAIN_VERSION);
  writer.varint(epochOfSeq(seq));
  writer.varint(countOfSeq(seq));
  writer.varint(timeMs);
  writer.varint(lineCount);
  writer.varint(body.length);
  writer.bytes(packed);
  return writer.finish();
}

/**
 * Checks a block's checksum and reads its head.
 * @throws OperationalError PARSE when the bytes are not a block of this version
 */
export function readBlockHeader(bytes: Uint8Array): BlockHeader {
  const { seq, timeMs, lineCount } = readHead(bytes);
  return { seq, timeMs, lineCount };
}

/**
 * Reads a whole block. The lines share memory, and nothing is allocated that the head does not say
 * and BLOCK_BODY_BYTES_MAX does not allow, whatever the compressed bytes would become.
 * @throws OperationalError PARSE when the bytes are not a block of this version
 */
export function parseBlock(bytes: Uint8Array): LineBlock {
  const { version, seq, timeMs, lineCount, bodyBytes, packed } = readHead(bytes);
  const reader = new ByteReader(expanded(packed, bodyBytes), "block");
  const plain = readSources(reader, timeMs, lineCount);
  const sources = version === METADATA_VERSION ? withMetadata(plain, reader) : plain;
  reader.end();
  return { seq, timeMs, lineCount, sources };
}

function encodeBody(
  timeMs: number,
  sources: readonly SourceLines[],
  hasMetadata: boolean,
): Uint8Array {
  const textBytes = sources.flatMap(({ lines }) => lines).reduce((n, l) => n + l.bytes.length, 0);
  const writer = new ByteWriter(textBytes + 4096);
  writer.varint(sources.length);
  for (const { labels, lines } of sources) {
    writeLabels(writer, labels);
    writer.varint(lines.length);
    let before = timeMs * 1000;
    for (const { timeUs } of lines) {
      writer.varint(zigzag(timeUs - before));
      before = timeUs;
    }
    for (const { bytes, isCut } of lines) writer.varint(bytes.length * 2 + (isCut ? 1 : 0));
  }
  for (const { lines } of sources) for (const { bytes } of lines) writer.bytes(bytes);
  if (hasMetadata) writeMetadata(writer, sources);
  return writer.written();
}

function writeLabels(writer: ByteWriter, labels: Labels): void {
  writer.varint(labels.length / 2);
  for (const text of labels) writer.text(text);
}

function writeMetadata(writer: ByteWriter, sources: readonly SourceLines[]): void {
  const numbers = new Map<string, number>();
  const different: Labels[] = [];
  const ofLines: number[] = [];
  for (const { lines } of sources) {
    for (const { metadata } of lines) {
      const key = metadata === undefined ? "" : labelsKey(metadata);
      const number = metadata === undefined ? 0 : (numbers.get(key) ?? different.push(metadata));
      numbers.set(key, number);
      ofLines.push(number);
    }
  }
  writer.varint(different.length);
  for (const labels of different) writeLabels(writer, labels);
  for (const number of ofLines) writer.varint(number);
}

type Head = BlockHeader & {
  readonly version: number;
  readonly bodyBytes: number;
  readonly packed: Uint8Array;
};

function readHead(bytes: Uint8Array): Head {
  if (bytes.length > BLOCK_BYTES_MAX) {
    throw blockFault(`of ${bytes.length} bytes is over ${BLOCK_BYTES_MAX}`);
  }
  const reader = new ByteReader(checkedBody(bytes, "block"), "block");
  const version = reader.byte();
  if (version !== PLAIN_VERSION && version !== METADATA_VERSION) {
    throw blockFault(`has version ${version}, this program reads ${METADATA_VERSION} and before`);
  }
  const epoch = reader.varint();
  const count = reader.varint();
  if (epoch > EPOCH_MAX || count > EPOCH_FRAMES_MAX) {
    throw blockFault(`${count} of epoch ${epoch} is beyond all`);
  }
  const seq = seqOf(epoch, count);
  const timeMs = reader.varint();
  const lineCount = reader.varint();
  const bodyBytes = reader.varint();
  // Each line takes two bytes of the body.
  if (
    bodyBytes > BLOCK_BODY_BYTES_MAX ||
    lineCount * 2 > bodyBytes ||
    timeMs * 1000 > LINE_TIME_US_MAX
  ) {
    throw blockFault(`${seq} has ${lineCount} lines in ${bodyBytes} bytes, time ${timeMs}`);
  }
  return { version, seq, timeMs, lineCount, bodyBytes, packed: reader.bytes(reader.remaining) };
}

function expanded(packed: Uint8Array, bodyBytes: number): Uint8Array {
  let body: Uint8Array;
  try {
    // Zero is no limit to zlib; a body has a byte at least.
    body = brotliDecompressSync(packed, { maxOutputLength: Math.max(1, bodyBytes) });
  } catch (error) {
    throw blockFault(`cannot be expanded: ${errorMessage(error)}`);
  }
  if (body.length === bodyBytes) return body;
  throw blockFault(`has ${body.length} bytes, its head says ${bodyBytes}`);
}

function readSources(reader: ByteReader, timeMs: number, lineCount: number): SourceLines[] {
  const heads: { labels: Labels; times: number[]; sizes: number[] }[] = [];
  const sourceCount = reader.count(2);
  let lines = 0;
  for (let i = 0; i < sourceCount; i += 1) {
    const labels = readLabels(reader, LABELS_MAX);
    const count = reader.count(2);
    lines += count;
    heads.push({
      labels,
      times: readTimes(reader, timeMs, count),
      sizes: readSizes(reader, count),
    });
  }
  if (lines !== lineCount) throw blockFault(`has ${lines} lines, its head says ${lineCount}`);
  return heads.map(({ labels, times, sizes }) => ({
    labels,
    lines: sizes.map((size, i) => {
      const bytes = reader.bytes(Math.floor(size / 2));
      return { timeUs: times[i] ?? 0, bytes, isCut: size % 2 === 1 };
    }),
  }));
}

function withMetadata(sources: readonly SourceLines[], reader: ByteReader): SourceLines[] {
  const different: Labels[] = [];
  for (let left = reader.count(1); left > 0; left -= 1) {
    different.push(readLabels(reader, LINE_METADATA_MAX));
  }
  return sources.map(({ labels, lines }) => {
    const read = (line: BlockLine): BlockLine => {
      const number = reader.varint();
      if (number === 0) return line;
      const metadata = different[number - 1];
      if (metadata === undefined) throw blockFault(`has no metadata ${number}`);
      return { ...line, metadata };
    };
    return { labels, lines: lines.map(read) };
  });
}

function readLabels(reader: ByteReader, max: number): Labels {
  const count = reader.count(2);
  if (count > max) throw blockFault(`has ${count} labels in one place`);
  const labels: string[] = [];
  for (let i = 0; i < count; i += 1) {
    const name = reader.text();
    const isAscending = i === 0 || name > (labels[i * 2 - 2] ?? "");
    if (!isAscending) throw blockFault("has labels out of order");
    labels.push(name, reader.text());
  }
  return labels;
}

function readTimes(reader: ByteReader, timeMs: number, count: number): number[] {
  const times: number[] = [];
  let timeUs = timeMs * 1000;
  for (let i = 0; i < count; i += 1) {
    timeUs += unzigzag(reader.varint());
    if (timeUs < 0 || timeUs > LINE_TIME_US_MAX) throw blockFault(`has a line of time ${timeUs}`);
    times.push(timeUs);
  }
  return times;
}

function readSizes(reader: ByteReader, count: number): number[] {
  const sizes: number[] = [];
  for (let i = 0; i < count; i += 1) sizes.push(reader.varint());
  return sizes;
}

function blockFault(what: string): OperationalError {
  return new OperationalError("PARSE", `block ${what}`);
}
