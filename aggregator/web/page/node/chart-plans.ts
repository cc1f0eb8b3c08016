import type { Words } from "../words/en.ts";

export type Unit = "share" | "bytes" | "rate" | "number" | "perSecond" | "seconds" | "celsius";

/** A query, and what its series are called. */
type PlannedLine = {
  /** @param of matchers of the node; @param window of a rate */
  readonly query: (of: string, window: string) => string;
  readonly label: (labels: Readonly<Record<string, string>>, words: Words) => string;
  /** What the others are compared with. */
  readonly isThreshold?: true;
};

export type ChartPlan = {
  readonly title: {
    [Key in keyof Words]: Words[Key] extends string ? Key : never;
  }[keyof Words];
  /** Instead of the title, where a metric is called by its own name. */
  readonly name?: string;
  readonly unit: Unit;
  readonly isStacked?: true;
  readonly isTall?: true;
  /** What the chart reaches at least. */
  readonly top?: number;
  /** Left out where the node has nothing of the kind. */
  readonly isOptional?: true;
  readonly lines: readonly PlannedLine[];
  /** Its queries are a rule's, and may be LogQL. */
  readonly isOfRule?: true;
};

type Rated = (of: string, window: string) => string;

const DISKS = 'device!~"(loop|ram|zram|sr|fd).*"';
const DEVICES = 'device!~"lo|veth.*|br-.*|docker.*|cni.*|virbr.*|podman.*"';
const FILE_SYSTEMS = 'fstype!~"tmpfs|ramfs|squashfs|iso9660|erofs|overlay"';

const gauge =
  (name: string): Rated =>
  (of) =>
    `max(${name}{${of}})`;
const sumOfRates =
  (name: string, matcher = ""): Rated =>
  (of, window) =>
    `sum(rate(${name}{${of}${matcher === "" ? "" : `,${matcher}`}}[${window}]))`;
const byLabel = (name: string) => (labels: Readonly<Record<string, string>>) => labels[name] ?? "";
const memory = (name: string, of: string) => `max(node_memory_${name}_bytes{${of}})`;

const pressure = (name: string, text: string): PlannedLine => ({
  query: sumOfRates(`node_pressure_${name}_seconds_total`),
  label: () => text,
});

/** The charts of a node, in their order on the page. */
export const CHARTS: readonly ChartPlan[] = [
  {
    title: "chartCpu",
    unit: "share",
    isStacked: true,
    lines: [
      {
        query: (of, window) =>
          `avg by (mode) (rate(node_cpu_seconds_total{${of},mode!="idle"}[${window}]))`,
        label: byLabel("mode"),
      },
    ],
  },
  {
    title: "chartMemory",
    unit: "bytes",
    isStacked: true,
    lines: [
      {
        query: (of) => `${memory("MemTotal", of)} - ${memory("MemAvailable", of)}`,
        label: (_, { used }) => used,
      },
      {
        query: (of) => `${memory("MemAvailable", of)} - ${memory("MemFree", of)}`,
        label: (_, { cached }) => cached,
      },
      { query: (of) => memory("MemFree", of), label: (_, { free }) => free },
    ],
  },
  {
    title: "chartPressure",
    unit: "share",
    lines: [
      pressure("cpu_waiting", "CPU"),
      pressure("memory_waiting", "memory"),
      pressure("io_waiting", "I/O"),
    ],
  },
  {
    title: "chartSpace",
    unit: "share",
    top: 1,
    lines: [
      {
        query: (of) =>
          `max by (mountpoint) (1 - node_filesystem_avail_bytes{${of},${FILE_SYSTEMS}} / (node_filesystem_size_bytes{${of},${FILE_SYSTEMS}} > 0))`,
        label: byLabel("mountpoint"),
      },
    ],
  },
  {
    title: "chartDisk",
    unit: "rate",
    lines: [
      { query: sumOfRates("node_disk_read_bytes_total", DISKS), label: (_, { read }) => read },
      {
        query: sumOfRates("node_disk_written_bytes_total", DISKS),
        label: (_, { written }) => written,
      },
    ],
  },
  {
    title: "chartBusy",
    unit: "share",
    lines: [
      {
        query: (of, window) =>
          `max by (device) (rate(node_disk_io_time_seconds_total{${of},${DISKS}}[${window}]))`,
        label: byLabel("device"),
      },
    ],
  },
  {
    title: "chartNetwork",
    unit: "rate",
    lines: [
      {
        query: sumOfRates("node_network_receive_bytes_total", DEVICES),
        label: (_, { received }) => received,
      },
      {
        query: sumOfRates("node_network_transmit_bytes_total", DEVICES),
        label: (_, { sent }) => sent,
      },
    ],
  },
  {
    title: "chartLoad",
    unit: "number",
    lines: [
      { query: gauge("node_load1"), label: (_, { oneMinute }) => oneMinute },
      { query: gauge("node_load5"), label: (_, { fiveMinutes }) => fiveMinutes },
      { query: gauge("node_load15"), label: (_, { fifteenMinutes }) => fifteenMinutes },
      {
        query: (of) => `count(node_cpu_seconds_total{${of},mode="idle"})`,
        label: (_, { cores }) => cores,
      },
    ],
  },
  {
    title: "chartTasks",
    unit: "number",
    lines: [
      { query: gauge("node_procs_running"), label: (_, { running }) => running },
      { query: gauge("node_procs_blocked"), label: (_, { blocked }) => blocked },
    ],
  },
  {
    title: "chartTcp",
    unit: "number",
    lines: [
      { query: gauge("node_netstat_Tcp_CurrEstab"), label: (_, { established }) => established },
      { query: gauge("node_sockstat_TCP_tw"), label: (_, { timeWait }) => timeWait },
    ],
  },
  {
    title: "chartPaging",
    unit: "perSecond",
    lines: [
      { query: sumOfRates("node_vmstat_pgmajfault"), label: (_, { majorFaults }) => majorFaults },
      { query: sumOfRates("node_vmstat_pswpin"), label: (_, { swappedIn }) => swappedIn },
      { query: sumOfRates("node_vmstat_pswpout"), label: (_, { swappedOut }) => swappedOut },
    ],
  },
  {
    title: "chartTemperature",
    unit: "celsius",
    isOptional: true,
    lines: [
      {
        query: (of) => `max by (chip) (node_hwmon_temp_celsius{${of}})`,
        label: byLabel("chip"),
      },
    ],
  },
];

/** Matchers of what the agent says of its node. */
export function nodeMatchers(name: string): string {
  return `job="node",instance=${JSON.stringify(name)}`;
}
