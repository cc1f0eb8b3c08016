/**
 * A block is a stretch of log lines of one node, as they lie in its queue, travel and lie in the
 * aggregator's log until they are packed. It stands alone: whoever has it needs nothing before it.
 *
 *     byte      format version (1)
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
 *     bytes     the lines, source by source, a newline behind each: as they lie in most files
 *     varint    number of different metadata, mostly none; then each as the labels of a source
 *     varint    where there are some, for each line the number of its own, from 1; 0: it has none
 *
 * Times stand apart from texts because each compresses better so.
 */
import { brotliCompressSync, brotliDecompressSync, constants } from "node:zlib";
import { errorMessage, OperationalError } from "../errors.ts";
import { type Labels, labelsKey } from "../model/labels.ts";
import { countOfSeq, EPOCH_FRAMES_MAX, EPOCH_MAX, epochOfSeq, seqOf } from "../model/sequence.ts";
import { ByteReader, ByteWriter, checkedBody, unzigzag, zigzag } from "./bytes.ts";
import { LineColumns } from "./line-columns.ts";

const BLOCK_VERSION = 1;
const CHUNK_ROOM_BYTES = 64;
/** Bytes of a block's body before it is compressed, at most. */
export const BLOCK_BODY_BYTES_MAX = 4 * 1024 * 1024;
/** Bytes of a block, at most: with what is around it a message holds it. */
export const BLOCK_BYTES_MAX = 3 * 1024 * 1024;
const NEWLINE = 10;
/** Between the end of a line and the start of the next one. */
export const NEWLINE_BYTES = 1;
/** Of a line's time and size, mostly: the time is that of the line before. */
const LINE_HEAD_BYTES = 4;
const BODY_BYTES_MIN = 4096;
/** Labels of one source. */
const LABELS_MAX = 64;
/** Labels of the metadata of one line. */
export const LINE_METADATA_MAX = 128;
/** Later times are refused (the year 2112): the difference of two has to fit a varint, zigzag. */
export const LINE_TIME_US_MAX = 2 ** 52 - 1;

/** Quality 1 looks no further back: with a larger window it takes a tenth longer and 2 MiB more. */
const WINDOW_BITS = 18;
/** Quality 1 takes a tenth of the time of quality 5, and lines of logs leave little more to gain. */
const COMPRESSION = {
  params: {
    [constants.BROTLI_PARAM_QUALITY]: 1,
    [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
    [constants.BROTLI_PARAM_LGWIN]: WINDOW_BITS,
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

/**
 * Lines of one source as they lie in a block, without an object for each: line i begins at `starts[i]`
 * of `bytes`, and ends before the newline before `starts[i + 1]`.
 */
export type SourceColumns = {
  readonly labels: Labels;
  readonly bytes: Uint8Array;
  /** One more than there are lines. */
  readonly starts: Uint32Array;
  /** Unix microseconds. */
  readonly timesUs: Float64Array;
  /** 1: the line was longer. */
  readonly cuts: Uint8Array;
  /** Of each line; null: none has any. */
  readonly metadata: readonly (Labels | undefined)[] | null;
};

export type BlockHeader = {
  readonly seq: number;
  readonly timeMs: number;
  readonly lineCount: number;
};

export type LineBlock = BlockHeader & { readonly sources: readonly SourceLines[] };
export type BlockColumns = BlockHeader & { readonly sources: readonly SourceColumns[] };

/** @throws OperationalError LIMIT when the lines are more than a block may hold */
export function encodeBlock(
  seq: number,
  timeMs: number,
  sources: readonly SourceLines[],
): Uint8Array {
  return new BlockEncoder().encode(seq, timeMs, sources.map(columnsOf));
}

/** Makes one block after the other in the same memory. */
export class BlockEncoder {
  readonly #body = new ByteWriter(BODY_BYTES_MIN);

  /** @throws OperationalError LIMIT when the lines are more than a block may hold */
  encode(seq: number, timeMs: number, sources: readonly LineColumns[]): Uint8Array {
    const body = this.#body;
    let textBytes = 0;
    let lineCount = 0;
    for (const source of sources) {
      textBytes += source.textBytes;
      lineCount += source.count;
    }
    if (textBytes > BLOCK_BODY_BYTES_MAX) throw tooLarge(textBytes);
    body.reset();
    body.reserve(textBytes + lineCount * LINE_HEAD_BYTES);
    writeBody(body, timeMs, sources);
    if (body.length > BLOCK_BODY_BYTES_MAX) throw tooLarge(body.length);
    const packed = brotliCompressSync(body.written(), COMPRESSION);
    const writer = new ByteWriter(packed.length + 64);
    writer.byte(BLOCK_VERSION);
    writer.varint(epochOfSeq(seq));
    writer.varint(countOfSeq(seq));
    writer.varint(timeMs);
    writer.varint(lineCount);
    writer.varint(body.length);
    writer.bytes(packed);
    return writer.finish();
  }
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
 * Reads a whole block. Nothing is allocated that the head does not say and BLOCK_BODY_BYTES_MAX does
 * not allow, whatever the compressed bytes would become.
 * @throws OperationalError PARSE when the bytes are not a block of this version
 */
export function parseColumns(bytes: Uint8Array): BlockColumns {
  const { seq, timeMs, lineCount, bodyBytes, packed } = readHead(bytes);
  const body = expanded(packed, bodyBytes);
  const reader = new ByteReader(body, "block");
  const heads = readHeads(reader, timeMs, lineCount);
  const textsAt = body.length - reader.remaining;
  let start = textsAt;
  const sources = heads.map((head) => {
    const source = sourceOf(body, start, head);
    start = source.starts[head.sizes.length] ?? start;
    return source;
  });
  reader.bytes(start - textsAt);
  const different = readMetadata(reader);
  const all =
    different.length === 0 ? sources : sources.map((s) => withMetadata(s, different, reader));
  reader.end();
  return { seq, timeMs, lineCount, sources: all };
}

/** As `parseColumns`, with an object for each line. The lines share memory. */
export function parseBlock(bytes: Uint8Array): LineBlock {
  const { sources, ...header } = parseColumns(bytes);
  return { ...header, sources: sources.map(linesOf) };
}

function linesOf(source: SourceColumns): SourceLines {
  const { labels, bytes, starts, timesUs, cuts } = source;
  const lines: BlockLine[] = [];
  for (let i = 0; i < timesUs.length; i += 1) {
    const text = bytes.subarray(starts[i], (starts[i + 1] ?? 0) - NEWLINE_BYTES);
    const line = { timeUs: timesUs[i] ?? 0, bytes: text, isCut: cuts[i] === 1 };
    const metadata = source.metadata?.[i];
    lines.push(metadata === undefined ? line : { ...line, metadata });
  }
  return { labels, lines };
}

function writeBody(writer: ByteWriter, timeMs: number, sources: readonly LineColumns[]): void {
  writer.varint(sources.length);
  for (const { labels, count, timesUs, sizes } of sources) {
    writeLabels(writer, labels);
    writer.varint(count);
    let before = timeMs * 1000;
    for (let i = 0; i < count; i += 1) {
      const timeUs = timesUs[i] ?? 0;
      writer.varint(zigzag(timeUs - before));
      before = timeUs;
    }
    for (let i = 0; i < count; i += 1) writer.varint(sizes[i] ?? 0);
  }
  for (const { pieces } of sources) {
    for (const { bytes, start, end } of pieces) writer.bytes(bytes.subarray(start, end));
  }
  writeMetadata(writer, sources);
}

function columnsOf({ labels, lines }: SourceLines): LineColumns {
  const columns = new LineColumns(labels);
  for (const line of lines) columns.addCopy(line);
  return columns;
}

function tooLarge(bytes: number): OperationalError {
  return new OperationalError("LIMIT", `A block of ${bytes} bytes of lines`);
}

function writeLabels(writer: ByteWriter, labels: Labels): void {
  writer.varint(labels.length / 2);
  for (const text of labels) writer.text(text);
}

function writeMetadata(writer: ByteWriter, sources: readonly LineColumns[]): void {
  if (sources.every(({ metadata }) => metadata.size === 0)) {
    writer.varint(0);
    return;
  }
  const numbers = new Map<string, number>();
  const different: Labels[] = [];
  const ofLines: number[] = [];
  for (const { count, metadata } of sources) {
    for (let i = 0; i < count; i += 1) {
      const labels = metadata.get(i);
      const key = labels === undefined ? "" : labelsKey(labels);
      const number = labels === undefined ? 0 : (numbers.get(key) ?? different.push(labels));
      numbers.set(key, number);
      ofLines.push(number);
    }
  }
  writer.varint(different.length);
  for (const labels of different) writeLabels(writer, labels);
  for (const number of ofLines) writer.varint(number);
}

type Head = BlockHeader & { readonly bodyBytes: number; readonly packed: Uint8Array };

function readHead(bytes: Uint8Array): Head {
  if (bytes.length > BLOCK_BYTES_MAX) {
    throw blockFault(`of ${bytes.length} bytes is over ${BLOCK_BYTES_MAX}`);
  }
  const reader = new ByteReader(checkedBody(bytes, "block"), "block");
  const version = reader.byte();
  if (version !== BLOCK_VERSION) {
    throw blockFault(`has version ${version}, this program reads version ${BLOCK_VERSION}`);
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
  // Each line takes three bytes of the body.
  if (
    bodyBytes > BLOCK_BODY_BYTES_MAX ||
    lineCount * 3 > bodyBytes ||
    timeMs * 1000 > LINE_TIME_US_MAX
  ) {
    throw blockFault(`${seq} has ${lineCount} lines in ${bodyBytes} bytes, time ${timeMs}`);
  }
  return { seq, timeMs, lineCount, bodyBytes, packed: reader.bytes(reader.remaining) };
}

function expanded(packed: Uint8Array, bodyBytes: number): Uint8Array {
  let body: Uint8Array;
  try {
    // Zero is no limit to zlib; a body has a byte at least. In one chunk, with room behind it: full
    // chunks are asked for more, and several are copied together.
    const maxOutputLength = Math.max(1, bodyBytes);
    body = brotliDecompressSync(packed, {
      maxOutputLength,
      chunkSize: maxOutputLength + CHUNK_ROOM_BYTES,
    });
  } catch (error) {
    throw blockFault(`cannot be expanded: ${errorMessage(error)}`);
  }
  if (body.length === bodyBytes) return body;
  throw blockFault(`has ${body.length} bytes, its head says ${bodyBytes}`);
}

type SourceHead = {
  readonly labels: Labels;
  readonly timesUs: Float64Array;
  /** Of each line: its bytes * 2, and 1 more if it was cut. */
  readonly sizes: Uint32Array;
};

function readHeads(reader: ByteReader, timeMs: number, lineCount: number): SourceHead[] {
  const heads: SourceHead[] = [];
  const sourceCount = reader.count(2);
  let lines = 0;
  for (let i = 0; i < sourceCount; i += 1) {
    const labels = readLabels(reader, LABELS_MAX);
    const count = reader.count(3);
    lines += count;
    const timesUs = readTimes(reader, timeMs, count);
    heads.push({ labels, timesUs, sizes: readSizes(reader, count) });
  }
  if (lines === lineCount) return heads;
  throw blockFault(`has ${lines} lines, its head says ${lineCount}`);
}

/** @throws OperationalError PARSE when the body ends before its lines do */
function sourceOf(
  body: Uint8Array,
  start: number,
  { labels, timesUs, sizes }: SourceHead,
): SourceColumns {
  const starts = new Uint32Array(sizes.length + 1);
  const cuts = new Uint8Array(sizes.length);
  let end = start;
  starts[0] = start;
  for (let i = 0; i < sizes.length; i += 1) {
    const size = sizes[i] ?? 0;
    end += (size >>> 1) + NEWLINE_BYTES;
    cuts[i] = size & 1;
    if (end > body.length) throw blockFault(`is cut off at byte ${body.length}`);
    if (body[end - NEWLINE_BYTES] !== NEWLINE) throw blockFault("has a line without its newline");
    starts[i + 1] = end;
  }
  return { labels, bytes: body, starts, timesUs, cuts, metadata: null };
}

function readMetadata(reader: ByteReader): Labels[] {
  const different: Labels[] = [];
  for (let left = reader.count(1); left > 0; left -= 1) {
    different.push(readLabels(reader, LINE_METADATA_MAX));
  }
  return different;
}

function withMetadata(
  source: SourceColumns,
  different: readonly Labels[],
  reader: ByteReader,
): SourceColumns {
  const metadata = Array.from(source.timesUs, () => {
    const number = reader.varint();
    if (number > different.length) throw blockFault(`has no metadata ${number}`);
    return different[number - 1];
  });
  return { ...source, metadata };
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

function readTimes(reader: ByteReader, timeMs: number, count: number): Float64Array {
  const timesUs = new Float64Array(count);
  let timeUs = timeMs * 1000;
  for (let i = 0; i < count; i += 1) {
    timeUs += unzigzag(reader.varint());
    if (timeUs < 0 || timeUs > LINE_TIME_US_MAX) throw blockFault(`has a line of time ${timeUs}`);
    timesUs[i] = timeUs;
  }
  return timesUs;
}

function readSizes(reader: ByteReader, count: number): Uint32Array {
  const sizes = new Uint32Array(count);
  for (let i = 0; i < count; i += 1) {
    const size = reader.varint();
    if (size > 2 * BLOCK_BODY_BYTES_MAX + 1) throw blockFault("is cut off in its lines");
    sizes[i] = size;
  }
  return sizes;
}

function blockFault(what: string): OperationalError {
  return new OperationalError("PARSE", `block ${what}`);
}
