import { decompressSnappy } from "./snappy.ts";

/**
 * Checks LevelDB's table files before LevelDB reads them: it does not look at their checksums by
 * itself, and where a damaged block makes no sense to it, it ends the process. Format: LevelDB's
 * doc/table_format.md. A block is its content, a byte for its compression and the masked CRC-32C of
 * both; the footer says where the index lies, the index where the blocks of data are.
 */

type Handle = { readonly offset: number; readonly size: number };
/** A block of data and the key its index entry has: not before the last key in it. */
type DataBlock = { readonly key: Uint8Array; readonly handle: Handle };

export const FOOTER_BYTES = 48;
const HANDLES_BYTES = 40;
const TRAILER_BYTES = 5;
const MAGIC = Buffer.from("57fb808b247547db", "hex");
const UNCOMPRESSED = 0;
const SNAPPY = 1;
/** Of one block; LevelDB fills them to 4 KiB and one entry more. */
const BLOCK_BYTES_MAX = 16 * 1024 ** 2;

/** Whether every block of the table has its checksum. */
export function isTableWhole(table: Buffer): boolean {
  const footer = readFooter(table);
  if (footer === null) return false;
  const blocks = readEntries(table, footer.index);
  const filters = readEntries(table, footer.metaIndex);
  if (blocks === null || filters === null) return false;
  return [...blocks, ...filters].every(({ handle }) => contentOf(table, handle) !== null);
}

/** A table of the blocks that are whole; null where there is none. */
export function salvageTable(table: Buffer): Buffer | null {
  const footer = readFooter(table);
  const indexed = footer === null ? null : readEntries(table, footer.index);
  const blocks =
    indexed?.filter(({ handle }) => contentOf(table, handle) !== null) ?? walkBlocks(table);
  return blocks.length === 0 ? null : writeTable(table, blocks);
}

function readFooter(table: Buffer): { metaIndex: Handle; index: Handle } | null {
  const start = table.length - FOOTER_BYTES;
  if (start < 0 || !isFooter(table.subarray(start))) return null;
  const cursor = { at: start };
  const metaIndex = readHandle(table, cursor);
  const index = readHandle(table, cursor);
  return metaIndex === null || index === null ? null : { metaIndex, index };
}

/** Whether a table may end with these bytes. */
export function isFooter(bytes: Buffer): boolean {
  return bytes.subarray(HANDLES_BYTES).equals(MAGIC);
}

/** The block without its trailer, null when it fails its checksum. */
function contentOf(table: Buffer, { offset, size }: Handle): Buffer | null {
  const end = offset + size;
  if (end + TRAILER_BYTES > table.length) return null;
  const sum = masked(crc32c(table, offset, end + 1));
  return table.readUInt32LE(end + 1) === sum ? table.subarray(offset, end) : null;
}

function decompressed(content: Buffer, compression: number | undefined): Buffer | null {
  if (compression === UNCOMPRESSED) return content;
  return compression === SNAPPY ? decompressSnappy(content, BLOCK_BYTES_MAX) : null;
}

/** Entries of a block whose values are handles: an index. Null when it is damaged. */
function readEntries(table: Buffer, place: Handle): DataBlock[] | null {
  const stored = contentOf(table, place);
  const content = stored && decompressed(stored, table[place.offset + place.size]);
  if (content === null) return null;
  const entries: DataBlock[] = [];
  for (const { key, value } of entriesOf(content)) {
    const handle = readHandle(value, { at: 0 });
    if (handle === null) return null;
    entries.push({ key, handle });
  }
  return entries;
}

/** Keys share what they begin with; the block ends with the places of its restarts and their number. */
function* entriesOf(content: Buffer): Iterable<{ key: Buffer; value: Buffer }> {
  if (content.length < 4) return;
  const restarts = content.readUInt32LE(content.length - 4);
  const end = content.length - 4 - restarts * 4;
  const cursor = { at: 0 };
  let key = Buffer.alloc(0);
  while (cursor.at < end) {
    const shared = readVarint(content, cursor);
    const rest = readVarint(content, cursor);
    const valueBytes = readVarint(content, cursor);
    if (shared === null || rest === null || valueBytes === null) return;
    const keyEnd = cursor.at + rest;
    key = Buffer.concat([key.subarray(0, shared), content.subarray(cursor.at, keyEnd)]);
    yield { key, value: content.subarray(keyEnd, keyEnd + valueBytes) };
    cursor.at = keyEnd + valueBytes;
  }
}

/**
 * The blocks at the begin of a table whose index is lost, as far as one follows the other. Where a
 * block ends is told by its checksum.
 */
function walkBlocks(table: Buffer): DataBlock[] {
  const blocks: DataBlock[] = [];
  let offset = 0;
  let state = -1;
  for (let at = 0; at + TRAILER_BYTES <= table.length; at += 1) {
    state = crcStep(state, table[at] ?? 0);
    const type = table[at] ?? 0;
    if (type > SNAPPY || table.readUInt32LE(at + 1) !== masked(~state >>> 0)) continue;
    const handle = { offset, size: at - offset };
    const content = decompressed(table.subarray(offset, at), type) ?? Buffer.alloc(0);
    let key: Buffer | null = null;
    for (const entry of entriesOf(content)) key = entry.key;
    // A filter and an index come after the data; their keys are no internal ones, or not greater.
    const before = blocks.at(-1)?.key;
    const isData =
      key !== null && key.length >= 8 && (before === undefined || isAfter(key, before));
    if (!isData || key === null) break;
    blocks.push({ key, handle });
    offset = at + TRAILER_BYTES;
    at = offset - 1;
    state = -1;
  }
  return blocks;
}

/** By the part before the 8 bytes that LevelDB adds. */
function isAfter(key: Uint8Array, before: Uint8Array): boolean {
  return Buffer.compare(key.subarray(0, -8), before.subarray(0, -8)) >= 0;
}

function writeTable(table: Buffer, blocks: readonly DataBlock[]): Buffer {
  const parts: Buffer[] = [];
  let offset = 0;
  const index: Buffer[] = [];
  for (const { key, handle } of blocks) {
    const block = table.subarray(handle.offset, handle.offset + handle.size + TRAILER_BYTES);
    const value = handleBytes({ offset, size: handle.size });
    index.push(Buffer.concat([varint(0), varint(key.length), varint(value.length), key, value]));
    parts.push(block);
    offset += block.length;
  }
  const metaIndex = sealed([]);
  const indexBlock = sealed(index);
  const handles = Buffer.concat([
    handleBytes({ offset, size: metaIndex.length - TRAILER_BYTES }),
    handleBytes({ offset: offset + metaIndex.length, size: indexBlock.length - TRAILER_BYTES }),
  ]);
  const padding = Buffer.alloc(HANDLES_BYTES - handles.length);
  return Buffer.concat([...parts, metaIndex, indexBlock, handles, padding, MAGIC]);
}

/** A block of entries that share nothing, with its trailer. */
function sealed(entries: readonly Buffer[]): Buffer {
  const restarts = Buffer.alloc(4 * Math.max(1, entries.length) + 4);
  let at = 0;
  for (const [place, entry] of entries.entries()) {
    restarts.writeUInt32LE(at, place * 4);
    at += entry.length;
  }
  restarts.writeUInt32LE(Math.max(1, entries.length), restarts.length - 4);
  const block = Buffer.concat([...entries, restarts, Buffer.alloc(TRAILER_BYTES)]);
  const end = block.length - TRAILER_BYTES;
  block.writeUInt32LE(masked(crc32c(block, 0, end + 1)), end + 1);
  return block;
}

function readHandle(bytes: Buffer, cursor: { at: number }): Handle | null {
  const offset = readVarint(bytes, cursor);
  const size = readVarint(bytes, cursor);
  return offset === null || size === null ? null : { offset, size };
}

function handleBytes({ offset, size }: Handle): Buffer {
  return Buffer.concat([varint(offset), varint(size)]);
}

/** At most 2^42: more than a table can have. */
function readVarint(bytes: Buffer, cursor: { at: number }): number | null {
  let value = 0;
  for (let shift = 0; shift < 6; shift += 1) {
    const byte = bytes[cursor.at];
    if (byte === undefined) return null;
    cursor.at += 1;
    value += (byte & 0x7f) * 128 ** shift;
    if (byte < 0x80) return value;
  }
  return null;
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  return Buffer.from([...bytes, rest]);
}

const CRC_TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc;
});

function crcStep(state: number, byte: number): number {
  return (CRC_TABLE[(state ^ byte) & 0xff] ?? 0) ^ (state >>> 8);
}

/** CRC-32C (Castagnoli) of the bytes from `start` to before `end`. */
function crc32c(bytes: Buffer, start: number, end: number): number {
  let state = -1;
  for (let at = start; at < end; at += 1) {
    state = crcStep(state, bytes[at] ?? 0);
  }
  return ~state >>> 0;
}

/** As LevelDB stores it: a sum of bytes that hold sums is a weak one. */
function masked(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
