import { type Collector, counter, gauge, type SeriesSpec } from "../collector.ts";
import { type CollectContext, netPath } from "../context.ts";
import { ABSENT, asciiText, type ByteScanner } from "../kit/byte-scanner.ts";
import { type ValuesOptions, valuesCollector } from "../kit/file-collector.ts";
import { KeyTable, parseKeyValues } from "../kit/key-table.ts";
import { numberIn } from "../kit/small-file.ts";

export type Fields = readonly (readonly [group: string, names: string])[];

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
  const names6 = namesOf(SNMP6);
  const table6 = new KeyTable(names6.map((name, index) => [name.replace(" ", ""), index]));
  return valuesCollector(context, "netstat", [
    headedFile(context, "snmp", SNMP),
    headedFile(context, "netstat", NETSTAT),
    {
      // `Ip6InOctets 12`; a kernel without IPv6 has no such file.
      path: netPath(context, "snmp6"),
      specs: names6.map((name) => specOf(name, "snmp6")),
      parse: (scan, values) => parseKeyValues(scan, table6, values),
      isOptional: true,
    },
  ]);
}

function headedFile(context: CollectContext, file: string, fields: Fields): ValuesOptions {
  const names = namesOf(fields);
  const lines = new HeadedLines(names);
  return {
    path: netPath(context, file),
    specs: names.map((name) => specOf(name, file)),
    parse: (scan, values) => lines.parse(scan, values),
  };
}

export function namesOf(fields: Fields): string[] {
  return fields.flatMap(([group, names]) => names.split(" ").map((name) => `${group} ${name}`));
}

function specOf(name: string, file: string): SeriesSpec {
  const metric = `node_netstat_${name.replace(" ", "_")}`;
  const help = `${name} of /proc/net/${file}.`;
  return GAUGES.has(name) ? gauge(metric, help) : counter(metric, help);
}

const LINES_MAX = 128;
const NAMES_MAX = 1024;

/** Where the word of a line below goes in the values. */
type Target = readonly [word: number, value: number];

/**
 * Files of pairs of lines, `Tcp: InSegs OutSegs` above `Tcp: 12 34` (net/snmp, net/netstat). The
 * names are three quarters of the file and never change while a kernel runs, so they are looked up
 * once.
 */
export class HeadedLines {
  readonly #names: readonly string[];
  readonly #targets = new Map<string, readonly Target[]>();

  /** In the order of the values, such as `Tcp InSegs`. */
  constructor(names: readonly string[]) {
    this.#names = names;
  }

  /** Sets the values that stand in the file. */
  parse(scan: ByteScanner, values: Float64Array): void {
    const lines = asciiText(scan.bytes, scan.length).split("\n", LINES_MAX);
    if (this.#targets.size > LINES_MAX) this.#targets.clear();
    for (let i = 0; i + 1 < lines.length; i += 2) {
      const words = lines[i + 1]?.split(" ", NAMES_MAX) ?? [];
      for (const [word, value] of this.#targetsOf(lines[i] ?? "")) {
        const number = words[word];
        if (number === undefined || number === "") continue;
        values[value] = numberIn(number);
        if (values[value] === ABSENT) scan.malformed += 1;
      }
    }
  }

  #targetsOf(heading: string): readonly Target[] {
    const known = this.#targets.get(heading);
    if (known !== undefined) return known;
    const [prefix = "", ...names] = heading.split(" ", NAMES_MAX);
    const targets = names.flatMap((name, index) => {
      const value = this.#names.indexOf(`${prefix.slice(0, -1)} ${name}`);
      return value < 0 ? [] : [[index + 1, value] as const];
    });
    this.#targets.set(heading, targets);
    return targets;
  }
}
