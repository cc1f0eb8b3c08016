import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Collector, counter, familiesOf, gauge, type SeriesSpec } from "../collector.ts";
import { type CollectContext, hostFile, hostPath, readRequired } from "../context.ts";
import { ABSENT } from "../kit/byte-scanner.ts";
import { CHANGED } from "../kit/held-file.ts";
import { LabelledFact } from "../kit/labelled-fact.ts";
import { LabelledRows } from "../kit/labelled-rows.ts";
import { listNames, numberIn, readSmallFile } from "../kit/small-file.ts";

const DIRECTORY = "/sys/devices/system/cpu";
const CPUS_MAX = 4096;
const NAME = /^cpu(\d{1,5})$/;

const KILO = 1000;
const FREQUENCIES: readonly (readonly [file: string, spec: SeriesSpec])[] = [
  ["cpuinfo_cur_freq", gauge("node_cpu_frequency_hertz", "Frequency.")],
  ["cpuinfo_min_freq", gauge("node_cpu_frequency_min_hertz", "Lowest frequency.")],
  ["cpuinfo_max_freq", gauge("node_cpu_frequency_max_hertz", "Highest frequency.")],
  ["scaling_cur_freq", gauge("node_cpu_scaling_frequency_hertz", "Frequency that was set.")],
  ["scaling_min_freq", gauge("node_cpu_scaling_frequency_min_hertz", "Lowest that may be set.")],
  ["scaling_max_freq", gauge("node_cpu_scaling_frequency_max_hertz", "Highest that may be set.")],
];

/** Frequencies of the CPUs, where the host lets its guest see them. */
export function cpufreqCollector(context: CollectContext): Collector {
  const specs = FREQUENCIES.map(([, spec]) => spec);
  const rows = new LabelledRows(context, specs);
  const directory = hostPath(context, DIRECTORY);
  return {
    name: "cpufreq",
    families: familiesOf(specs),
    collect: () => {
      rows.begin();
      for (const cpu of cpuNumbers(directory, "cpufreq")) {
        const path = join(directory, `cpu${cpu}`, "cpufreq");
        const values = FREQUENCIES.map(([file]) => numberIn(readSmallFile(join(path, file))));
        if (values.every((value) => value === ABSENT)) continue;
        const row = rows.of({ cpu });
        for (const [index, value] of values.entries()) {
          row.set(index, value === ABSENT ? ABSENT : value * KILO);
        }
      }
      rows.end();
    },
    close: () => undefined,
  };
}

const CORE = [
  counter("node_cpu_core_throttles_total", "Times that the core was slowed down by heat."),
];
const PACKAGE = [
  counter("node_cpu_package_throttles_total", "Times that the package was slowed down by heat."),
];

/** How often CPUs were too hot; node_exporter has these in its collector cpu. */
export function cpuThrottlesCollector(context: CollectContext): Collector {
  const cores = new LabelledRows(context, CORE);
  const packages = new LabelledRows(context, PACKAGE);
  const directory = hostPath(context, DIRECTORY);
  return {
    name: "cpu_throttles",
    families: familiesOf([...CORE, ...PACKAGE]),
    collect: () => {
      cores.begin();
      packages.begin();
      for (const cpu of cpuNumbers(directory, "thermal_throttle")) {
        const text = (file: string) => readSmallFile(join(directory, `cpu${cpu}`, file));
        const core = numberIn(text("thermal_throttle/core_throttle_count"));
        const inPackage = numberIn(text("thermal_throttle/package_throttle_count"));
        if (core === ABSENT && inPackage === ABSENT) continue;
        const id = text("topology/physical_package_id") ?? "";
        // The threads of a core count the same, so the last stands for it.
        cores.of({ package: id, core: text("topology/core_id") ?? "" }).set(0, core);
        packages.of({ package: id }).set(0, inPackage);
      }
      cores.end();
      packages.end();
    },
    close: () => undefined,
  };
}

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
  const facts: LabelledFact[] = [];
  let cpus: Record<string, string>[] = [];
  return {
    name: "cpu_info",
    families: familiesOf([CPU_FACTS]),
    collect: () => {
      if (readRequired(file) === CHANGED) {
        cpus = parseCpuinfo(context.buffer.bytes.toString("utf8", 0, file.length));
      }
      for (const [index, labels] of cpus.entries()) {
        facts[index] ??= new LabelledFact(context.sink, CPU_FACTS);
        facts[index]?.tell(labels);
        facts[index]?.set();
      }
      for (const fact of facts.slice(cpus.length)) fact.retire();
    },
    close: () => file.close(),
  };
}

/** The labels of each CPU in /proc/cpuinfo; CPUs that stand twice, once. */
export function parseCpuinfo(text: string): Record<string, string>[] {
  const byCpu = new Map<string, Record<string, string>>();
  for (const paragraph of text.split(/\n\s*\n/, CPUS_MAX)) {
    const fields = new Map<string, string>();
    for (const line of paragraph.split("\n", 100)) {
      const colon = line.indexOf(":");
      if (colon > 0) fields.set(line.slice(0, colon).trim(), line.slice(colon + 1).trim());
    }
    const cpu = fields.get("processor");
    if (cpu === undefined) continue;
    const labels = CPU_LABELS.map(([label, key]) => [label, fields.get(key) ?? ""]);
    byCpu.set(cpu, Object.fromEntries(labels));
  }
  return [...byCpu.values()];
}

/** The CPUs that have a directory of that name: guests have few of them. */
function cpuNumbers(directory: string, part: string): string[] {
  const cpus = listNames(directory, CPUS_MAX).flatMap((name) => NAME.exec(name)?.[1] ?? []);
  return cpus.filter((cpu) => existsSync(join(directory, `cpu${cpu}`, part)));
}
