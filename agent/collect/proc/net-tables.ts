import { ABSENT, ByteScanner } from "../kit/byte-scanner.ts";
import { hexCount } from "../kit/hex-count.ts";
import type { RowTable } from "../kit/row-table.ts";

const ZERO = 48;
const COLON = 58;

/** Columns of a softnet row, of which older kernels have only the first ones. */
export const SOFTNET_COLUMNS = 12;
/** Where the CPU's number stands, since kernel 5.10. */
const SOFTNET_CPU = 12;

/**
 * Reads net/softnet_stat: a line of hexadecimal numbers per CPU that is online; a row's key is the
 * CPU's number. Source: the kernel's net/core/net-procfs.c. Returns how many were malformed.
 */
export function parseSoftnet<T>(bytes: Uint8Array, length: number, table: RowTable<T>): number {
  const scan = new ByteScanner(bytes, length);
  table.start();
  for (let line = 0; !scan.isDone; line += 1, scan.skipLine()) {
    if (scan.isAtLineEnd) continue;
    for (let i = 0; i < SOFTNET_COLUMNS; i += 1) softnet[i] = hexCount(scan);
    const cpu = scan.isAtLineEnd ? ABSENT : hexCount(scan);
    const keyStart = writeDigits(cpu === ABSENT ? line : cpu);
    const row = table.take(digits, keyStart, digits.length);
    if (row !== null) row.values.set(softnet);
  }
  return scan.malformed;
}

const softnet = new Float64Array(SOFTNET_CPU);
const digits = new Uint8Array(10);

/** Writes the number right-aligned into `digits`; returns where it begins. */
function writeDigits(value: number): number {
  let rest = value % 10 ** digits.length;
  let at = digits.length;
  do {
    at -= 1;
    digits[at] = ZERO + (rest % 10);
    rest = Math.floor(rest / 10);
  } while (rest > 0 && at > 0);
  return at;
}

/**
 * Reads net/arp: a row per network device, with the number of its entries. Source: the kernel's
 * net/ipv4/arp.c, which writes the device last.
 */
export function parseArp<T>(bytes: Uint8Array, length: number, table: RowTable<T>): number {
  const scan = new ByteScanner(bytes, length);
  table.start();
  scan.skipLine(); // the heading
  for (; !scan.isDone; scan.skipLine()) {
    let start = scan.at;
    let end = start;
    for (let i = 0; i < ARP_COLUMNS && !scan.isAtLineEnd; i += 1) {
      scan.skipSpaces();
      start = scan.at;
      scan.skipWord();
      end = i === ARP_COLUMNS - 1 ? scan.at : start;
    }
    const row = end > start ? table.gather(bytes, start, end) : null;
    if (row !== null) row.values[0] = Math.max(row.values[0] ?? 0, 0) + 1;
  }
  return scan.malformed;
}

const ARP_COLUMNS = 6;

/** Columns of a schedstat row: nanoseconds run, nanoseconds waited, turns. */
export const SCHEDSTAT_COLUMNS = 3;
const SCHEDSTAT_SKIPPED = 6;
const LETTER_C = 99;

/**
 * Reads /proc/schedstat; a row's key is the CPU's number. Source: kernel docs,
 * scheduler/sched-stats, version 15 and later. Returns how many numbers were malformed.
 */
export function parseSchedstat<T>(bytes: Uint8Array, length: number, table: RowTable<T>): number {
  const scan = new ByteScanner(bytes, length);
  table.start();
  for (; !scan.isDone; scan.skipLine()) {
    const start = scan.at;
    if (bytes[start] !== LETTER_C) continue;
    scan.skipWord();
    const row = scan.at > start + 3 ? table.take(bytes, start + 3, scan.at) : null;
    if (row === null) continue;
    for (let i = 0; i < SCHEDSTAT_SKIPPED; i += 1) {
      scan.skipSpaces();
      scan.skipWord();
    }
    for (let i = 0; i < SCHEDSTAT_COLUMNS; i += 1) row.values[i] = scan.count();
  }
  return scan.malformed;
}

/** In what `parseSockets` adds up: bytes waiting, then sockets by the number of their state. */
export const SOCKETS_TX = 0;
export const SOCKETS_RX = 1;
export const SOCKETS_STATE = 2;
const SOCKET_STATES = 13;
export const SOCKETS_SIZE = SOCKETS_STATE + SOCKET_STATES;

/**
 * Adds the sockets of net/tcp, net/udp and their v6 likes to `sums`. Source: kernel docs,
 * networking/proc_net_tcp. Returns how many numbers were malformed.
 */
export function parseSockets(bytes: Uint8Array, length: number, sums: Float64Array): number {
  const scan = new ByteScanner(bytes, length);
  for (; !scan.isDone; scan.skipLine()) {
    // `sl:`, local and remote address; the heading has no colon.
    if (!scan.skipPast(COLON)) continue;
    for (let i = 0; i < 2; i += 1) {
      scan.skipSpaces();
      scan.skipWord();
    }
    const state = hexCount(scan);
    const tx = hexCount(scan);
    if (bytes[scan.at] === COLON) scan.at += 1;
    const rx = hexCount(scan);
    if (state < 0 || state >= SOCKET_STATES || tx < 0 || rx < 0) continue;
    sums[SOCKETS_STATE + state] = (sums[SOCKETS_STATE + state] ?? 0) + 1;
    sums[SOCKETS_TX] = (sums[SOCKETS_TX] ?? 0) + tx;
    sums[SOCKETS_RX] = (sums[SOCKETS_RX] ?? 0) + rx;
  }
  return scan.malformed;
}
