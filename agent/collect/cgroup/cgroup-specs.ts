import { counter, gauge, type SeriesSpec } from "../collector.ts";

/** Indices of a cgroup's values and of its series. */
export const CPU_USAGE = 0;
export const CPU_USER = 1;
export const CPU_SYSTEM = 2;
export const CFS_PERIODS = 3;
export const CFS_THROTTLED_PERIODS = 4;
export const CFS_THROTTLED = 5;
export const CPU_QUOTA = 6;
export const CPU_PERIOD = 7;
export const CPU_SHARES = 8;
export const MEMORY_USAGE = 9;
export const MEMORY_WORKING_SET = 10;
export const MEMORY_RSS = 11;
export const MEMORY_CACHE = 12;
export const MEMORY_MAPPED = 13;
export const MEMORY_FAILCNT = 14;
export const MEMORY_LIMIT = 15;
export const OOM_KILLS = 16;
export const THREADS = 17;
export const LAST_SEEN = 18;
export const START_TIME = 19;
/** Waiting and stalled, of cpu, memory and io. */
export const PSI_CPU = 20;
export const PSI_MEMORY = 22;
export const PSI_IO = 24;
/** Read, but no series of its own. */
export const MEMORY_INACTIVE_FILE = 26;
export const VALUES = 27;

/** How finely a kernel counts CPU time: v2 in microseconds; v1 in nanoseconds and jiffies. */
export type CpuScales = {
  readonly usage: number;
  readonly modes: number;
  readonly throttled: number;
};

export const V1_USAGE_SCALE = 9;
export const V1_MODES_SCALE = 2;
export const V1_THROTTLED_SCALE = 9;
export const V2_CPU_SCALE = 6;

/** In the order of the indices above. */
export function cgroupSpecs(scales: CpuScales): readonly SeriesSpec[] {
  return [...cpuSpecs(scales), ...MEMORY_SPECS, ...REST_SPECS];
}

function cpuSpecs({ usage, modes, throttled }: CpuScales): SeriesSpec[] {
  return [
    {
      ...counter("container_cpu_usage_seconds_total", "CPU time used.", usage),
      labels: { cpu: "total" },
    },
    counter("container_cpu_user_seconds_total", "CPU time used in user mode.", modes),
    counter("container_cpu_system_seconds_total", "CPU time used in the kernel.", modes),
    counter("container_cpu_cfs_periods_total", "Periods of the CPU quota that passed."),
    counter(
      "container_cpu_cfs_throttled_periods_total",
      "Periods in which the CPU quota was used up.",
    ),
    counter(
      "container_cpu_cfs_throttled_seconds_total",
      "Time that threads were held back because the CPU quota was used up.",
      throttled,
    ),
    gauge("container_spec_cpu_quota", "CPU time allowed in a period, in microseconds."),
    gauge("container_spec_cpu_period", "Length of a period of the quota, in microseconds."),
    gauge("container_spec_cpu_shares", "Weight among siblings that want the CPU, as v1 shares."),
  ];
}

const MEMORY_SPECS: readonly SeriesSpec[] = [
  gauge("container_memory_usage_bytes", "Memory used, page cache included."),
  gauge(
    "container_memory_working_set_bytes",
    "Memory used without the page cache that was not used lately.",
  ),
  gauge("container_memory_rss", "Anonymous memory, in bytes."),
  gauge("container_memory_cache", "Page cache, shared memory included, in bytes."),
  gauge("container_memory_mapped_file", "Mapped files, in bytes."),
  counter("container_memory_failcnt", "Times that memory reached its limit."),
  gauge("container_spec_memory_limit_bytes", "Limit of memory; 0: none."),
  counter("container_oom_events_total", "Processes killed because memory ran out."),
];

const USEC = 6;
const REST_SPECS: readonly SeriesSpec[] = [
  gauge("container_threads", "Processes and threads."),
  gauge("container_last_seen", "Last tick that saw the cgroup, in seconds since 1970."),
  gauge("container_start_time_seconds", "Start of the first process, in seconds since 1970.", 2),
  ...["cpu", "memory", "io"].flatMap((resource) => [
    counter(
      `container_pressure_${resource}_waiting_seconds_total`,
      `Time in which at least one thread waited for ${resource}.`,
      USEC,
    ),
    counter(
      `container_pressure_${resource}_stalled_seconds_total`,
      `Time in which no thread could go on for want of ${resource}.`,
      USEC,
    ),
  ]),
];

/** Per device; in the order of the columns of v2's io.stat. */
export const IO_SPECS: readonly SeriesSpec[] = [
  counter("container_fs_reads_bytes_total", "Bytes read from the device."),
  counter("container_fs_writes_bytes_total", "Bytes written to the device."),
  counter("container_fs_reads_total", "Reads of the device."),
  counter("container_fs_writes_total", "Writes to the device."),
];
