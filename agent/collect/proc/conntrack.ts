import { type Collector, counter, gauge } from "../collector.ts";
import type { CollectContext } from "../context.ts";
import { netPath } from "../kit/net-path.ts";
import { parseNumber, ValueFilesCollector } from "../kit/value-files.ts";
import { ConntrackStat } from "./conntrack-stat.ts";

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

/** Connections that netfilter tracks; its module need not be loaded. */
export function conntrackCollector(context: CollectContext): Collector {
  const stat = new ConntrackStat(STATS.map(([name]) => name));
  const sysctl = "/proc/sys/net/netfilter/nf_conntrack";
  return new ValueFilesCollector(context, "conntrack", [
    {
      path: `${sysctl}_count`,
      specs: [gauge("node_nf_conntrack_entries", "Connections that are tracked.")],
      parse: parseNumber,
      isOptional: true,
    },
    {
      path: `${sysctl}_max`,
      specs: [gauge("node_nf_conntrack_entries_limit", "Connections that may be tracked.")],
      parse: parseNumber,
      isOptional: true,
    },
    {
      path: netPath(context, "stat/nf_conntrack"),
      specs: STATS.map(([name, help]) => counter(`node_nf_conntrack_stat_${name}`, help)),
      parse: (bytes, length, values) => stat.parse(bytes, length, values),
      isOptional: true,
      hasManyRecords: true,
    },
  ]);
}
