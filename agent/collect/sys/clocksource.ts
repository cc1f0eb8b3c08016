import { join } from "node:path";
import { type Collector, gauge } from "../collector.ts";
import { type CollectContext, hostPath } from "../context.ts";
import { readingCollector } from "../kit/reading.ts";
import { listNames, readSmallFile } from "../kit/small-file.ts";

const DIRECTORY = "/sys/devices/system/clocksource";
const NAME = /^clocksource(\d{1,3})$/;
const CLOCKS_MAX = 64;
const AVAILABLE = gauge("node_time_clocksource_available_info", "A clock that could be used.");
const CURRENT = gauge("node_time_clocksource_current_info", "The clock that is used.");
const FILES = [
  ["available_clocksource", AVAILABLE],
  ["current_clocksource", CURRENT],
] as const;

/** In node_exporter part of its collector time. */
export function clocksourceCollector(context: CollectContext): Collector {
  const directory = hostPath(context, DIRECTORY);
  return readingCollector(context, "clocksource", [AVAILABLE, CURRENT], (reading) => {
    for (const device of listNames(directory, NAME)) {
      for (const [file, spec] of FILES) {
        const text = readSmallFile(join(directory, `clocksource${device}`, file)) ?? "";
        for (const clocksource of text.split(/\s+/, CLOCKS_MAX)) {
          if (clocksource !== "") reading.set(spec, { device, clocksource }, 1);
        }
      }
    }
  });
}
