import { CgroupCollector } from "./cgroup/cgroup-collector.ts";
import type { Collector, SeriesSink } from "./collector.ts";
import { type CollectContext, Faults } from "./context.ts";
import { ReadBuffer } from "./held-file.ts";
import { diskstatsCollector } from "./host/diskstats.ts";
import { FilesystemCollector } from "./host/filesystem.ts";
import {
  filefdCollector,
  loadavgCollector,
  pressureCollector,
  timeCollector,
} from "./host/fixed-values.ts";
import { meminfoCollector } from "./host/meminfo.ts";
import { netdevCollector } from "./host/netdev.ts";
import { StatCollector } from "./host/stat.ts";
import { unameCollector } from "./host/uname.ts";
import { vmstatCollector } from "./host/vmstat.ts";

export type CollectOptions = {
  /** `/`, or the directory where the host's /proc and /sys are found. */
  readonly hostRoot: string;
  /** Cgroups beyond this number are left out, and counted. */
  readonly cgroupsMax: number;
};

/** All that read host and containers in every tick. They open their files when first asked. */
export function createCollectors(options: CollectOptions, sink: SeriesSink): Collector[] {
  const faults = new Faults(sink);
  const context: CollectContext = {
    hostRoot: options.hostRoot,
    buffer: new ReadBuffer(),
    sink,
    faults,
  };
  return [
    timeCollector(context),
    new StatCollector(context),
    loadavgCollector(context),
    meminfoCollector(context),
    vmstatCollector(context),
    pressureCollector(context),
    diskstatsCollector(context),
    netdevCollector(context),
    filefdCollector(context),
    unameCollector(context),
    new FilesystemCollector(context),
    new CgroupCollector(context, options.cgroupsMax),
    faults,
  ];
}
