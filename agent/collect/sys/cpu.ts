import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Collector, counter, gauge, type SeriesSpec } from "../collector.ts";
import { type CollectContext, hostPath } from "../context.ts";
import { ABSENT } from "../kit/byte-scanner.ts";
import { readingCollector } from "../kit/reading.ts";
import { isUnknown, listNames, numberIn, readSmallFile } from "../kit/small-file.ts";

const DIRECTORY = "/sys/devices/system/cpu";
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
  const directory = hostPath(context, DIRECTORY);
  return readingCollector(context, "cpufreq", specs, (reading) => {
    for (const cpu of cpuNumbers(directory, "cpufreq")) {
      for (const [file, spec] of FREQUENCIES) {
        const value = numberIn(readSmallFile(join(directory, `cpu${cpu}`, "cpufreq", file)));
        if (value !== ABSENT && !isUnknown(value)) reading.set(spec, { cpu }, value * KILO);
      }
    }
  });
}

const CORE = counter("node_cpu_core_throttles_total", "Times that heat slowed the core down.");
const PACKAGE = counter("node_cpu_package_throttles_total", "Times that heat slowed the package.");

/** How often CPUs were too hot; node_exporter has these in its collector cpu. */
export function cpuThrottlesCollector(context: CollectContext): Collector {
  const directory = hostPath(context, DIRECTORY);
  return readingCollector(context, "cpu_throttles", [CORE, PACKAGE], (reading) => {
    const told = new Set<string>();
    for (const cpu of cpuNumbers(directory, "thermal_throttle")) {
      const text = (file: string) => readSmallFile(join(directory, `cpu${cpu}`, file));
      const inPackage = { package: text("topology/physical_package_id") ?? "" };
      const inCore = { ...inPackage, core: text("topology/core_id") ?? "" };
      // The threads of a core count the same, so the first stands for it.
      const tell = (spec: SeriesSpec, labels: Readonly<Record<string, string>>, file: string) => {
        const key = JSON.stringify(labels);
        if (!told.has(key)) reading.setCount(spec, labels, numberIn(text(file)));
        told.add(key);
      };
      tell(CORE, inCore, "thermal_throttle/core_throttle_count");
      tell(PACKAGE, inPackage, "thermal_throttle/package_throttle_count");
    }
  });
}

/** The CPUs that have a directory of that name: guests have few of them. */
function cpuNumbers(directory: string, part: string): string[] {
  return listNames(directory, NAME).filter((cpu) => existsSync(join(directory, `cpu${cpu}`, part)));
}
