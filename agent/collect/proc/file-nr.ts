import { type Collector, gauge } from "../collector.ts";
import type { CollectContext } from "../context.ts";
import type { ByteScanner } from "../kit/byte-scanner.ts";
import { valuesCollector } from "../kit/file-collector.ts";

const SPECS = [
  gauge("node_filefd_allocated", "Open files of all processes."),
  gauge("node_filefd_maximum", "Open files that there may be."),
];

export function filefdCollector(context: CollectContext): Collector {
  const file = { path: "/proc/sys/fs/file-nr", specs: SPECS, parse: parseFileNr };
  return valuesCollector(context, "filefd", [file]);
}

/** Allocated and maximum; what lies between is always 0. */
export function parseFileNr(scan: ByteScanner, values: Float64Array): void {
  values[0] = scan.count();
  scan.count();
  values[1] = scan.count();
}
