import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Collector, counter, familiesOf, gauge, type SeriesSpec } from "../collector.ts";
import { type CollectContext, hostPath } from "../context.ts";
import { ABSENT } from "../kit/byte-scanner.ts";
import { LabelledRows } from "../kit/labelled-rows.ts";
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
  const rows = new LabelledRows(context, specs);
  const directory = hostPath(context, DIRECTORY);
  return {
    name: "cpufreq",
    families: familiesOf(specs),
    collect: () => {
      rows.update(() => {
        for (const cpu of cpuNumbers(directory, "cpufreq")) {
          const path = join(directory, `cpu${cpu}`, "cpufreq");
          for (const [index, [file]] of FREQUENCIES.entries()) {
            const value = numberIn(readSmallFile(join(path, file)));
            if (value !== ABSENT && !isUnknown(value)) rows.of({ cpu }).set(index, value * KILO);
          }
        }
      });
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
      const tell = () => {
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
      };
      cores.update(() => packages.update(tell));
    },
    close: () => undefined,
  };
}

/** The CPUs that have a directory of that name: guests have few of them. */
function cpuNumbers(directory: string, part: string): string[] {
  return listNames(directory, NAME).filter((cpu) => existsSync(join(directory, `cpu${cpu}`, part)));
}
