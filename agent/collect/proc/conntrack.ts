import { type Collector, counter, gauge } from "../collector.ts";
import { type CollectContext, netPath } from "../context.ts";
import { asciiText, type ByteScanner } from "../kit/byte-scanner.ts";
import { numberFile, valuesCollector } from "../kit/file-collector.ts";

const SYSCTL = "/proc/sys/net/netfilter/nf_conntrack";
const ENTRIES = gauge("node_nf_conntrack_entries", "Connections that are tracked.");
const ENTRIES_LIMIT = gauge("node_nf_conntrack_entries_limit", "Connections that may be tracked.");
const STATS = [
  ["found", "Searches that found an entry."],
  ["invalid", "Packets that could not be tracked."],
  ["ignore", "Packets of connections that were known already."],
  ["insert", "Entries inserted."],
  ["insert_failed", "Entries that could not be inserted."],
  ["drop", "Packets dropped because tracking failed."],
  ["early_drop", "Entries dropped to make room for new ones."],
  ["search_restart", "Searches begun again because the table was resized."],
] as const;
const NAMES: readonly string[] = STATS.map(([name]) => name);

/** Connections that netfilter tracks; its module need not be loaded. */
export function conntrackCollector(context: CollectContext): Collector {
  return valuesCollector(context, "conntrack", [
    numberFile(`${SYSCTL}_count`, ENTRIES, true),
    numberFile(`${SYSCTL}_max`, ENTRIES_LIMIT, true),
    {
      path: netPath(context, "stat/nf_conntrack"),
      specs: STATS.map(([name, help]) => counter(`node_nf_conntrack_stat_${name}`, help)),
      parse: parseConntrackStat,
      isOptional: true,
      hasManyRecords: true,
    },
  ]);
}

const COLUMNS_MAX = 64;
const HEADING_BYTES_MAX = 4096;

/**
 * net/stat/nf_conntrack: a line of names, then one of hexadecimal numbers per CPU. Sets the sums over
 * the CPUs, in the order of STATS.
 */
export function parseConntrackStat(scan: ByteScanner, values: Float64Array): void {
  scan.skipLine();
  const heading = asciiText(scan.bytes, Math.min(scan.at, scan.length, HEADING_BYTES_MAX));
  const words = heading.trim().split(/\s+/, COLUMNS_MAX);
  const targets = words.map((word) => NAMES.indexOf(word));
  for (; !scan.isDone; scan.skipLine()) {
    for (let i = 0; i < targets.length && !scan.isAtLineEnd; i += 1) {
      const target = targets[i] ?? -1;
      const count = scan.hex();
      if (target >= 0 && count >= 0) values[target] = Math.max(values[target] ?? 0, 0) + count;
    }
  }
}
