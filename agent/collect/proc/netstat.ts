import { type Collector, counter, gauge, type SeriesSpec } from "../collector.ts";
import type { CollectContext } from "../context.ts";
import { KeyTable, parseKeyValues } from "../kit/key-table.ts";
import { netPath } from "../kit/net-path.ts";
import { type ValueFile, ValueFilesCollector } from "../kit/value-files.ts";
import { HeadedLines } from "./headed-lines.ts";

type Fields = readonly (readonly [group: string, names: string])[];

/** What node_exporter takes of the three files by default, and since 1.6. */
const SNMP: Fields = [
  ["Ip", "Forwarding"],
  ["Icmp", "InErrors InMsgs OutMsgs"],
  ["Tcp", "ActiveOpens CurrEstab InErrs InSegs OutRsts OutSegs PassiveOpens RetransSegs"],
  ["Udp", "InDatagrams InErrors NoPorts OutDatagrams RcvbufErrors SndbufErrors"],
  ["UdpLite", "InErrors"],
];
const NETSTAT: Fields = [
  ["IpExt", "InOctets OutOctets"],
  ["TcpExt", "ListenDrops ListenOverflows SyncookiesFailed SyncookiesRecv SyncookiesSent"],
  ["TcpExt", "TCPOFOQueue TCPRcvQDrop TCPSynRetrans TCPTimeouts"],
];
const SNMP6: Fields = [
  ["Ip6", "InOctets OutOctets"],
  ["Icmp6", "InErrors InMsgs OutMsgs"],
  ["Udp6", "InDatagrams InErrors NoPorts OutDatagrams RcvbufErrors SndbufErrors"],
  ["UdpLite6", "InErrors"],
];

const GAUGES = new Set(["Ip Forwarding", "Tcp CurrEstab"]);

/** What the network stack counted, as the kernel's MIBs name it. */
export function netstatCollector(context: CollectContext): Collector {
  return new ValueFilesCollector(context, "netstat", [
    headedFile(context, "snmp", SNMP),
    headedFile(context, "netstat", NETSTAT),
    plainFile(context, "snmp6", SNMP6),
  ]);
}

function headedFile(context: CollectContext, file: string, fields: Fields): ValueFile {
  const names = namesOf(fields);
  const lines = new HeadedLines(new Map(names.map((name, index) => [name, index])));
  return {
    path: netPath(context, file),
    specs: names.map((name) => specOf(name, file)),
    parse: (bytes, length, values) => lines.parse(bytes, length, values),
  };
}

/** `Ip6InOctets 12`; a kernel without IPv6 has no such file. */
function plainFile(context: CollectContext, file: string, fields: Fields): ValueFile {
  const names = namesOf(fields);
  const table = new KeyTable(names.map((name, index) => [name.replace(" ", ""), index]));
  return {
    path: netPath(context, file),
    specs: names.map((name) => specOf(name, file)),
    parse: (bytes, length, values) => parseKeyValues(bytes, length, table, values),
    isOptional: true,
  };
}

function namesOf(fields: Fields): string[] {
  return fields.flatMap(([group, names]) => names.split(" ").map((name) => `${group} ${name}`));
}

function specOf(name: string, file: string): SeriesSpec {
  const metric = `node_netstat_${name.replace(" ", "_")}`;
  const help = `${name} of /proc/net/${file}.`;
  return GAUGES.has(name) ? gauge(metric, help) : counter(metric, help);
}
