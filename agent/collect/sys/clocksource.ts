import { readlinkSync } from "node:fs";
import { join } from "node:path";
import { type Collector, familiesOf, gauge, JOB_NODE } from "../collector.ts";
import { type CollectContext, hostPath } from "../context.ts";
import { LabelledRows } from "../kit/labelled-rows.ts";
import { SignedRow } from "../kit/signed-row.ts";
import { listNames, readSmallBytes, readSmallFile } from "../kit/small-file.ts";
import { type ZoneOffset, zoneOffset } from "./time-zone.ts";

const ZONE = gauge("node_time_zone_offset_seconds", "Seconds that local time is ahead of UTC.");
const ZONES = "/usr/share/zoneinfo";
const ZONE_PATH = /\/zoneinfo\/((?:[A-Za-z0-9_+-]+\/){0,3}[A-Za-z0-9_+-]+)$/;
const UTC: ZoneOffset = { seconds: 0, name: "UTC" };

/** The host's time zone; in node_exporter part of its collector time. */
export function timeZoneCollector(context: CollectContext): Collector {
  let known: ZoneOffset | null = null;
  let row: SignedRow | null = null;
  return {
    name: "time_zone",
    families: familiesOf([ZONE]),
    collect: (nowMs) => {
      const bytes = readSmallBytes(zonePath(context));
      const zone = (bytes && zoneOffset(bytes, nowMs / 1000)) ?? UTC;
      if (row === null || zone.name !== known?.name) {
        row?.retire();
        row = new SignedRow(context.sink, [ZONE], { job: JOB_NODE, time_zone: zone.name });
      }
      known = zone;
      row.setAll([zone.seconds]);
    },
    close: () => undefined,
  };
}

/** A link to the zone's file is followed below the host's root, not ours. */
function zonePath(context: CollectContext): string {
  const path = hostPath(context, "/etc/localtime");
  try {
    const zone = ZONE_PATH.exec(readlinkSync(path))?.[1];
    return zone === undefined ? path : hostPath(context, join(ZONES, zone));
  } catch {
    // No link: the file itself, or none.
    return path;
  }
}

const CLOCK_DIRECTORY = "/sys/devices/system/clocksource";
const CLOCK_NAME = /^clocksource(\d{1,3})$/;
const CLOCKS_MAX = 64;
const AVAILABLE = gauge("node_time_clocksource_available_info", "A clock that could be used.");
const CURRENT = gauge("node_time_clocksource_current_info", "The clock that is used.");

/** In node_exporter part of its collector time. */
export function clocksourceCollector(context: CollectContext): Collector {
  const directory = hostPath(context, CLOCK_DIRECTORY);
  const sources: [file: string, rows: LabelledRows][] = [
    ["available_clocksource", new LabelledRows(context, [AVAILABLE])],
    ["current_clocksource", new LabelledRows(context, [CURRENT])],
  ];
  return {
    name: "clocksource",
    families: familiesOf([AVAILABLE, CURRENT]),
    collect: () => {
      const names = listNames(directory, CLOCKS_MAX);
      for (const [file, rows] of sources) {
        rows.begin();
        for (const name of names) {
          const device = CLOCK_NAME.exec(name)?.[1];
          const text = device === undefined ? null : readSmallFile(join(directory, name, file));
          if (device === undefined || text === null || text === "") continue;
          for (const clocksource of text.split(/\s+/, CLOCKS_MAX)) {
            rows.of({ device, clocksource }).set(0, 1);
          }
        }
        rows.end();
      }
    },
    close: () => undefined,
  };
}
