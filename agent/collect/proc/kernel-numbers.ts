import { type Collector, counter, gauge } from "../collector.ts";
import type { CollectContext } from "../context.ts";
import type { ByteScanner } from "../kit/byte-scanner.ts";
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

const LOADS = [
  gauge("node_load1", "Load average over a minute.", 2),
  gauge("node_load5", "Load average over 5 minutes.", 2),
  gauge("node_load15", "Load average over 15 minutes.", 2),
];

export function loadavgCollector(context: CollectContext): Collector {
  const file = { path: "/proc/loadavg", specs: LOADS, parse: parseLoadavg };
  return valuesCollector(context, "loadavg", [file]);
}

/** The three averages in hundredths. */
export function parseLoadavg(scan: ByteScanner, values: Float64Array): void {
  for (let i = 0; i < 3; i += 1) values[i] = scan.decimal(2);
}

const OPEN_FILES = [
  gauge("node_filefd_allocated", "Open files of all processes."),
  gauge("node_filefd_maximum", "Open files that there may be."),
];

export function filefdCollector(context: CollectContext): Collector {
  const file = { path: "/proc/sys/fs/file-nr", specs: OPEN_FILES, parse: parseFileNr };
  return valuesCollector(context, "filefd", [file]);
}

/** Allocated and maximum; what lies between is always 0. */
export function parseFileNr(scan: ByteScanner, values: Float64Array): void {
  values[0] = scan.count();
  scan.count();
  values[1] = scan.count();
}
