import { BackgroundCollector, type BackgroundSource } from "./background.ts";
import type { CollectorEntry } from "./collector-entry.ts";
import { type CollectContext, hostPath } from "./context.ts";
import { mdadmSource } from "./proc/mdstat.ts";
import { bondingSource, nvmeSource, watchdogSource } from "./sys/controllers.ts";
import { edacSource } from "./sys/edac.ts";
import { hwmonSource } from "./sys/hwmon.ts";
import { dmiSource, osSource } from "./sys/identity.ts";
import { powerSupplySource, raplSource } from "./sys/power-supply.ts";
import { thermalSource } from "./sys/thermal.ts";
import { SYSTEMD_COLLECTOR } from "./systemd/systemd-collector.ts";

/** Runs each tick, because a tick only sets what was read in the background. */
function entry(
  name: string,
  isOnByDefault: boolean,
  source: (context: CollectContext) => BackgroundSource,
): CollectorEntry {
  return {
    name,
    isOnByDefault,
    intervalMs: 0,
    isSheddable: true,
    create: (context) => new BackgroundCollector(context, source(context)),
  };
}

function sysEntry(name: string, source: (sys: string) => BackgroundSource): CollectorEntry {
  return entry(name, true, (context) => source(hostPath(context, "/sys")));
}

/** Hardware, what the machine is, and units, under node_exporter's names. */
export const DEVICE_COLLECTORS: readonly CollectorEntry[] = [
  sysEntry("hwmon", hwmonSource),
  sysEntry("thermal_zone", thermalSource),
  sysEntry("edac", edacSource),
  entry("mdadm", true, (context) => mdadmSource(hostPath(context, "/proc"))),
  sysEntry("nvme", nvmeSource),
  sysEntry("rapl", raplSource),
  sysEntry("powersupplyclass", powerSupplySource),
  sysEntry("bonding", bondingSource),
  sysEntry("watchdog", watchdogSource),
  sysEntry("dmi", dmiSource),
  entry("os", true, (context) => osSource((path) => hostPath(context, path))),
  SYSTEMD_COLLECTOR,
];
