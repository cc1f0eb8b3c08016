import { join } from "node:path";
import { type Collector, familiesOf, gauge, JOB_CONTAINERS, SeriesRow } from "../collector.ts";
import { type CollectContext, hostPath } from "../context.ts";
import { ABSENT } from "../kit/byte-scanner.ts";
import { LabelledRows } from "../kit/labelled-rows.ts";
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
const CPU = /^cpu\d{1,5}$/;
const NODES_DIRECTORY = "/sys/devices/system/node";
const NODE = /^node(\d{1,5})$/;
const SIZE = /^hugepages-(\d{1,10})kB$/;
const KIBIBYTE = 1024;

/** How the machine is built, under cAdvisor's names. */
export function machineCollector(context: CollectContext): Collector {
  const cpus = new SeriesRow(context.sink, CPU_SPECS, { job: JOB_CONTAINERS });
  const nodes = new LabelledRows(context, NODE_SPECS, JOB_CONTAINERS);
  const hugepages = new LabelledRows(context, HUGEPAGES_SPECS, JOB_CONTAINERS);
  const directory = hostPath(context, NODES_DIRECTORY);
  const tell = () => {
    for (const node of listNames(directory, NODE)) {
      const path = join(directory, `node${node}`);
      const memory = memoryIn(readSmallFile(join(path, "meminfo")) ?? "");
      nodes.of({ node_id: node }).set(0, memory);
      for (const size of listNames(join(path, "hugepages"), SIZE)) {
        const count = readSmallFile(join(path, "hugepages", `hugepages-${size}kB`, "nr_hugepages"));
        hugepages.of({ node_id: node, page_size: size }).set(0, numberIn(count));
      }
    }
  };
  return {
    name: "machine",
    families: familiesOf([...CPU_SPECS, ...NODE_SPECS, ...HUGEPAGES_SPECS]),
    collect: () => {
      const { cores, sockets } = topologyOf(hostPath(context, CPUS_DIRECTORY));
      cpus.set(0, cores);
      cpus.set(1, sockets);
      nodes.update(() => hugepages.update(tell));
    },
    close: () => undefined,
  };
}

/** ABSENT where the kernel does not tell. CPUs that are not online have no topology. */
function topologyOf(directory: string): { cores: number; sockets: number } {
  const cores = new Set<string>();
  const sockets = new Set<string>();
  for (const name of listNames(directory, CPU)) {
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
