import type { ChartPlan } from "../node/chart-plans.ts";

type Rated = (of: string, window: string) => string;

const rate =
  (name: string): Rated =>
  (of, window) =>
    `sum(rate(${name}{${of}}[${window}]))`;
const most =
  (name: string, condition = ""): Rated =>
  (of) =>
    `max(${name}{${of}}${condition})`;
const increase =
  (name: string): Rated =>
  (of, window) =>
    `round(sum(increase(${name}{${of}}[${window}])))`;

/** The charts of a container, in their order on the page. */
export const CONTAINER_CHARTS: readonly ChartPlan[] = [
  {
    title: "containerChartCpu",
    unit: "number",
    lines: [
      { query: rate("container_cpu_usage_seconds_total"), label: (_, { used }) => used },
      {
        query: (of) =>
          `max((container_spec_cpu_quota{${of}} > 0) / container_spec_cpu_period{${of}})`,
        label: (_, { limit }) => limit,
        isThreshold: true,
      },
    ],
  },
  {
    title: "chartMemory",
    unit: "bytes",
    lines: [
      { query: most("container_memory_working_set_bytes"), label: (_, { used }) => used },
      { query: most("container_memory_rss"), label: (_, { anonymous }) => anonymous },
      { query: most("container_memory_cache"), label: (_, { cached }) => cached },
      {
        query: most("container_spec_memory_limit_bytes", " > 0"),
        label: (_, { limit }) => limit,
        isThreshold: true,
      },
    ],
  },
  {
    title: "containerChartThrottled",
    unit: "share",
    top: 0.1,
    lines: [
      {
        query: (of, window) =>
          `sum(rate(container_cpu_cfs_throttled_periods_total{${of}}[${window}])) / (sum(rate(container_cpu_cfs_periods_total{${of}}[${window}])) > 0)`,
        label: (_, { throttled }) => throttled,
      },
    ],
  },
  {
    title: "containerChartEvents",
    unit: "number",
    top: 1,
    lines: [
      { query: increase("container_oom_events_total"), label: (_, w) => w.containersOom },
      { query: increase("container_restarts_total"), label: (_, w) => w.containersRestarts },
    ],
  },
  {
    title: "chartNetwork",
    unit: "rate",
    top: 1000,
    lines: [
      {
        query: rate("container_network_receive_bytes_total"),
        label: (_, { received }) => received,
      },
      { query: rate("container_network_transmit_bytes_total"), label: (_, { sent }) => sent },
    ],
  },
  {
    title: "chartDisk",
    unit: "rate",
    top: 1000,
    lines: [
      { query: rate("container_fs_reads_bytes_total"), label: (_, { read }) => read },
      { query: rate("container_fs_writes_bytes_total"), label: (_, { written }) => written },
    ],
  },
  {
    title: "chartPressure",
    unit: "share",
    lines: [
      { query: rate("container_pressure_cpu_waiting_seconds_total"), label: (_, { cpu }) => cpu },
      {
        query: rate("container_pressure_memory_waiting_seconds_total"),
        label: (_, { memory }) => memory,
      },
      { query: rate("container_pressure_io_waiting_seconds_total"), label: () => "I/O" },
    ],
  },
  {
    title: "chartTasks",
    unit: "number",
    lines: [
      { query: most("container_processes"), label: (_, w) => w.containerProcesses },
      { query: most("container_threads"), label: (_, w) => w.containerThreads },
    ],
  },
];

/** Matchers of what is known of a container of a node. */
export function containerMatchers(node: string, name: string): string {
  return `job="cadvisor",instance=${JSON.stringify(node)},name=${JSON.stringify(name)}`;
}
