import { counter, gauge, type SeriesSpec } from "../collector.ts";

/** How finely a kernel counts CPU time: v2 in microseconds; v1 in nanoseconds and jiffies. */
export type CpuScales = {
  readonly usage: number;
  readonly modes: number;
  readonly throttled: number;
};

export const V1_SCALES: CpuScales = { usage: 9, modes: 2, throttled: 9 };
export const V2_SCALES: CpuScales = { usage: 6, modes: 6, throttled: 6 };

function cpuSpecs({ usage, modes, throttled }: CpuScales) {
  return {
    CPU_USAGE: {
      ...counter("container_cpu_usage_seconds_total", "CPU time used.", usage),
      labels: { cpu: "total" },
    },
    CPU_USER: counter("container_cpu_user_seconds_total", "CPU time used in user mode.", modes),
    CPU_SYSTEM: counter("container_cpu_system_seconds_total", "CPU time in the kernel.", modes),
    CFS_PERIODS: counter("container_cpu_cfs_periods_total", "Periods of the CPU quota."),
    CFS_THROTTLED_PERIODS: counter(
      "container_cpu_cfs_throttled_periods_total",
      "Periods in which the CPU quota was used up.",
    ),
    CFS_THROTTLED: counter(
      "container_cpu_cfs_throttled_seconds_total",
      "Time that threads were held back because the CPU quota was used up.",
      throttled,
    ),
    CFS_BURST_PERIODS: counter("container_cpu_cfs_burst_periods_total", "Periods above the quota."),
    CFS_BURST: counter("container_cpu_cfs_burst_seconds_total", "CPU time over quota.", throttled),
    CPU_QUOTA: gauge("container_spec_cpu_quota", "CPU time allowed in a period, in microseconds."),
    CPU_PERIOD: gauge("container_spec_cpu_period", "Length of the quota's period in microseconds."),
    CPU_SHARES: gauge("container_spec_cpu_shares", "Weight among siblings for CPU, as v1 shares."),
  };
}

const FAULT_HELP = "Page faults, by type, of the cgroup alone or with those below it.";

function faults(failure_type: string, scope: string): SeriesSpec {
  const labels = { failure_type, scope };
  return { ...counter("container_memory_failures_total", FAULT_HELP), labels };
}

export const OOM_SPEC = counter(
  "container_oom_events_total",
  "OOM kills by the kernel's count; goes on over restarts, and for 5 minutes after the end.",
);

const MEMORY_SPECS = {
  MEMORY_USAGE: gauge("container_memory_usage_bytes", "Memory used, page cache included."),
  MEMORY_WORKING_SET: gauge(
    "container_memory_working_set_bytes",
    "Memory used without the page cache that was not used lately.",
  ),
  MEMORY_RSS: gauge("container_memory_rss", "Anonymous memory, in bytes."),
  MEMORY_CACHE: gauge("container_memory_cache", "Page cache, shared memory included, in bytes."),
  MEMORY_MAPPED: gauge("container_memory_mapped_file", "Mapped files, in bytes."),
  MEMORY_FAILCNT: counter("container_memory_failcnt", "Times that memory reached its limit."),
  MEMORY_MAX_USAGE: gauge("container_memory_max_usage_bytes", "The most memory used so far."),
  MEMORY_SWAP: gauge("container_memory_swap", "Swap used, in bytes."),
  MEMORY_KERNEL: gauge("container_memory_kernel_usage", "Kernel memory used for it, in bytes."),
  MEMORY_SLAB: gauge("container_memory_slab_bytes", "Memory that the kernel's object caches use."),
  MEMORY_ACTIVE_FILE: gauge("container_memory_total_active_file_bytes", "Page cache used lately."),
  MEMORY_INACTIVE_FILE: gauge(
    "container_memory_total_inactive_file_bytes",
    "Page cache not used lately.",
  ),
  OWN_FAULTS: faults("pgfault", "container"),
  OWN_MAJOR_FAULTS: faults("pgmajfault", "container"),
  FAULTS: faults("pgfault", "hierarchy"),
  MAJOR_FAULTS: faults("pgmajfault", "hierarchy"),
  MEMORY_LIMIT: gauge("container_spec_memory_limit_bytes", "Limit of memory; 0: none."),
  MEMORY_SWAP_LIMIT: gauge(
    "container_spec_memory_swap_limit_bytes",
    "Limit of swap (v1: with memory); 0: none.",
  ),
  MEMORY_RESERVATION: gauge(
    "container_spec_memory_reservation_limit_bytes",
    "Memory above which it is taken back (v1: when memory is short); 0: none.",
  ),
  OOM_KILLS: OOM_SPEC,
};

const USEC = 6;
/** Ratios as ten-thousandths. */
export const RATIO_SCALE = 4;

function waiting(resource: string): SeriesSpec {
  const name = `container_pressure_${resource}_waiting_seconds_total`;
  return counter(name, `Time in which at least one thread waited for ${resource}.`, USEC);
}

function stalled(resource: string): SeriesSpec {
  const name = `container_pressure_${resource}_stalled_seconds_total`;
  return counter(name, `Time in which no thread could go on for want of ${resource}.`, USEC);
}

const REST_SPECS = {
  THREADS: gauge("container_threads", "Processes and threads."),
  THREADS_MAX: gauge("container_threads_max", "Processes and threads there may be; 0: no limit."),
  PROCESSES: gauge("container_processes", "Processes, those of cgroups below included."),
  LAST_SEEN: gauge("container_last_seen", "Last tick that saw the cgroup, in seconds since 1970."),
  START_TIME: gauge("container_start_time_seconds", "Start of its first process, Unix time.", 2),
  CPU_LIMIT_RATIO: gauge(
    "container_cpu_limit_used_ratio",
    "Share of its own CPU limit used since the last tick.",
    RATIO_SCALE,
  ),
  MEMORY_LIMIT_RATIO: gauge(
    "container_memory_limit_used_ratio",
    "Share of its own memory limit that its working set takes.",
    RATIO_SCALE,
  ),
  THROTTLED_RATIO: gauge(
    "container_cpu_cfs_throttled_ratio",
    "Share of the quota's periods since the last tick in which it was used up.",
    RATIO_SCALE,
  ),
  PSI_CPU: waiting("cpu"),
  PSI_CPU_STALLED: stalled("cpu"),
  PSI_MEMORY: waiting("memory"),
  PSI_MEMORY_STALLED: stalled("memory"),
  PSI_IO: waiting("io"),
  PSI_IO_STALLED: stalled("io"),
};

const V1_BY_NAME = { ...cpuSpecs(V1_SCALES), ...MEMORY_SPECS, ...REST_SPECS };
const V2_BY_NAME = { ...cpuSpecs(V2_SCALES), ...MEMORY_SPECS, ...REST_SPECS };
export const V1_SPECS: readonly SeriesSpec[] = Object.values(V1_BY_NAME);
export const V2_SPECS: readonly SeriesSpec[] = Object.values(V2_BY_NAME);

type Name = keyof typeof V2_BY_NAME;
const INDICES = Object.fromEntries(Object.keys(V2_BY_NAME).map((name, index) => [name, index]));

/** Where the values of a cgroup stand, and their series. */
export const at = {
  ...(INDICES as Readonly<Record<Name, number>>),
  /** Read, but no series of its own: kills since this cgroup was made. */
  OWN_OOM_KILLS: V2_SPECS.length,
};
export const VALUES = V2_SPECS.length + 1;

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

/** Per device as well, of these columns of net/dev. */
export const NETWORK_COLUMNS = [0, 1, 2, 3, 8, 9, 10, 11] as const;
export const NETWORK_SPECS: readonly SeriesSpec[] = [
  counter("container_network_receive_bytes_total", "Bytes received."),
  counter("container_network_receive_packets_total", "Packets received."),
  counter("container_network_receive_errors_total", "Packets received with an error."),
  counter("container_network_receive_packets_dropped_total", "Received packets that were dropped."),
  counter("container_network_transmit_bytes_total", "Bytes sent."),
  counter("container_network_transmit_packets_total", "Packets sent."),
  counter("container_network_transmit_errors_total", "Packets that could not be sent."),
  counter("container_network_transmit_packets_dropped_total", "Packets dropped instead of sent."),
];
