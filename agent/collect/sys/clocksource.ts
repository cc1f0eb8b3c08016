import { join } from "node:path";
import { type Collector, familiesOf, gauge } from "../collector.ts";
import { type CollectContext, hostPath } from "../context.ts";
import { LabelledRows } from "../kit/labelled-rows.ts";
import { listNames, readSmallFile } from "../kit/small-file.ts";

const DIRECTORY = "/sys/devices/system/clocksource";
const NAME = /^clocksource(\d{1,3})$/;
const CLOCKS_MAX = 64;
const AVAILABLE = gauge("node_time_clocksource_available_info", "A clock that could be used.");
const CURRENT = gauge("node_time_clocksource_current_info", "The clock that is used.");

/** In node_exporter part of its collector time. */
export function clocksourceCollector(context: CollectContext): Collector {
  const directory = hostPath(context, DIRECTORY);
  const sources: [file: string, rows: LabelledRows][] = [
    ["available_clocksource", new LabelledRows(context, [AVAILABLE])],
    ["current_clocksource", new LabelledRows(context, [CURRENT])],
  ];
  return {
    name: "clocksource",
    families: familiesOf([AVAILABLE, CURRENT]),
    collect: () => {
      const devices = listNames(directory, NAME);
      for (const [file, rows] of sources) {
        rows.update(() => {
          for (const device of devices) {
            const text = readSmallFile(join(directory, `clocksource${device}`, file)) ?? "";
            for (const clocksource of text.split(/\s+/, CLOCKS_MAX)) {
              if (clocksource !== "") rows.of({ device, clocksource }).set(0, 1);
            }
          }
        });
      }
    },
    close: () => undefined,
  };
}
