import { type Collector, gauge, JOB_CONTAINERS, SeriesRow } from "../collector.ts";
import type { CollectContext } from "../context.ts";
import type { ByteScanner } from "../kit/byte-scanner.ts";
import { FileCollector, rowsSource } from "../kit/file-collector.ts";
import type { RowTable } from "../kit/row-table.ts";

const COLON = 58;
const KIBIBYTE = 1024;
/** Columns of a row: the number as it stands in the file; and 1 if its unit is kB. */
const MEMINFO_COLUMNS = 2;
/** Whether the text can stand in a metric's name: the file's word is not taken for it. */
export const METRIC_NAME_PART = /^[A-Za-z0-9_]{1,100}$/;

const MACHINE_SPECS = [
  gauge("machine_memory_bytes", "Memory of the machine."),
  gauge("machine_swap_bytes", "Swap space of the machine."),
];

/** /proc/meminfo under node_exporter's names, and the machine's memory and swap under cAdvisor's. */
export function meminfoCollector(context: CollectContext): Collector {
  const rows = rowsSource(context, {
    path: "/proc/meminfo",
    columns: MEMINFO_COLUMNS,
    parse: parseMeminfo,
    specs: MACHINE_SPECS,
    seriesOf,
    convert: (values) => {
      const [value = 0, isKibibytes] = values;
      if (isKibibytes === 1 && value > 0) values[0] = value * KIBIBYTE;
    },
  });
  const files = new FileCollector(context, "meminfo", [rows]);
  const machine = new SeriesRow(context.sink, MACHINE_SPECS, { job: JOB_CONTAINERS });
  return {
    name: files.name,
    families: rows.families,
    collect: (nowMs) => {
      files.collect(nowMs);
      machine.set(0, rows.valuesOf("MemTotal")?.[0] ?? -1);
      machine.set(1, rows.valuesOf("SwapTotal")?.[0] ?? -1);
    },
    close: () => files.close(),
  };
}

/** `Active(anon)` in kB is node_memory_Active_anon_bytes; a count, like HugePages_Free, stays bare. */
function seriesOf(key: string, [, isKibibytes]: Float64Array) {
  const name = key.replace(/\((.*)\)/, "_$1");
  if (!METRIC_NAME_PART.test(name)) return null;
  const unit = isKibibytes === 1 ? "_bytes" : "";
  return { specs: [gauge(`node_memory_${name}${unit}`, `${key} of /proc/meminfo.`)] };
}

/** Reads /proc/meminfo: `Key:   123 kB`. */
export function parseMeminfo<T>(scan: ByteScanner, table: RowTable<T>): void {
  table.start();
  for (; !scan.isDone; scan.skipLine()) {
    const start = scan.at;
    if (!scan.skipPast(COLON) || scan.at - start < 2) continue;
    const row = table.take(scan.bytes, start, scan.at - 1);
    if (row === null) continue;
    row.values[0] = scan.count();
    scan.skipSpaces();
    row.values[1] = scan.isAtLineEnd ? 0 : 1;
  }
}
