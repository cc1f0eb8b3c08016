import { join } from "node:path";
import { type Collector, familiesOf, gauge, JOB_CONTAINERS, SeriesRow } from "../collector.ts";
import { type CollectContext, hostPath } from "../context.ts";
import { ABSENT } from "../kit/byte-scanner.ts";
import { listNames, numberIn, readSmallFile } from "../kit/small-file.ts";

const CPU_SPECS = [
  gauge("machine_cpu_physical_cores", "Cores, each counted once whatever its threads."),
  gauge("machine_cpu_sockets", "Packages in which there are CPUs that are online."),
];
const NODE_SPECS = [gauge("machine_node_memory_capacity_bytes", "Memory of the NUMA node.")];
const HUGEPAGES_SPECS = [
  gauge("machine_node_hugepages_count", "Huge pages of the size, in kB, on the NUMA node."),
];

const CPUS_DIRECTORY = "/sys/devices/system/cpu";
const CPUS_MAX = 4096;
const CPU = /^cpu\d{1,5}$/;
const NODES_DIRECTORY = "/sys/devices/system/node";
const NODES_MAX = 1024;
const NODE = /^node(\d{1,5})$/;
const SIZES_MAX = 16;
const SIZE = /^hugepages-(\d{1,10})kB$/;
const KIBIBYTE = 1024;

/** How the machine is built, under cAdvisor's names. */
export function machineCollector(context: CollectContext): Collector {
  const { sink } = context;
  const cpus = new SeriesRow(sink, CPU_SPECS, { job: JOB_CONTAINERS });
  const rows = new Map<string, SeriesRow>();
  const rowOf = (specs: typeof NODE_SPECS, labels: Readonly<Record<string, string>>) => {
    const key = JSON.stringify(labels);
    const row = rows.get(key) ?? new SeriesRow(sink, specs, { ...labels, job: JOB_CONTAINERS });
    rows.set(key, row);
    return row;
  };
  return {
    name: "machine",
    families: familiesOf([...CPU_SPECS, ...NODE_SPECS, ...HUGEPAGES_SPECS]),
    collect: () => {
      const { cores, sockets } = topologyOf(hostPath(context, CPUS_DIRECTORY));
      cpus.set(0, cores);
      cpus.set(1, sockets);
      const directory = hostPath(context, NODES_DIRECTORY);
      for (const name of listNames(directory, NODES_MAX)) {
        const node = NODE.exec(name)?.[1];
        if (node === undefined) continue;
        const memory = memoryIn(readSmallFile(join(directory, name, "meminfo")) ?? "");
        rowOf(NODE_SPECS, { node_id: node }).set(0, memory);
        for (const [size, count] of hugepagesOf(join(directory, name, "hugepages"))) {
          rowOf(HUGEPAGES_SPECS, { node_id: node, page_size: size }).set(0, count);
        }
      }
    },
    close: () => undefined,
  };
}

/** ABSENT where the kernel does not tell. CPUs that are not online have no topology. */
function topologyOf(directory: string): { cores: number; sockets: number } {
  const cores = new Set<string>();
  const sockets = new Set<string>();
  for (const name of listNames(directory, CPUS_MAX)) {
    if (!CPU.test(name)) continue;
    const text = (file: string) => readSmallFile(join(directory, name, "topology", file));
    // Some kernels give all of them the package -1.
    const socket = text("physical_package_id");
    const core = text("core_id");
    if (socket === null || core === null) continue;
    sockets.add(socket);
    cores.add(`${socket}:${core}`);
  }
  return { cores: cores.size || ABSENT, sockets: sockets.size || ABSENT };
}

/** Of a node's meminfo: `Node 0 MemTotal:  16308680 kB`. */
function memoryIn(text: string): number {
  const kibibytes = numberIn(/\bMemTotal:\s+(\d{1,15}) kB$/m.exec(text)?.[1] ?? null);
  return kibibytes === ABSENT ? ABSENT : kibibytes * KIBIBYTE;
}

function hugepagesOf(directory: string): (readonly [size: string, count: number])[] {
  return listNames(directory, SIZES_MAX).flatMap((name) => {
    const size = SIZE.exec(name)?.[1];
    const count = numberIn(readSmallFile(join(directory, name, "nr_hugepages")));
    return size === undefined ? [] : [[size, count] as const];
  });
}
