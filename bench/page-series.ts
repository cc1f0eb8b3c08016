import { labelsOf } from "../shared/model/labels.ts";
import type { FrameEncoder } from "../shared/wire/frame-encoder.ts";

type SetFn = (timeMs: number, tickMs: number) => void;

const CPUS = 4;
const MOUNTS = ["/", "/var", "/home"];
const GIB = 1024 ** 3;
/** Between two readings of a container. */
const CONTAINER_TICKS = 15;

/**
 * Series of a node and its containers. What it gives sets all values for a time; counters hold
 * hundredths of seconds.
 */
export function seriesOf(encoder: FrameEncoder, index: number, containers: number): SetFn {
  const sets = [
    basicSeries(encoder, index),
    furtherSeries(encoder, index),
    ...Array.from({ length: containers }, (_, i) => containerSeries(encoder, index, i)),
  ];
  return (timeMs, tickMs) => {
    for (const set of sets) set(timeMs, tickMs);
  };
}

function basicSeries(encoder: FrameEncoder, index: number): SetFn {
  const define = (scale: number, labels: Record<string, string>) =>
    encoder.define(0, scale, labelsOf({ job: "node", ...labels }));
  const gauge = (name: string, labels = {}) => define(0, { __name__: name, ...labels });
  const idle = Array.from({ length: CPUS }, (_, cpu) =>
    define(2, { __name__: "node_cpu_seconds_total", cpu: String(cpu), mode: "idle" }),
  );
  const user = Array.from({ length: CPUS }, (_, cpu) =>
    define(2, { __name__: "node_cpu_seconds_total", cpu: String(cpu), mode: "user" }),
  );
  const available = gauge("node_memory_MemAvailable_bytes");
  const total = gauge("node_memory_MemTotal_bytes");
  const free = MOUNTS.map((mountpoint) => {
    const labels = { mountpoint, device: "/dev/vda1", fstype: "ext4" };
    return [
      gauge("node_filesystem_avail_bytes", labels),
      gauge("node_filesystem_size_bytes", labels),
    ] as const;
  });
  const received = gauge("node_network_receive_bytes_total", { device: "eth0" });
  const sent = gauge("node_network_transmit_bytes_total", { device: "eth0" });
  const load = define(2, { __name__: "node_load1" });
  const bytes = { received: 0, sent: 0 };
  const spent = { idle: 0, user: 0 };
  return (timeMs, tickMs) => {
    const busy = busyShare(index, timeMs);
    spent.user += Math.round((busy * tickMs) / 10);
    spent.idle += Math.round(((1 - busy) * tickMs) / 10);
    for (const slot of idle) encoder.set(slot, spent.idle);
    for (const slot of user) encoder.set(slot, spent.user);
    encoder.set(total, 16 * GIB);
    encoder.set(
      available,
      Math.round(16 * GIB * (1 - 0.3 - 0.55 * busyShare(index * 7, timeMs / 9))),
    );
    free.forEach(([avail, size], i) => {
      encoder.set(size, 100 * GIB);
      encoder.set(avail, Math.round(100 * GIB * (1 - ((index * 37 + i * 11) % 97) / 100)));
    });
    bytes.received += Math.round(busy * 3000 * tickMs);
    bytes.sent += Math.round(busy * 900 * tickMs);
    encoder.set(received, bytes.received);
    encoder.set(sent, bytes.sent);
    encoder.set(load, Math.round(busy * CPUS * 100));
  };
}

/** What the other charts of a node's page show. */
function furtherSeries(encoder: FrameEncoder, index: number): SetFn {
  const node = (scale: number, name: string, labels: Record<string, string> = {}) =>
    encoder.define(0, scale, labelsOf({ __name__: name, job: "node", ...labels }));
  const seconds = ["cpu", "memory", "io"].map((kind) =>
    node(2, `node_pressure_${kind}_waiting_seconds_total`),
  );
  seconds.push(node(2, "node_disk_io_time_seconds_total", { device: "vda" }));
  const bytes = ["read", "written"].map((way) =>
    node(0, `node_disk_${way}_bytes_total`, { device: "vda" }),
  );
  const counts = ["pgmajfault", "pswpin", "pswpout"].map((name) => node(0, `node_vmstat_${name}`));
  const names = ["procs_running", "procs_blocked", "netstat_Tcp_CurrEstab", "sockstat_TCP_tw"];
  const gauges = [
    ...names.map((name) => node(0, `node_${name}`)),
    ...["node_load5", "node_load15"].map((name) => node(2, name)),
    node(0, "node_hwmon_temp_celsius", { chip: "coretemp" }),
    node(0, "node_memory_MemFree_bytes"),
  ];
  const spent = { seconds: 0, bytes: 0, counts: 0 };
  return (timeMs, tickMs) => {
    const busy = busyShare(index * 3, timeMs);
    spent.seconds += Math.round((busy * tickMs) / 100);
    spent.bytes += Math.round(busy * 500 * tickMs);
    spent.counts += Math.round((busy * tickMs) / 100);
    for (const slot of seconds) encoder.set(slot, spent.seconds);
    for (const slot of bytes) encoder.set(slot, spent.bytes);
    for (const slot of counts) encoder.set(slot, spent.counts);
    for (const slot of gauges) encoder.set(slot, Math.round(busy * 60));
  };
}

/** One that is read every 15 s, as an agent does where little happens. */
function containerSeries(encoder: FrameEncoder, index: number, place: number): SetFn {
  const name = `app-${place}`;
  const labels = { job: "cadvisor", name, image: `registry/app:${place % 7}`, id: `/${name}` };
  const define = (scale: number, metric: string, more = {}) =>
    encoder.define(0, scale, labelsOf({ __name__: metric, ...labels, ...more }));
  const cpu = define(2, "container_cpu_usage_seconds_total", { cpu: "total" });
  const memory = define(0, "container_memory_working_set_bytes");
  const ofLimit = define(2, "container_memory_limit_used_ratio");
  const turn = (index + place) % CONTAINER_TICKS;
  let [spent, ticks] = [0, -1];
  return (timeMs, tickMs) => {
    ticks += 1;
    if (ticks > 0 && ticks % CONTAINER_TICKS !== turn) return;
    const busy = busyShare(index * 31 + place, timeMs);
    spent += Math.round((busy * tickMs * CONTAINER_TICKS) / 10);
    encoder.set(cpu, spent);
    encoder.set(memory, Math.round(busy * GIB));
    encoder.set(ofLimit, Math.round(busy * 100));
  };
}

/** Between 0 and 1; each node has a tide and a swell of its own. */
function busyShare(index: number, timeMs: number): number {
  const base = ((index * 7919) % 60) / 100;
  const tide = Math.sin(timeMs / 900_000 + index) * 0.12;
  const swell = Math.sin(timeMs / 47_000 + index * 3) * 0.06;
  return Math.min(1, Math.max(0.01, base + 0.15 + tide + swell));
}
