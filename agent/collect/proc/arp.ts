import { type Collector, gauge } from "../collector.ts";
import { type CollectContext, netPath } from "../context.ts";
import type { ByteScanner } from "../kit/byte-scanner.ts";
import { rowsCollector } from "../kit/file-collector.ts";
import type { RowTable } from "../kit/row-table.ts";

/** Of a line, before the device. */
const COLUMNS_BEFORE = 5;

export function arpCollector(context: CollectContext): Collector {
  return rowsCollector(context, "arp", {
    path: netPath(context, "arp"),
    hasManyRecords: true,
    columns: 1,
    specs: [gauge("node_arp_entries", "Neighbours that are known.")],
    parse: parseArp,
    label: "device",
    isOptional: true,
  });
}

/**
 * Reads net/arp: a row per network device, with the number of its entries. Source: the kernel's
 * net/ipv4/arp.c, which writes the device last.
 */
export function parseArp<T>(scan: ByteScanner, table: RowTable<T>): void {
  table.start();
  scan.skipLine(); // the heading
  for (; !scan.isDone; scan.skipLine()) {
    scan.skipWords(COLUMNS_BEFORE);
    scan.skipSpaces();
    const start = scan.at;
    scan.skipWord();
    const row = scan.at > start ? table.gather(scan.bytes, start, scan.at) : null;
    if (row !== null) row.values[0] = Math.max(row.values[0] ?? 0, 0) + 1;
  }
}
