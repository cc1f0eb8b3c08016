import type { SeriesSpec } from "../collector.ts";
import { KeyTable, parseKeyValues } from "../kit/key-table.ts";
import type { RowTable } from "../kit/row-table.ts";
import { parsePressure } from "../proc/tables.ts";
import * as at from "./cgroup-specs.ts";
import type { Controller } from "./hierarchies.ts";
import {
  BLKIO_COLUMNS,
  IO_COLUMNS,
  parseBlkio,
  parseCpuLimit,
  parseCpuWeight,
  parseIoStat,
  parseMemoryLimit,
  parseNumber,
} from "./parse-cgroup-files.ts";

/**
 * When a file is read. CPU time is what the cgroup used since the file was last read: without any,
 * its processes brought nothing about.
 * - always: every tick
 * - setting: only people and runtimes change it, or it hardly matters how old it is
 *
 * All of them every 30 s, and:
 * - took: after 0.2 ms of CPU time, in which about a MiB can be taken, and near the limit
 * - quota: if there is a CPU quota
 * - jiffies: after 5 ms of CPU time, half of what the file's unit is
 * - started: after 2 ms of CPU time: starting a process or a few requests to a disk take it
 * - memory: if memory use is another, or near the limit, or after 10 ms of CPU time
 * - limit: if memory use is near the limit, or changed as it does when that is reached
 */
export type ReadWhen =
  | "always"
  | "setting"
  | "took"
  | "quota"
  | "jiffies"
  | "started"
  | "memory"
  | "limit";

/** After how much CPU time. */
export const READ_AFTER_CPU_MS = { took: 0.2, started: 2, jiffies: 5, memory: 10 } as const;

/** A file of a cgroup, and where its numbers go. */
export type CgroupFile = {
  readonly controller: Controller;
  /** The first of these that is there. */
  readonly names: readonly string[];
  readonly when: ReadWhen;
  /** Worth comparing with the last read; not where parsing is as cheap. */
  readonly comparesBytes: boolean;
  /** Returns how many numbers were malformed. */
  readonly parse: (bytes: Uint8Array, length: number, values: Float64Array) => number;
};

/**
 * A file with a row per device. Of several, the ones behind the first are read if the first changed:
 * they count the same requests.
 */
export type CgroupIoFile = {
  readonly controller: Controller;
  readonly names: readonly string[];
  readonly columns: number;
  readonly specs: readonly SeriesSpec[];
  /** The first two columns are bytes read and written. */
  readonly hasBytes: boolean;
  readonly parse: <T>(bytes: Uint8Array, length: number, table: RowTable<T>) => number;
};

type TargetParser = (
  bytes: Uint8Array,
  length: number,
  values: Float64Array,
  target: number,
) => number;

function keyed(
  controller: Controller,
  name: string,
  when: ReadWhen,
  keys: readonly (readonly [string, number])[],
): CgroupFile {
  const table = new KeyTable(keys);
  return {
    controller,
    names: [name],
    when,
    comparesBytes: true,
    parse: (bytes, length, values) => parseKeyValues(bytes, length, table, values),
  };
}

function single(controller: Controller, name: string, when: ReadWhen, target: number): CgroupFile {
  return {
    controller,
    names: [name],
    when,
    comparesBytes: false,
    parse: (bytes, length, values) => parseNumber(bytes, length, values, target),
  };
}

function setting(
  controller: Controller,
  name: string,
  target: number,
  parse: TargetParser,
): CgroupFile {
  return {
    controller,
    names: [name],
    when: "setting",
    comparesBytes: false,
    parse: (bytes, length, values) => parse(bytes, length, values, target),
  };
}

function pressure(resource: string, target: number): CgroupFile {
  return {
    controller: "psi",
    names: [`${resource}.pressure`],
    when: "always",
    comparesBytes: true,
    parse: (bytes, length, values) => parsePressure(bytes, length, values, target),
  };
}

export const PRESSURE_FILES: readonly CgroupFile[] = [
  pressure("cpu", at.PSI_CPU),
  pressure("memory", at.PSI_MEMORY),
  pressure("io", at.PSI_IO),
];

/**
 * CPU time, memory use and the limit come first, because they decide on what follows.
 * Source: kernel docs, admin-guide/cgroup-v2.
 */
export const V2_FILES: readonly CgroupFile[] = [
  keyed("cpu", "cpu.stat", "always", [
    ["usage_usec", at.CPU_USAGE],
    ["user_usec", at.CPU_USER],
    ["system_usec", at.CPU_SYSTEM],
    ["nr_periods", at.CFS_PERIODS],
    ["nr_throttled", at.CFS_THROTTLED_PERIODS],
    ["throttled_usec", at.CFS_THROTTLED],
    ["nr_bursts", at.CFS_BURST_PERIODS],
    ["burst_usec", at.CFS_BURST],
  ]),
  single("memory", "memory.current", "took", at.MEMORY_USAGE),
  setting("memory", "memory.max", at.MEMORY_LIMIT, parseMemoryLimit),
  setting("cpu", "cpu.max", at.CPU_QUOTA, parseCpuLimit),
  setting("cpu", "cpu.weight", at.CPU_SHARES, parseCpuWeight),
  keyed("memory", "memory.stat", "memory", [
    ["anon", at.MEMORY_RSS],
    ["file", at.MEMORY_CACHE],
    ["kernel", at.MEMORY_KERNEL],
    ["file_mapped", at.MEMORY_MAPPED],
    ["active_file", at.MEMORY_ACTIVE_FILE],
    ["inactive_file", at.MEMORY_INACTIVE_FILE],
    ["slab", at.MEMORY_SLAB],
    ["pgfault", at.FAULTS],
    ["pgmajfault", at.MAJOR_FAULTS],
  ]),
  keyed("memory", "memory.events", "limit", [
    ["max", at.MEMORY_FAILCNT],
    ["oom_kill", at.OWN_OOM_KILLS],
  ]),
  single("memory", "memory.swap.current", "memory", at.MEMORY_SWAP),
  single("memory", "memory.peak", "setting", at.MEMORY_MAX_USAGE),
  setting("memory", "memory.high", at.MEMORY_RESERVATION, parseMemoryLimit),
  setting("memory", "memory.swap.max", at.MEMORY_SWAP_LIMIT, parseMemoryLimit),
  single("pids", "pids.current", "started", at.THREADS),
  setting("pids", "pids.max", at.THREADS_MAX, parseMemoryLimit),
];

/** CPU time, memory use and limit first, as above. Source: kernel docs, admin-guide/cgroup-v1. */
export const V1_FILES: readonly CgroupFile[] = [
  single("cpuacct", "cpuacct.usage", "always", at.CPU_USAGE),
  single("memory", "memory.usage_in_bytes", "took", at.MEMORY_USAGE),
  setting("memory", "memory.limit_in_bytes", at.MEMORY_LIMIT, parseMemoryLimit),
  keyed("cpuacct", "cpuacct.stat", "jiffies", [
    ["user", at.CPU_USER],
    ["system", at.CPU_SYSTEM],
  ]),
  keyed("cpu", "cpu.stat", "quota", [
    ["nr_periods", at.CFS_PERIODS],
    ["nr_throttled", at.CFS_THROTTLED_PERIODS],
    ["throttled_time", at.CFS_THROTTLED],
    ["nr_bursts", at.CFS_BURST_PERIODS],
    ["burst_time", at.CFS_BURST],
  ]),
  setting("cpu", "cpu.cfs_quota_us", at.CPU_QUOTA, parseCpuLimit),
  setting("cpu", "cpu.cfs_period_us", at.CPU_PERIOD, parseCpuLimit),
  setting("cpu", "cpu.shares", at.CPU_SHARES, parseNumber),
  keyed("memory", "memory.stat", "memory", [
    ["pgfault", at.OWN_FAULTS],
    ["pgmajfault", at.OWN_MAJOR_FAULTS],
    ["total_cache", at.MEMORY_CACHE],
    ["total_rss", at.MEMORY_RSS],
    ["total_mapped_file", at.MEMORY_MAPPED],
    ["total_swap", at.MEMORY_SWAP],
    ["total_pgfault", at.FAULTS],
    ["total_pgmajfault", at.MAJOR_FAULTS],
    ["total_inactive_file", at.MEMORY_INACTIVE_FILE],
    ["total_active_file", at.MEMORY_ACTIVE_FILE],
  ]),
  single("memory", "memory.failcnt", "limit", at.MEMORY_FAILCNT),
  // Its last line counts OOM kills; memory.failcnt and memory.memsw.failcnt do not, on any kernel.
  keyed("memory", "memory.oom_control", "limit", [["oom_kill", at.OWN_OOM_KILLS]]),
  single("memory", "memory.max_usage_in_bytes", "setting", at.MEMORY_MAX_USAGE),
  single("memory", "memory.kmem.usage_in_bytes", "setting", at.MEMORY_KERNEL),
  setting("memory", "memory.soft_limit_in_bytes", at.MEMORY_RESERVATION, parseMemoryLimit),
  setting("memory", "memory.memsw.limit_in_bytes", at.MEMORY_SWAP_LIMIT, parseMemoryLimit),
  single("pids", "pids.current", "started", at.THREADS),
  setting("pids", "pids.max", at.THREADS_MAX, parseMemoryLimit),
];

export const V2_IO_FILES: readonly CgroupIoFile[] = [
  {
    controller: "io",
    names: ["io.stat"],
    columns: IO_COLUMNS,
    specs: at.IO_SPECS,
    hasBytes: true,
    parse: parseIoStat,
  },
];

/** `_recursive` counts children too, as every other file does. */
export const V1_IO_FILES: readonly CgroupIoFile[] = [
  {
    controller: "io",
    names: ["blkio.throttle.io_service_bytes_recursive", "blkio.throttle.io_service_bytes"],
    columns: BLKIO_COLUMNS,
    specs: at.IO_SPECS.slice(0, BLKIO_COLUMNS),
    hasBytes: true,
    parse: parseBlkio,
  },
  {
    controller: "io",
    names: ["blkio.throttle.io_serviced_recursive", "blkio.throttle.io_serviced"],
    columns: BLKIO_COLUMNS,
    specs: at.IO_SPECS.slice(BLKIO_COLUMNS),
    hasBytes: false,
    parse: parseBlkio,
  },
];
