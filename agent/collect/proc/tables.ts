import { ABSENT, ByteScanner } from "../kit/byte-scanner.ts";
import type { RowTable } from "../kit/row-table.ts";

const COLON = 58;
const SPACE = 32;

/** Column of a meminfo row: the number as it stands in the file; and 1 if its unit is kB. */
export const MEMINFO_COLUMNS = 2;

/** Reads /proc/meminfo: `Key:   123 kB`. Returns how many numbers were malformed. */
export function parseMeminfo<T>(bytes: Uint8Array, length: number, table: RowTable<T>): number {
  const scan = new ByteScanner(bytes, length);
  table.start();
  for (; !scan.isDone; scan.skipLine()) {
    const start = scan.at;
    if (!scan.skipPast(COLON) || scan.at - start < 2) continue;
    const row = table.take(bytes, start, scan.at - 1);
    if (row === null) continue;
    row.values[0] = scan.count();
    scan.skipSpaces();
    row.values[1] = scan.isAtLineEnd ? 0 : 1;
  }
  return scan.malformed;
}

/** Reads /proc/vmstat: `key 123`, one value a row. Returns how many numbers were malformed. */
export function parseVmstat<T>(bytes: Uint8Array, length: number, table: RowTable<T>): number {
  const scan = new ByteScanner(bytes, length);
  table.start();
  for (; !scan.isDone; scan.skipLine()) {
    const start = scan.at;
    scan.skipWord();
    const row = scan.at > start ? table.take(bytes, start, scan.at) : null;
    if (row !== null) row.values[0] = scan.count();
  }
  return scan.malformed;
}

/**
 * Columns of a diskstats row: reads, merged, sectors, ms; the same of writes; in progress, ms busy,
 * weighted ms; the same four of discards (kernel 4.18); flushes and their ms (5.5).
 */
export const DISK_COLUMNS = 17;
/** Behind them, the device number. */
export const DISK_MAJOR = 17;
export const DISK_MINOR = 18;

/**
 * Reads /proc/diskstats; a row's key is the device's name. What an older kernel lacks is ABSENT.
 * Source: kernel docs, admin-guide/iostats. Returns how many numbers were malformed.
 */
export function parseDiskstats<T>(bytes: Uint8Array, length: number, table: RowTable<T>): number {
  const scan = new ByteScanner(bytes, length);
  table.start();
  for (; !scan.isDone; scan.skipLine()) {
    const major = scan.count();
    const minor = scan.count();
    scan.skipSpaces();
    const start = scan.at;
    scan.skipWord();
    const row = scan.at > start ? table.take(bytes, start, scan.at) : null;
    if (row === null) continue;
    for (let i = 0; i < DISK_COLUMNS; i += 1) row.values[i] = scan.count();
    row.values[DISK_MAJOR] = major;
    row.values[DISK_MINOR] = minor;
  }
  return scan.malformed;
}

/** Columns of a net/dev row: 8 of what was received, 8 of what was sent. */
export const NETDEV_COLUMNS = 16;

/** Reads /proc/net/dev; a row's key is the device's name. Returns how many numbers were malformed. */
export function parseNetdev<T>(bytes: Uint8Array, length: number, table: RowTable<T>): number {
  const scan = new ByteScanner(bytes, length);
  table.start();
  for (; !scan.isDone; scan.skipLine()) {
    scan.skipSpaces();
    const start = scan.at;
    // The two lines of the heading have no colon.
    if (!skipName(scan) || scan.at - start < 2) continue;
    const row = table.take(bytes, start, scan.at - 1);
    if (row !== null) for (let i = 0; i < NETDEV_COLUMNS; i += 1) row.values[i] = scan.count();
  }
  return scan.malformed;
}

/** Behind the name and its colon. A name may hold colons, and the first number may touch the last. */
function skipName(scan: ByteScanner): boolean {
  const { bytes, length } = scan;
  let isName = scan.skipPast(COLON);
  while (isName) {
    let at = scan.at;
    while (at < length && (bytes[at] ?? 0) > SPACE && bytes[at] !== COLON) at += 1;
    if (at >= length || bytes[at] !== COLON) return true;
    isName = scan.skipPast(COLON);
  }
  return false;
}

/** Reads /proc/loadavg: the three averages in hundredths. */
export function parseLoadavg(bytes: Uint8Array, length: number, values: Float64Array): number {
  const scan = new ByteScanner(bytes, length);
  for (let i = 0; i < 3; i += 1) values[i] = scan.decimal(2);
  return scan.malformed;
}

/** Reads /proc/sys/fs/file-nr: allocated and maximum (what lies between is always 0). */
export function parseFileNr(bytes: Uint8Array, length: number, values: Float64Array): number {
  const scan = new ByteScanner(bytes, length);
  values[0] = scan.count();
  scan.count();
  values[1] = scan.count();
  return scan.malformed;
}

/**
 * Reads a pressure file: the total stall time in microseconds of the lines `some` and `full`, into
 * `values[target]` and the one behind it. Source: kernel docs, accounting/psi.
 */
export function parsePressure(
  bytes: Uint8Array,
  length: number,
  values: Float64Array,
  target: number,
): number {
  const scan = new ByteScanner(bytes, length);
  values[target] = ABSENT;
  values[target + 1] = ABSENT;
  for (; !scan.isDone; scan.skipLine()) {
    const first = bytes[scan.at];
    const isSome = first === LETTER_S;
    if (!isSome && first !== LETTER_F) continue;
    // total= is the last of the four.
    let seen = 0;
    while (seen < 4 && scan.skipPast(EQUALS)) seen += 1;
    if (seen === 4) values[isSome ? target : target + 1] = scan.count();
  }
  return scan.malformed;
}

const EQUALS = 61;
const LETTER_S = 115;
const LETTER_F = 102;
