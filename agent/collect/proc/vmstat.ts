import { type Collector, counter, type SeriesSpec } from "../collector.ts";
import type { CollectContext } from "../context.ts";
import { isMetricNamePart, NamedValuesCollector } from "../kit/named-values.ts";
import { parseVmstat } from "./tables.ts";

/** The fields that node_exporter takes by default: OOM kills, paging, swapping, faults. */
const WANTED = /^(?:oom_kill|pgpg|pswp|pg.*fault)/;

export function vmstatCollector(context: CollectContext): Collector {
  return new NamedValuesCollector(context, {
    name: "vmstat",
    path: "/proc/vmstat",
    hasManyRecords: true,
    columns: 1,
    parse: parseVmstat,
    specOf: vmstatSpec,
    convert: ([value = -1]) => value,
  });
}

function vmstatSpec(key: string): SeriesSpec | null {
  if (!WANTED.test(key) || !isMetricNamePart(key)) return null;
  return counter(`node_vmstat_${key}`, `${key} of /proc/vmstat.`);
}
