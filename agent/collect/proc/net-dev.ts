import { type Collector, counter } from "../collector.ts";
import { type CollectContext, netPath } from "../context.ts";
import type { ByteScanner } from "../kit/byte-scanner.ts";
import { rowsCollector } from "../kit/file-collector.ts";
import type { RowTable } from "../kit/row-table.ts";

const COLON = 58;
const SPACE = 32;
/** Columns of a row: 8 of what was received, 8 of what was sent. */
export const NETDEV_COLUMNS = 16;

const RECEIVED = [
  ["bytes", "Bytes received."],
  ["packets", "Packets received."],
  ["errs", "Packets received with an error."],
  ["drop", "Received packets that were dropped."],
  ["fifo", "Received packets lost because a queue overflowed."],
  ["frame", "Received packets with a framing error."],
  ["compressed", "Compressed packets received."],
  ["multicast", "Multicast packets received."],
];
const SENT = [
  ["bytes", "Bytes sent."],
  ["packets", "Packets sent."],
  ["errs", "Packets that could not be sent because of an error."],
  ["drop", "Packets dropped instead of sent."],
  ["fifo", "Packets to be sent that were lost because a queue overflowed."],
  ["colls", "Collisions."],
  ["carrier", "Losses of the carrier."],
  ["compressed", "Compressed packets sent."],
];
const SPECS = [
  ...RECEIVED.map(([name, help = ""]) => counter(`node_network_receive_${name}_total`, help)),
  ...SENT.map(([name, help = ""]) => counter(`node_network_transmit_${name}_total`, help)),
];

export function netdevCollector(context: CollectContext): Collector {
  return rowsCollector(context, "netdev", {
    path: netPath(context, "dev"),
    hasManyRecords: true,
    columns: NETDEV_COLUMNS,
    specs: SPECS,
    parse: parseNetdev,
    label: "device",
  });
}

/** Reads /proc/net/dev; a row's key is the device's name. */
export function parseNetdev<T>(scan: ByteScanner, table: RowTable<T>): void {
  table.start();
  for (; !scan.isDone; scan.skipLine()) {
    scan.skipSpaces();
    const start = scan.at;
    // The two lines of the heading have no colon.
    if (!skipName(scan) || scan.at - start < 2) continue;
    const row = table.take(scan.bytes, start, scan.at - 1);
    if (row !== null) scan.counts(row.values, NETDEV_COLUMNS);
  }
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
