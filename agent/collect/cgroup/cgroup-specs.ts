import { counter, gauge, type SeriesSpec } from "../collector.ts";

/** Indices of a cgroup's values and of its series. */
export const CPU_USAGE = 0;
export const CPU_USER = 1;
export const CPU_SYSTEM = 2;
export const CFS_PERIODS = 3;
export const CFS_THROTTLED_PERIODS = 4;
export const CFS_THROTTLED = 5;
export const CFS_BURST_PERIODS = 6;
export const CFS_BURST = 7;
export const CPU_QUOTA = 8;
export const CPU_PERIOD = 9;
export const CPU_SHARES = 10;
export const MEMORY_USAGE = 11;
export const MEMORY_WORKING_SET = 12;
export const MEMORY_RSS = 13;
export const MEMORY_CACHE = 14;
export const MEMORY_MAPPED = 15;
export const MEMORY_FAILCNT = 16;
export const MEMORY_MAX_USAGE = 17;
export const MEMORY_SWAP = 18;
export const MEMORY_KERNEL = 19;
export const MEMORY_SLAB = 20;
export const MEMORY_ACTIVE_FILE = 21;
export const MEMORY_INACTIVE_FILE = 22;
export const OWN_FAULTS = 23;
export const OWN_MAJOR_FAULTS = 24;
export const FAULTS = 25;
export const MAJOR_FAULTS = 26;
export const MEMORY_LIMIT = 27;
export const MEMORY_SWAP_LIMIT = 28;
export const MEMORY_RESERVATION = 29;
export const OOM_KILLS = 30;
export const THREADS = 31;
export const THREADS_MAX = 32;
export const PROCESSES = 33;
export const LAST_SEEN = 34;
export const START_TIME = 35;
export const CPU_LIMIT_RATIO = 36;
export const MEMORY_LIMIT_RATIO = 37;
export const THROTTLED_RATIO = 38;
/** Waiting and stalled, of cpu, memory and io. */
export const PSI_CPU = 39;
export const PSI_MEMORY = 41;
export const PSI_IO = 43;
/** Read, but no series of its own: kills since this cgroup was made. */
export const OWN_OOM_KILLS = 45;
export const VALUES = 46;

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
    counter(
      "container_cpu_cfs_burst_periods_total",
      "Periods in which more than the quota was used.",
    ),
    counter("container_cpu_cfs_burst_seconds_total", "CPU time used beyond the quota.", throttled),
    gauge("container_spec_cpu_quota", "CPU time allowed in a period, in microseconds."),
    gauge("container_spec_cpu_period", "Length of a period of the quota, in microseconds."),
    gauge("container_spec_cpu_shares", "Weight among siblings that want the CPU, as v1 shares."),
  ];
}

const FAULT_HELP = "Page faults, by type, of the cgroup alone or with those below it.";

function faultSpecs(scope: string): SeriesSpec[] {
  return ["pgfault", "pgmajfault"].map((failure_type) => ({
    ...counter("container_memory_failures_total", FAULT_HELP),
    labels: { failure_type, scope },
  }));
}

export const OOM_SPEC = counter(
  "container_oom_events_total",
  "OOM kills by the kernel's count; goes on over restarts, and for 5 minutes after the end.",
);

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
  gauge("container_memory_max_usage_bytes", "The most memory used so far."),
  gauge("container_memory_swap", "Swap used, in bytes."),
  gauge("container_memory_kernel_usage", "Memory that the kernel uses for it, in bytes."),
  gauge("container_memory_slab_bytes", "Of the kernel's memory, what its object caches use."),
  gauge("container_memory_total_active_file_bytes", "Page cache used lately."),
  gauge("container_memory_total_inactive_file_bytes", "Page cache not used lately."),
  ...faultSpecs("container"),
  ...faultSpecs("hierarchy"),
  gauge("container_spec_memory_limit_bytes", "Limit of memory; 0: none."),
  gauge("container_spec_memory_swap_limit_bytes", "Limit of swap (v1: with memory); 0: none."),
  gauge(
    "container_spec_memory_reservation_limit_bytes",
    "Memory above which it is taken back (v1: when memory is short); 0: none.",
  ),
  OOM_SPEC,
];

const USEC = 6;
/** Ratios as ten-thousandths. */
export const RATIO_SCALE = 4;

const REST_SPECS: readonly SeriesSpec[] = [
  gauge("container_threads", "Processes and threads."),
  gauge("container_threads_max", "Processes and threads that there may be; 0: no limit."),
  gauge("container_processes", "Processes, those of cgroups below included."),
  gauge("container_last_seen", "Last tick that saw the cgroup, in seconds since 1970."),
  gauge("container_start_time_seconds", "Start of the first process, in seconds since 1970.", 2),
  gauge(
    "container_cpu_limit_used_ratio",
    "Share of its own CPU limit used since the last tick.",
    RATIO_SCALE,
  ),
  gauge(
    "container_memory_limit_used_ratio",
    "Share of its own memory limit that its working set takes.",
    RATIO_SCALE,
  ),
  gauge(
    "container_cpu_cfs_throttled_ratio",
    "Share of the quota's periods since the last tick in which it was used up.",
    RATIO_SCALE,
  ),
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

/** The first two of these again, as cAdvisor names them in its other table. */
export const USAGE_SPECS: readonly SeriesSpec[] = ["Read", "Write"].map((operation) => ({
  ...counter("container_blkio_device_usage_total", "Bytes read and written, by operation."),
  labels: { operation },
}));

/** Per device as well, in the order of the columns of net/dev; null: not told. */
export const NETWORK_SPECS: readonly (SeriesSpec | null)[] = [
  counter("container_network_receive_bytes_total", "Bytes received."),
  counter("container_network_receive_packets_total", "Packets received."),
  counter("container_network_receive_errors_total", "Packets received with an error."),
  counter("container_network_receive_packets_dropped_total", "Received packets that were dropped."),
  null,
  null,
  null,
  null,
  counter("container_network_transmit_bytes_total", "Bytes sent."),
  counter("container_network_transmit_packets_total", "Packets sent."),
  counter("container_network_transmit_errors_total", "Packets that could not be sent."),
  counter(
    "container_network_transmit_packets_dropped_total",
    "Packets to be sent that were dropped.",
  ),
];
