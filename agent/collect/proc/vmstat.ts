import { type Collector, counter } from "../collector.ts";
import type { CollectContext } from "../context.ts";
import type { ByteScanner } from "../kit/byte-scanner.ts";
import { FileCollector, rowsSource } from "../kit/file-collector.ts";
import type { RowTable } from "../kit/row-table.ts";
import { METRIC_NAME_PART } from "./meminfo.ts";

/** The fields that node_exporter takes by default: OOM kills, paging, swapping, faults. */
const WANTED = /^(?:oom_kill|pgpg|pswp|pg.*fault)/;

export function vmstatCollector(context: CollectContext): Collector {
  const rows = rowsSource(context, {
    path: "/proc/vmstat",
    hasManyRecords: true,
    columns: 1,
    parse: parseVmstat,
    specs: [],
    seriesOf: (key) =>
      WANTED.test(key) && METRIC_NAME_PART.test(key)
        ? { specs: [counter(`node_vmstat_${key}`, `${key} of /proc/vmstat.`)] }
        : null,
  });
  return new FileCollector(context, "vmstat", [rows]);
}

/** Reads /proc/vmstat: `key 123`, one value a row. */
export function parseVmstat<T>(scan: ByteScanner, table: RowTable<T>): void {
  table.start();
  for (; !scan.isDone; scan.skipLine()) {
    const start = scan.at;
    scan.skipWord();
    const row = scan.at > start ? table.take(scan.bytes, start, scan.at) : null;
    if (row !== null) row.values[0] = scan.count();
  }
}
