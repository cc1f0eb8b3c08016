import type { CollectorEntry } from "../collector-entry.ts";
import { conntrackCollector } from "./conntrack.ts";
import { cpufreqCollector, cpuInfoCollector, cpuThrottlesCollector } from "./cpu-facts.ts";
import { DiskFactsCollector } from "./disk-facts.ts";
import { interruptsCollector } from "./interrupts.ts";
import { ipvsCollector } from "./ipvs.ts";
import { entropyCollector, kernelHungCollector } from "./kernel-numbers.ts";
import { nfsCollector, nfsdCollector, xfsCollector } from "./line-files.ts";
import { machineCollector } from "./machine.ts";
import { NetclassCollector } from "./netclass.ts";
import { netstatCollector } from "./netstat.ts";
import { processesCollector } from "./processes.ts";
import { arpCollector, schedstatCollector, softnetCollector } from "./row-files.ts";
import { selinuxCollector } from "./selinux.ts";
import { tcpstatCollector, udpQueuesCollector } from "./sockets.ts";
import { sockstatCollector } from "./sockstat.ts";
import { clocksourceCollector, timeZoneCollector } from "./time-facts.ts";
import { timexCollector } from "./timex.ts";

type Create = CollectorEntry["create"];

const NOW_AND_THEN = 5000;
const SELDOM = 10_000;
const HARDLY = 60_000;

function on(name: string, intervalMs: number, create: Create): CollectorEntry {
  return { name, isOnByDefault: true, intervalMs, isSheddable: true, create };
}

function off(name: string, intervalMs: number, create: Create): CollectorEntry {
  return { name, isOnByDefault: false, intervalMs, isSheddable: true, create };
}

/**
 * The rest of what /proc and plain files of /sys tell of the host. What costs a line per socket or a
 * file per CPU runs seldom; what cannot change while the host is up, hardly ever.
 */
export const HOST_COLLECTORS: readonly CollectorEntry[] = [
  on("netstat", NOW_AND_THEN, netstatCollector),
  on("sockstat", NOW_AND_THEN, sockstatCollector),
  on("softnet", NOW_AND_THEN, softnetCollector),
  on("schedstat", NOW_AND_THEN, schedstatCollector),
  on("conntrack", NOW_AND_THEN, conntrackCollector),
  on("entropy", SELDOM, entropyCollector),
  on("netclass", SELDOM, (context) => new NetclassCollector(context)),
  on("ipvs", NOW_AND_THEN, ipvsCollector),
  on("nfs", NOW_AND_THEN, nfsCollector),
  on("nfsd", NOW_AND_THEN, nfsdCollector),
  on("arp", SELDOM, arpCollector),
  on("udp_queues", SELDOM, udpQueuesCollector),
  // Off in node_exporter; but a dashboard in three asks for it.
  on("tcpstat", HARDLY, tcpstatCollector),
  on("timex", SELDOM, timexCollector),
  on("cpufreq", SELDOM, cpufreqCollector),
  on("cpu_throttles", SELDOM, cpuThrottlesCollector),
  on("xfs", SELDOM, xfsCollector),
  on("disk_facts", HARDLY, (context) => new DiskFactsCollector(context)),
  on("kernel_hung", SELDOM, kernelHungCollector),
  on("selinux", HARDLY, selinuxCollector),
  on("time_zone", HARDLY, timeZoneCollector),
  on("clocksource", HARDLY, clocksourceCollector),
  on("machine", HARDLY, machineCollector),
  off("cpu_info", HARDLY, cpuInfoCollector),
  off("interrupts", SELDOM, interruptsCollector),
  off("processes", SELDOM, processesCollector),
];
