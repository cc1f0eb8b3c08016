import type { Clock } from "../../shared/platform/ports.ts";
import { TICK_GROUP } from "../../shared/wire/frame.ts";
import { CgroupCollector } from "./cgroup/cgroup-collector.ts";
import { NAMES_OF_PATHS } from "./cgroup/cgroup-name.ts";
import type { Collector } from "./collector.ts";
import type { CollectorEntry } from "./collector-entry.ts";
import { type CollectContext, Faults } from "./context.ts";
import { DEVICE_COLLECTORS } from "./devices/device-collectors.ts";
import { ReadBuffer } from "./held-file.ts";
import { diskstatsCollector } from "./host/diskstats.ts";
import { FilesystemCollector } from "./host/filesystem.ts";
import {
  filefdCollector,
  loadavgCollector,
  pressureCollector,
  timeCollector,
} from "./host/fixed-values.ts";
import { HOST_COLLECTORS } from "./host/host-collectors.ts";
import { meminfoCollector } from "./host/meminfo.ts";
import { netdevCollector } from "./host/netdev.ts";
import { StatCollector } from "./host/stat.ts";
import { unameCollector } from "./host/uname.ts";
import { vmstatCollector } from "./host/vmstat.ts";
import { processCollectors } from "./processes/process-collectors.ts";
import { ReadingLane } from "./reading-lane.ts";
import type { ContainerDirectory } from "./runtime/container-directory.ts";
import { SERIES_LABELS_DEFAULT } from "./runtime/container-facts.ts";
import { containerFilesystemCollector } from "./runtime/container-filesystems.ts";
import { containerStateCollector } from "./runtime/container-states.ts";
import { type GroupSink, SeriesGroup } from "./series-group.ts";
import { textfileCollector } from "./textfile/textfile.ts";
import type { ScheduledCollector } from "./tick.ts";

export type CollectOptions = {
  /** `/`, or the directory where the host's /proc and /sys are found. */
  readonly hostRoot: string;
  /** Cgroups beyond this number are left out, and counted. */
  readonly cgroupsMax: number;
  /** Names of collectors that run though they are off by default, and the other way round. */
  readonly enable?: readonly string[];
  readonly disable?: readonly string[];
  /** Container labels that become labels of the container's series. */
  readonly containerLabels?: readonly string[];
  /** Where other programs leave `*.prom` files; "": node_exporter's usual place, if it is there. */
  readonly textfileDirectory?: string;
};

const CONTAINER_STATE = "containerstate";
const CONTAINER_FILESYSTEMS = "containerfs";

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

/** Whoever knows containers by name, made for these collectors and closed with them. */
export type OpenDirectory = (faults: Faults) => ContainerDirectory;

/**
 * All that read host and containers. They open their files when first asked. Without a directory
 * containers go by their cgroups' names.
 */
export function createCollectors(
  options: CollectOptions,
  clock: Clock,
  groups: GroupSink,
  openDirectory: OpenDirectory | null = null,
): ScheduledCollector[] {
  const everyTickGroup = new SeriesGroup(groups, TICK_GROUP);
  const faults = new Faults(everyTickGroup);
  const context: CollectContext = {
    hostRoot: options.hostRoot,
    buffer: new ReadBuffer(),
    sink: everyTickGroup,
    faults,
    clock,
    lane: new ReadingLane(),
  };
  const directory = openDirectory?.(faults) ?? null;
  const containerLabels = options.containerLabels ?? SERIES_LABELS_DEFAULT;
  const cgroups = new CgroupCollector(context, options.cgroupsMax, {
    names: directory ?? NAMES_OF_PATHS,
    containerLabels,
  });
  const taken = new Set<string>();
  const entries = [
    ...hostEntries(options, (metric) => taken.has(metric)),
    ...processCollectors(() => cgroups.activity()),
    ...(directory === null ? [] : containerEntries(directory, containerLabels)),
  ];
  const scheduled = entries
    .filter((entry) => isOn(entry, options))
    .map((entry) => schedule(entry, context, groups));
  for (const collector of [cgroups, faults]) {
    scheduled.push({ collector, intervalMs: 0, isSheddable: false, group: null });
  }
  for (const { collector } of scheduled) for (const { name } of collector.families) taken.add(name);
  return scheduled;
}

/** Names that the configuration may give. */
export function collectorNames(): string[] {
  const entries = [...hostEntries({}, () => false), ...processCollectors(null)];
  const names = [...entries.map(({ name }) => name), CONTAINER_STATE, CONTAINER_FILESYSTEMS];
  return names.sort();
}

function hostEntries(
  { textfileDirectory }: Pick<CollectOptions, "textfileDirectory">,
  isTaken: (metric: string) => boolean,
): CollectorEntry[] {
  const directory = textfileDirectory ?? "";
  return [
    ...TICK_COLLECTORS,
    ...HOST_COLLECTORS,
    ...DEVICE_COLLECTORS,
    textfileCollector(directory === "" ? { isTaken } : { directory, isTaken }),
  ];
}

/** What only runtimes know. Closing the first ends the directory as well. */
function containerEntries(
  directory: ContainerDirectory,
  chosenLabels: readonly string[],
): CollectorEntry[] {
  const createStates = (context: CollectContext): Collector => {
    const states = containerStateCollector(directory, context);
    const close = () => {
      states.close();
      void directory[Symbol.asyncDispose]();
    };
    return { ...states, collect: (nowMs) => states.collect(nowMs), close };
  };
  return [
    {
      name: CONTAINER_STATE,
      isOnByDefault: true,
      intervalMs: 2000,
      isSheddable: false,
      create: createStates,
    },
    {
      name: CONTAINER_FILESYSTEMS,
      isOnByDefault: true,
      intervalMs: 0,
      isSheddable: true,
      create: (context) => containerFilesystemCollector(directory, context, { chosenLabels }),
    },
  ];
}

function isOn({ name, isOnByDefault }: CollectorEntry, options: CollectOptions): boolean {
  const { enable = [], disable = [] } = options;
  return enable.includes(name) || (isOnByDefault && !disable.includes(name));
}

/** What is not read in every tick for sure has a group of its own. */
function schedule(
  entry: CollectorEntry,
  context: CollectContext,
  groups: GroupSink,
): ScheduledCollector {
  const { intervalMs, isSheddable } = entry;
  const group = intervalMs > 0 || isSheddable ? new SeriesGroup(groups) : null;
  const collector = entry.create(group === null ? context : { ...context, sink: group });
  return { collector, intervalMs, isSheddable, group };
}

function everyTick(name: string, create: CollectorEntry["create"]): CollectorEntry {
  return { name, isOnByDefault: true, intervalMs: 0, isSheddable: false, create };
}
