import { type Collector, counter } from "../collector.ts";
import type { CollectContext } from "../context.ts";
import type { ByteScanner } from "../kit/byte-scanner.ts";
import { rowsCollector } from "../kit/file-collector.ts";
import type { RowTable } from "../kit/row-table.ts";

/** Columns of a schedstat row: nanoseconds run, nanoseconds waited, turns. */
export const SCHEDSTAT_COLUMNS = 3;
const SCHEDSTAT_SKIPPED = 6;
const LETTER_C = 99;

const NANOSECONDS = 9;

/** How long threads ran and waited on each CPU; only kernels built to count it have the file. */
export function schedstatCollector(context: CollectContext): Collector {
  return rowsCollector(context, "schedstat", {
    path: "/proc/schedstat",
    hasLongRecords: true,
    columns: SCHEDSTAT_COLUMNS,
    specs: [
      counter("node_schedstat_running_seconds_total", "Time that threads ran.", NANOSECONDS),
      counter("node_schedstat_waiting_seconds_total", "Time that threads waited.", NANOSECONDS),
      counter("node_schedstat_timeslices_total", "Times that a thread got the CPU."),
    ],
    parse: parseSchedstat,
    label: "cpu",
    isOptional: true,
  });
}

/**
 * Reads /proc/schedstat; a row's key is the CPU's number. Source: kernel docs,
 * scheduler/sched-stats, version 15 and later.
 */
export function parseSchedstat<T>(scan: ByteScanner, table: RowTable<T>): void {
  table.start();
  for (; !scan.isDone; scan.skipLine()) {
    const start = scan.at;
    if (scan.bytes[start] !== LETTER_C) continue;
    scan.skipWord();
    const row = scan.at > start + 3 ? table.take(scan.bytes, start + 3, scan.at) : null;
    if (row === null) continue;
    scan.skipWords(SCHEDSTAT_SKIPPED);
    scan.counts(row.values, SCHEDSTAT_COLUMNS);
  }
}
