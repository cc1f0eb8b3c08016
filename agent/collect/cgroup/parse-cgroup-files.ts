import { ABSENT, ByteScanner } from "../kit/byte-scanner.ts";
import type { RowTable } from "../kit/row-table.ts";

/** Limits from here on mean that there is none: v1 writes 2^63 rounded down to a page. */
const NO_LIMIT_BYTES = 2 ** 62;

const EQUALS = 61;
const LETTER_B = 98;
const LETTER_I = 105;
const LETTER_R = 114;
const LETTER_W = 119;
const CAPITAL_R = 82;
const CAPITAL_W = 87;
const LETTER_M = 109;
const MINUS = 45;

/** A file of one whole number: into `values[target]`. Returns how many numbers were malformed. */
export function parseNumber(
  bytes: Uint8Array,
  length: number,
  values: Float64Array,
  target: number,
): number {
  const scan = new ByteScanner(bytes, length);
  values[target] = scan.count();
  return scan.malformed;
}

/** A memory limit in bytes; `max` and what no machine has is 0, which says that there is none. */
export function parseMemoryLimit(
  bytes: Uint8Array,
  length: number,
  values: Float64Array,
  target: number,
): number {
  values[target] = 0;
  if (length > 0 && bytes[0] === LETTER_M) return 0;
  const malformed = parseNumber(bytes, length, values, target);
  if ((values[target] ?? 0) >= NO_LIMIT_BYTES) values[target] = 0;
  return malformed;
}

/**
 * v2's cpu.max, `quota period`, or one of v1's cpu.cfs_*_us: numbers into `values[target]` and the
 * ones behind it. `max` and -1, no quota, are ABSENT.
 */
export function parseCpuLimit(
  bytes: Uint8Array,
  length: number,
  values: Float64Array,
  target: number,
): number {
  const scan = new ByteScanner(bytes, length);
  for (let index = target; !scan.isAtLineEnd && index < target + 2; index += 1) {
    const first = bytes[scan.at];
    if (first === LETTER_M || first === MINUS) {
      scan.skipWord();
      values[index] = ABSENT;
    } else {
      values[index] = scan.count();
    }
    scan.skipSpaces();
  }
  return scan.malformed;
}

/**
 * v2's cpu.weight, 1 to 10000, as the shares that v1 would have. The runtimes turn shares into
 * weight by weight = 1 + (shares - 2) × 9999 / 262142; this is the way back, so not always exact.
 */
export function parseCpuWeight(
  bytes: Uint8Array,
  length: number,
  values: Float64Array,
  target: number,
): number {
  const malformed = parseNumber(bytes, length, values, target);
  const weight = values[target] ?? ABSENT;
  const isWeight = weight >= 1 && weight <= 10_000;
  values[target] = isWeight ? 2 + Math.floor(((weight - 1) * 262_142) / 9999) : ABSENT;
  return malformed;
}

/** Columns of an io.stat row: bytes read, bytes written, reads, writes. */
export const IO_COLUMNS = 4;

/**
 * Reads v2's io.stat: `254:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6`; the key of a row is
 * the device number. A device that did nothing may stand there without values, and has no row.
 */
export function parseIoStat<T>(bytes: Uint8Array, length: number, table: RowTable<T>): number {
  const scan = new ByteScanner(bytes, length);
  table.start();
  for (; !scan.isDone; scan.skipLine()) {
    const start = scan.at;
    scan.skipWord();
    const end = scan.at;
    scan.skipSpaces();
    if (scan.isAtLineEnd || end === start) continue;
    const row = table.gather(bytes, start, end);
    while (row !== null && !scan.isAtLineEnd) {
      const column = ioColumn(bytes, scan.at);
      if (column === ABSENT) scan.skipWord();
      else if (scan.skipPast(EQUALS)) row.values[column] = scan.count();
      scan.skipSpaces();
    }
  }
  return scan.malformed;
}

/** rbytes 0, wbytes 1, rios 2, wios 3; any other key is ABSENT. */
function ioColumn(bytes: Uint8Array, at: number): number {
  const first = bytes[at];
  const second = bytes[at + 1];
  if (first !== LETTER_R && first !== LETTER_W) return ABSENT;
  const offset = first === LETTER_R ? 0 : 1;
  if (second === LETTER_B) return offset;
  return second === LETTER_I ? offset + 2 : ABSENT;
}

/** Columns of a blkio row: reads, writes. */
export const BLKIO_COLUMNS = 2;

/**
 * Reads v1's blkio.throttle.io_service*: `254:0 Read 1`, a line for each operation. Sync, Async and
 * Total count the same again, and Total counts discards with it, so only Read and Write are taken.
 */
export function parseBlkio<T>(bytes: Uint8Array, length: number, table: RowTable<T>): number {
  const scan = new ByteScanner(bytes, length);
  table.start();
  for (; !scan.isDone; scan.skipLine()) {
    const start = scan.at;
    scan.skipWord();
    const end = scan.at;
    scan.skipSpaces();
    const operation = bytes[scan.at];
    const isWanted = operation === CAPITAL_R || operation === CAPITAL_W;
    if (scan.isAtLineEnd || end === start || !isWanted) continue;
    scan.skipWord();
    const row = table.gather(bytes, start, end);
    if (row !== null) row.values[operation === CAPITAL_R ? 0 : 1] = scan.count();
  }
  return scan.malformed;
}
