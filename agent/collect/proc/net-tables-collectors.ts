import { type Collector, counter, gauge } from "../collector.ts";
import type { CollectContext } from "../context.ts";
import { netPath } from "../kit/net-path.ts";
import { RowCollector } from "../kit/row-collector.ts";
import {
  parseArp,
  parseSchedstat,
  parseSoftnet,
  SCHEDSTAT_COLUMNS,
  SOFTNET_COLUMNS,
} from "./net-tables.ts";

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
  return new RowCollector(context, {
    name: "softnet",
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

const NANOSECONDS = 9;

/** How long threads ran and waited on each CPU; only kernels built to count it have the file. */
export function schedstatCollector(context: CollectContext): Collector {
  return new RowCollector(context, {
    name: "schedstat",
    path: "/proc/schedstat",
    hasManyRecords: true,
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

export function arpCollector(context: CollectContext): Collector {
  return new RowCollector(context, {
    name: "arp",
    path: netPath(context, "arp"),
    hasManyRecords: true,
    columns: 1,
    specs: [gauge("node_arp_entries", "Neighbours that are known.")],
    parse: parseArp,
    label: "device",
    isOptional: true,
  });
}
