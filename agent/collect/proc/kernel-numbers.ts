import { type Collector, counter, gauge } from "../collector.ts";
import type { CollectContext } from "../context.ts";
import { numberFile, valuesCollector } from "../kit/file-collector.ts";

const RANDOM = "/proc/sys/kernel/random";
const ENTROPY = gauge("node_entropy_available_bits", "Entropy that the kernel has gathered.");
const POOL_SIZE = gauge("node_entropy_pool_size_bits", "Entropy that the kernel can gather.");
const HUNG_TASKS = counter("node_kernel_hung_task_detect_count", "Threads that hung for long.");

export function entropyCollector(context: CollectContext): Collector {
  return valuesCollector(context, "entropy", [
    numberFile(`${RANDOM}/entropy_avail`, ENTROPY),
    numberFile(`${RANDOM}/poolsize`, POOL_SIZE),
  ]);
}

/** Since kernel 6.13, and where it looks for such tasks at all. */
export function kernelHungCollector(context: CollectContext): Collector {
  const path = "/proc/sys/kernel/hung_task_detect_count";
  return valuesCollector(context, "kernel_hung", [numberFile(path, HUNG_TASKS, true)]);
}
