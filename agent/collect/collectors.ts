import type { Clock, Logger } from "../../shared/platform/ports.ts";
import { SerialQueue } from "../../shared/time/serial-queue.ts";
import { TICK_GROUP } from "../../shared/wire/frame.ts";
import { SERIES_LABELS_DEFAULT } from "../containers/container-facts.ts";
import type { GroupSink } from "../model/group-sink.ts";
import { CgroupCollector } from "./cgroup/cgroup-collector.ts";
import { NAMES_OF_PATHS } from "./cgroup/cgroup-name.ts";
import { type CollectorEntry, collectorEntry } from "./collector-entry.ts";
import type { ContainerDirectory } from "./containers/container-directory.ts";
import { ContainerFilesystems } from "./containers/container-filesystems.ts";
import { ContainerStates } from "./containers/container-states.ts";
import { type CollectContext, Faults } from "./context.ts";
import { DEVICE_COLLECTORS, HOST_COLLECTORS } from "./host-collectors.ts";
import { ReadBuffer } from "./kit/held-file.ts";
import { diskstatsCollector } from "./proc/diskstats.ts";
import { filesystemCollector } from "./proc/filesystem.ts";
import { filefdCollector, loadavgCollector } from "./proc/kernel-numbers.ts";
import { meminfoCollector } from "./proc/meminfo.ts";
import { netdevCollector } from "./proc/net-dev.ts";
import { pressureCollector } from "./proc/pressure.ts";
import { statCollector } from "./proc/stat.ts";
import { timeCollector } from "./proc/timex.ts";
import { unameCollector } from "./proc/uname.ts";
import { vmstatCollector } from "./proc/vmstat.ts";
import { processCollector } from "./processes/process-collector.ts";
import { SeriesGroup } from "./series-group.ts";
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
  readonly logger?: Logger;
};

const CONTAINER_STATE = "containerstate";
const CONTAINER_FILESYSTEMS = "containerfs";

/** Those that read a file or two in every tick. */
const TICK_COLLECTORS: readonly CollectorEntry[] = [
  everyTick("time", timeCollector),
  everyTick("stat", statCollector),
  everyTick("loadavg", loadavgCollector),
  everyTick("meminfo", meminfoCollector),
  everyTick("vmstat", vmstatCollector),
  everyTick("pressure", pressureCollector),
  everyTick("diskstats", diskstatsCollector),
  everyTick("netdev", netdevCollector),
  everyTick("filefd", filefdCollector),
  everyTick("uname", unameCollector),
  collectorEntry("filesystem", 0, filesystemCollector),
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
    background: new SerialQueue(),
  };
  const directory = openDirectory?.(faults) ?? null;
  const containerLabels = options.containerLabels ?? SERIES_LABELS_DEFAULT;
  const cgroups = new CgroupCollector(context, groups, options.cgroupsMax, {
    names: directory ?? NAMES_OF_PATHS,
    containerLabels,
  });
  const taken = new Set<string>();
  const entries = [
    ...hostEntries(options, (metric) => taken.has(metric)),
    processCollector(() => cgroups.activity()),
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
  const entries = [...hostEntries({}, () => false), processCollector(null)];
  const names = [...entries.map(({ name }) => name), CONTAINER_STATE, CONTAINER_FILESYSTEMS];
  return names.sort();
}

function hostEntries(
  { textfileDirectory, logger }: Pick<CollectOptions, "textfileDirectory" | "logger">,
  isTaken: (metric: string) => boolean,
): CollectorEntry[] {
  const directory = textfileDirectory || undefined;
  const textfile = textfileCollector({ isTaken, directory, logger });
  return [...TICK_COLLECTORS, ...HOST_COLLECTORS, ...DEVICE_COLLECTORS, textfile];
}

/** What only runtimes know. */
function containerEntries(
  directory: ContainerDirectory,
  chosenLabels: readonly string[],
): CollectorEntry[] {
  const states: CollectorEntry["create"] = (context) => new ContainerStates(directory, context);
  return [
    { ...collectorEntry(CONTAINER_STATE, 2000, states), isSheddable: false },
    collectorEntry(CONTAINER_FILESYSTEMS, 0, (context) => {
      return new ContainerFilesystems(directory, context, { chosenLabels });
    }),
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
  return { ...collectorEntry(name, 0, create), isSheddable: false };
}
