import { type Collector, gauge } from "../collector.ts";
import { type CollectContext, hostFile, readRequired } from "../context.ts";
import { CHANGED } from "../kit/held-file.ts";
import { type Reading, readingCollector } from "../kit/reading.ts";

const CPUS_MAX = 4096;
const CPU_FACTS = gauge("node_cpu_info", "What the CPU is, from /proc/cpuinfo.");
const CPU_LABELS: readonly (readonly [label: string, key: string])[] = [
  ["package", "physical id"],
  ["core", "core id"],
  ["cpu", "processor"],
  ["vendor", "vendor_id"],
  ["family", "cpu family"],
  ["model", "model"],
  ["model_name", "model name"],
  ["microcode", "microcode"],
  ["stepping", "stepping"],
  ["cachesize", "cache size"],
];

/** Off by default, as in node_exporter: a series per CPU that says the same of each. */
export function cpuInfoCollector(context: CollectContext): Collector {
  const file = hostFile(context, "/proc/cpuinfo", { hasLongRecords: true });
  let cpus: Record<string, string>[] = [];
  const read = (reading: Reading) => {
    if (readRequired(file) === CHANGED) {
      cpus = parseCpuinfo(context.buffer.bytes.toString("utf8", 0, file.length));
    }
    reading.overflow += file.isCut ? 1 : 0;
    for (const labels of cpus) reading.set(CPU_FACTS, labels, 1);
  };
  return readingCollector(context, "cpu_info", [CPU_FACTS], read, () => file.close());
}

/** The labels of each CPU in /proc/cpuinfo. */
export function parseCpuinfo(text: string): Record<string, string>[] {
  const cpus: Record<string, string>[] = [];
  for (const paragraph of text.split(/\n\s*\n/, CPUS_MAX)) {
    const fields = new Map<string, string>();
    for (const line of paragraph.split("\n", 100)) {
      const colon = line.indexOf(":");
      if (colon > 0) fields.set(line.slice(0, colon).trim(), line.slice(colon + 1).trim());
    }
    const cpu = fields.get("processor");
    if (cpu === undefined) continue;
    const labels = CPU_LABELS.map(([label, key]) => [label, fields.get(key) ?? ""]);
    cpus.push(Object.fromEntries(labels));
  }
  return cpus;
}
