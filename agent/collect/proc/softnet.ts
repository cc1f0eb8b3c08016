import { type Collector, counter, gauge } from "../collector.ts";
import { type CollectContext, netPath } from "../context.ts";
import { ABSENT, type ByteScanner } from "../kit/byte-scanner.ts";
import { rowsCollector } from "../kit/file-collector.ts";
import type { RowTable } from "../kit/row-table.ts";

/** Columns of a softnet row, fewer on older kernels; from 5.10 on the CPU's number follows. */
export const SOFTNET_COLUMNS = 12;

/** Where in a softnet row what the specs tell stands. */
const SOFTNET_PLACES = [0, 1, 2, 8, 9, 10, 11];
const SOFTNET_SPECS = [
  counter("node_softnet_processed_total", "Packets that the CPU took from network devices."),
  counter("node_softnet_dropped_total", "Packets dropped because the CPU's queue was full."),
  counter("node_softnet_times_squeezed_total", "Times that packets were left for a later turn."),
  counter("node_softnet_cpu_collision_total", "Times that a device to send by was locked."),
  counter("node_softnet_received_rps_total", "Times that another CPU handed packets over."),
  counter("node_softnet_flow_limit_count_total", "Times that a flow reached its limit."),
  gauge("node_softnet_backlog_len", "Packets in the CPU's queue."),
];

/** What each CPU does for the network. */
export function softnetCollector(context: CollectContext): Collector {
  return rowsCollector(context, "softnet", {
    path: netPath(context, "softnet_stat"),
    hasManyRecords: true,
    columns: SOFTNET_COLUMNS,
    specs: SOFTNET_SPECS,
    parse: parseSoftnet,
    label: "cpu",
    convert: (values) => {
      for (const [index, place] of SOFTNET_PLACES.entries()) values[index] = values[place] ?? -1;
    },
  });
}

/**
 * Reads net/softnet_stat: a line of hexadecimal numbers per CPU that is online; a row's key is the
 * CPU's number. Source: the kernel's net/core/net-procfs.c.
 */
export function parseSoftnet<T>(scan: ByteScanner, table: RowTable<T>): void {
  table.start();
  for (let line = 0; !scan.isDone; line += 1, scan.skipLine()) {
    if (scan.isAtLineEnd) continue;
    for (let i = 0; i < SOFTNET_COLUMNS; i += 1) softnet[i] = scan.hex();
    const cpu = scan.isAtLineEnd ? ABSENT : scan.hex();
    const key = Buffer.from(String(cpu === ABSENT ? line : cpu));
    const row = table.take(key, 0, key.length);
    if (row !== null) row.values.set(softnet);
  }
}

const softnet = new Float64Array(SOFTNET_COLUMNS);
