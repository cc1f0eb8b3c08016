import { CgroupCollector } from "./cgroup/cgroup-collector.ts";
import type { SeriesSink } from "./collector.ts";
import type { CollectorEntry } from "./collector-entry.ts";
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
import { OwnedSink } from "./owned-sink.ts";
import { ReadingLane } from "./reading-lane.ts";
import type { ScheduledCollector } from "./tick.ts";

export type CollectOptions = {
  /** `/`, or the directory where the host's /proc and /sys are found. */
  readonly hostRoot: string;
  /** Cgroups beyond this number are left out, and counted. */
  readonly cgroupsMax: number;
  /** Names of collectors that run though they are off by default, and the other way round. */
  readonly enable?: readonly string[];
  readonly disable?: readonly string[];
};

/** Those that read a file or two in every tick. */
const TICK_COLLECTORS: readonly CollectorEntry[] = [
  everyTick("time", timeCollector),
  everyTick("stat", (context) => new StatCollector(context)),
  everyTick("loadavg", loadavgCollector),
  everyTick("meminfo", meminfoCollector),
  everyTick("vmstat", vmstatCollector),
  everyTick("pressure", pressureCollector),
  everyTick("diskstats", diskstatsCollector),
  everyTick("netdev", netdevCollector),
  everyTick("filefd", filefdCollector),
  everyTick("uname", unameCollector),
  everyTick("filesystem", (context) => new FilesystemCollector(context)),
];

const ENTRIES: readonly CollectorEntry[] = [...TICK_COLLECTORS];

/** All that read host and containers. They open their files when first asked. */
export function createCollectors(options: CollectOptions, sink: SeriesSink): ScheduledCollector[] {
  const faults = new Faults(sink);
  const context: CollectContext = {
    hostRoot: options.hostRoot,
    buffer: new ReadBuffer(),
    sink,
    faults,
    lane: new ReadingLane(),
  };
  const { enable = [], disable = [] } = options;
  const isOn = ({ name, isOnByDefault }: CollectorEntry) =>
    enable.includes(name) || (isOnByDefault && !disable.includes(name));
  const scheduled = ENTRIES.filter(isOn).map((entry) => schedule(entry, context));
  const cgroups = new CgroupCollector(context, options.cgroupsMax);
  for (const collector of [cgroups, faults]) {
    scheduled.push({ collector, intervalMs: 0, isSheddable: false, keep: () => undefined });
  }
  return scheduled;
}

/** Names that the configuration may give. */
export function collectorNames(): string[] {
  return ENTRIES.map(({ name }) => name);
}

function schedule(entry: CollectorEntry, context: CollectContext): ScheduledCollector {
  const sink = new OwnedSink(context.sink);
  const collector = entry.create({ ...context, sink });
  const { intervalMs, isSheddable } = entry;
  return { collector, intervalMs, isSheddable, keep: () => sink.keepAll() };
}

function everyTick(name: string, create: CollectorEntry["create"]): CollectorEntry {
  return { name, isOnByDefault: true, intervalMs: 0, isSheddable: false, create };
}
