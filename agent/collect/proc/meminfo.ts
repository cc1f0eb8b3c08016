import { type Collector, gauge, JOB_CONTAINERS, SeriesRow, type SeriesSpec } from "../collector.ts";
import type { CollectContext } from "../context.ts";
import { isMetricNamePart, NamedValuesCollector } from "../kit/named-values.ts";
import { MEMINFO_COLUMNS, parseMeminfo } from "./tables.ts";

const KIBIBYTE = 1024;

const MACHINE_SPECS = [
  gauge("machine_memory_bytes", "Memory of the machine."),
  gauge("machine_swap_bytes", "Swap space of the machine."),
];

/** /proc/meminfo under node_exporter's names, and the machine's memory and swap under cAdvisor's. */
export function meminfoCollector(context: CollectContext): Collector {
  const values = new NamedValuesCollector(context, {
    name: "meminfo",
    path: "/proc/meminfo",
    hasManyRecords: false,
    columns: MEMINFO_COLUMNS,
    parse: parseMeminfo,
    specOf: meminfoSpec,
    convert: ([value = -1, isKibibytes]) => (isKibibytes === 1 ? value * KIBIBYTE : value),
  });
  const machine = new SeriesRow(context.sink, MACHINE_SPECS, { job: JOB_CONTAINERS });
  values.families.push(...MACHINE_SPECS);
  return {
    name: values.name,
    families: values.families,
    collect: () => {
      values.collect();
      machine.set(0, values.lastValue("MemTotal"));
      machine.set(1, values.lastValue("SwapTotal"));
    },
    close: () => values.close(),
  };
}

/** `Active(anon)` in kB is node_memory_Active_anon_bytes; a count, like HugePages_Free, stays bare. */
function meminfoSpec(key: string, [, isKibibytes]: Float64Array): SeriesSpec | null {
  const name = key.replace(/\((.*)\)/, "_$1");
  if (!isMetricNamePart(name)) return null;
  const unit = isKibibytes === 1 ? "_bytes" : "";
  return gauge(`node_memory_${name}${unit}`, `${key} of /proc/meminfo.`);
}
