import type { BackgroundSource } from "./background.ts";
import { backgroundEntry, type CollectorEntry, collectorEntry } from "./collector-entry.ts";
import { hostPath } from "./context.ts";
import { arpCollector } from "./proc/arp.ts";
import { conntrackCollector } from "./proc/conntrack.ts";
import { cpuInfoCollector } from "./proc/cpuinfo.ts";
import { interruptsCollector } from "./proc/interrupts.ts";
import { ipvsCollector } from "./proc/ipvs.ts";
import { entropyCollector, kernelHungCollector } from "./proc/kernel-numbers.ts";
import { mdadmSource } from "./proc/mdstat.ts";
import { tcpstatCollector, udpQueuesCollector } from "./proc/net-sockets.ts";
import { netstatCollector } from "./proc/netstat.ts";
import { nfsCollector, nfsdCollector } from "./proc/nfs.ts";
import { processesCollector } from "./proc/processes.ts";
import { schedstatCollector } from "./proc/schedstat.ts";
import { sockstatCollector } from "./proc/sockstat.ts";
import { softnetCollector } from "./proc/softnet.ts";
import { timexCollector } from "./proc/timex.ts";
import { bondingSource } from "./sys/bonding.ts";
import { clocksourceCollector } from "./sys/clocksource.ts";
import { cpufreqCollector, cpuThrottlesCollector } from "./sys/cpu.ts";
import { diskFactsCollector } from "./sys/disk-facts.ts";
import { dmiSource } from "./sys/dmi.ts";
import { edacSource } from "./sys/edac.ts";
import { hwmonSource } from "./sys/hwmon.ts";
import { machineCollector } from "./sys/machine.ts";
import { NetclassCollector } from "./sys/netclass.ts";
import { nvmeSource } from "./sys/nvme.ts";
import { osSource } from "./sys/os-release.ts";
import { powerSupplySource } from "./sys/power-supply.ts";
import { raplSource } from "./sys/powercap.ts";
import { selinuxCollector } from "./sys/selinux.ts";
import { thermalSource } from "./sys/thermal.ts";
import { timeZoneCollector } from "./sys/time-zone.ts";
import { watchdogSource } from "./sys/watchdog.ts";
import { xfsCollector } from "./sys/xfs.ts";
import { SYSTEMD_COLLECTOR } from "./systemd/systemd-collector.ts";

function off(...entry: Parameters<typeof collectorEntry>): CollectorEntry {
  return { ...collectorEntry(...entry), isOnByDefault: false };
}

/**
 * The rest of what /proc and plain files of /sys tell of the host. What costs a line per socket or a
 * file per CPU runs seldom; what cannot change while the host is up, hardly ever.
 */
export const HOST_COLLECTORS: readonly CollectorEntry[] = [
  collectorEntry("netstat", 5000, netstatCollector),
  collectorEntry("sockstat", 5000, sockstatCollector),
  collectorEntry("softnet", 5000, softnetCollector),
  collectorEntry("schedstat", 5000, schedstatCollector),
  collectorEntry("conntrack", 5000, conntrackCollector),
  collectorEntry("entropy", 10_000, entropyCollector),
  collectorEntry("netclass", 10_000, (context) => new NetclassCollector(context)),
  collectorEntry("ipvs", 5000, ipvsCollector),
  collectorEntry("nfs", 5000, nfsCollector),
  collectorEntry("nfsd", 5000, nfsdCollector),
  collectorEntry("arp", 10_000, arpCollector),
  collectorEntry("udp_queues", 10_000, udpQueuesCollector),
  // Off in node_exporter; but a dashboard in three asks for it.
  collectorEntry("tcpstat", 60_000, tcpstatCollector),
  collectorEntry("timex", 10_000, timexCollector),
  collectorEntry("cpufreq", 10_000, cpufreqCollector),
  collectorEntry("cpu_throttles", 10_000, cpuThrottlesCollector),
  collectorEntry("xfs", 10_000, xfsCollector),
  collectorEntry("disk_facts", 60_000, diskFactsCollector),
  collectorEntry("kernel_hung", 10_000, kernelHungCollector),
  collectorEntry("selinux", 60_000, selinuxCollector),
  collectorEntry("time_zone", 60_000, timeZoneCollector),
  collectorEntry("clocksource", 60_000, clocksourceCollector),
  collectorEntry("machine", 60_000, machineCollector),
  off("cpu_info", 60_000, cpuInfoCollector),
  off("interrupts", 10_000, interruptsCollector),
  off("processes", 10_000, processesCollector),
];

function sysEntry(name: string, source: (sys: string) => BackgroundSource): CollectorEntry {
  return backgroundEntry(name, (context) => source(hostPath(context, "/sys")));
}

/** Hardware, what the machine is, and units, under node_exporter's names. */
export const DEVICE_COLLECTORS: readonly CollectorEntry[] = [
  sysEntry("hwmon", hwmonSource),
  sysEntry("thermal_zone", thermalSource),
  sysEntry("edac", edacSource),
  backgroundEntry("mdadm", (context) => mdadmSource(hostPath(context, "/proc"))),
  sysEntry("nvme", nvmeSource),
  sysEntry("rapl", raplSource),
  sysEntry("powersupplyclass", powerSupplySource),
  sysEntry("bonding", bondingSource),
  sysEntry("watchdog", watchdogSource),
  sysEntry("dmi", dmiSource),
  backgroundEntry("os", (context) => osSource((path) => hostPath(context, path))),
  SYSTEMD_COLLECTOR,
];
