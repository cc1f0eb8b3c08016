import { type Collector, gauge } from "../collector.ts";
import type { CollectContext } from "../context.ts";
import type { ByteScanner } from "../kit/byte-scanner.ts";
import { valuesCollector } from "../kit/file-collector.ts";

const SPECS = [
  gauge("node_load1", "Load average over a minute.", 2),
  gauge("node_load5", "Load average over 5 minutes.", 2),
  gauge("node_load15", "Load average over 15 minutes.", 2),
];

export function loadavgCollector(context: CollectContext): Collector {
  const file = { path: "/proc/loadavg", specs: SPECS, parse: parseLoadavg };
  return valuesCollector(context, "loadavg", [file]);
}

/** The three averages in hundredths. */
export function parseLoadavg(scan: ByteScanner, values: Float64Array): void {
  for (let i = 0; i < 3; i += 1) values[i] = scan.decimal(2);
}
