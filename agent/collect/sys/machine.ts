import { join } from "node:path";
import { type Collector, gauge, JOB_CONTAINERS } from "../collector.ts";
import { type CollectContext, hostPath } from "../context.ts";
import { ABSENT } from "../kit/byte-scanner.ts";
import { readingCollector } from "../kit/reading.ts";
import { listNames, numberIn, readSmallFile } from "../kit/small-file.ts";

const CORES = gauge("machine_cpu_physical_cores", "Cores, each counted once whatever its threads.");
const SOCKETS = gauge("machine_cpu_sockets", "Packages in which there are CPUs that are online.");
const MEMORY = gauge("machine_node_memory_capacity_bytes", "Memory of the NUMA node.");
const HUGEPAGES = gauge("machine_node_hugepages_count", "Huge pages of the node, by size in kB.");

const CPUS_DIRECTORY = "/sys/devices/system/cpu";
const CPU = /^cpu\d{1,5}$/;
const NODES_DIRECTORY = "/sys/devices/system/node";
const NODE = /^node(\d{1,5})$/;
const SIZE = /^hugepages-(\d{1,10})kB$/;
const KIBIBYTE = 1024;

/** How the machine is built, under cAdvisor's names. */
export function machineCollector(context: CollectContext): Collector {
  const job = JOB_CONTAINERS;
  const specs = [CORES, SOCKETS, MEMORY, HUGEPAGES];
  const directory = hostPath(context, NODES_DIRECTORY);
  return readingCollector(context, "machine", specs, (reading) => {
    const { cores, sockets } = topologyOf(hostPath(context, CPUS_DIRECTORY));
    reading.setCount(CORES, { job }, cores);
    reading.setCount(SOCKETS, { job }, sockets);
    for (const node_id of listNames(directory, NODE)) {
      const path = join(directory, `node${node_id}`);
      const memory = memoryIn(readSmallFile(join(path, "meminfo")) ?? "");
      reading.setCount(MEMORY, { job, node_id }, memory);
      for (const page_size of listNames(join(path, "hugepages"), SIZE)) {
        const file = join(path, "hugepages", `hugepages-${page_size}kB`, "nr_hugepages");
        reading.setCount(HUGEPAGES, { job, node_id, page_size }, numberIn(readSmallFile(file)));
      }
    }
  });
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
