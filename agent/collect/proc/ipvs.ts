import { type Collector, counter } from "../collector.ts";
import { type CollectContext, netPath } from "../context.ts";
import type { ByteScanner } from "../kit/byte-scanner.ts";
import { valuesCollector } from "../kit/file-collector.ts";

const SPECS = [
  counter("node_ipvs_connections_total", "Connections."),
  counter("node_ipvs_incoming_packets_total", "Packets that came in."),
  counter("node_ipvs_outgoing_packets_total", "Packets that went out."),
  counter("node_ipvs_incoming_bytes_total", "Bytes that came in."),
  counter("node_ipvs_outgoing_bytes_total", "Bytes that went out."),
];

/** What the kernel's load balancer did, where its module is loaded. */
export function ipvsCollector(context: CollectContext): Collector {
  return valuesCollector(context, "ipvs", [
    {
      path: netPath(context, "ip_vs_stats"),
      specs: SPECS,
      parse: parseIpvsStats,
      isOptional: true,
    },
  ]);
}

/** Hexadecimal numbers below two lines of names. */
function parseIpvsStats(scan: ByteScanner, values: Float64Array): void {
  scan.skipLine();
  scan.skipLine();
  for (let i = 0; i < SPECS.length; i += 1) values[i] = scan.hex();
}
