import { type Collector, counter } from "../collector.ts";
import type { CollectContext } from "../context.ts";
import { netPath } from "../kit/net-path.ts";
import { RowCollector } from "../kit/row-collector.ts";
import { NETDEV_COLUMNS, parseNetdev } from "./tables.ts";

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
  ["drop", "Packets to be sent that were dropped."],
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
  return new RowCollector(context, {
    name: "netdev",
    path: netPath(context, "dev"),
    hasManyRecords: true,
    columns: NETDEV_COLUMNS,
    specs: SPECS,
    parse: parseNetdev,
    label: "device",
  });
}
