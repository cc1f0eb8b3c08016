import { type Collector, counter, gauge } from "../collector.ts";
import type { CollectContext } from "../context.ts";
import { parseNumber, valuesCollector } from "../kit/file-collector.ts";

const RANDOM = "/proc/sys/kernel/random";

export function entropyCollector(context: CollectContext): Collector {
  return valuesCollector(context, "entropy", [
    {
      path: `${RANDOM}/entropy_avail`,
      specs: [gauge("node_entropy_available_bits", "Entropy that the kernel has gathered.")],
      parse: parseNumber,
    },
    {
      path: `${RANDOM}/poolsize`,
      specs: [gauge("node_entropy_pool_size_bits", "Entropy that the kernel can gather.")],
      parse: parseNumber,
    },
  ]);
}

/** Since kernel 6.13, and where it looks for such tasks at all. */
export function kernelHungCollector(context: CollectContext): Collector {
  return valuesCollector(context, "kernel_hung", [
    {
      path: "/proc/sys/kernel/hung_task_detect_count",
      specs: [
        counter("node_kernel_hung_task_detect_count", "Threads that could not be woken for long."),
      ],
      parse: parseNumber,
      isOptional: true,
    },
  ]);
}
