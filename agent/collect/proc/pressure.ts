import { type Collector, counter, type SeriesSpec } from "../collector.ts";
import type { CollectContext } from "../context.ts";
import { ABSENT, type ByteScanner } from "../kit/byte-scanner.ts";
import { type ValuesOptions, valuesCollector } from "../kit/file-collector.ts";

const USEC = 6;
const WAITING = "Time in which at least one thread waited for";
const STALLED = "Time in which no thread could go on for want of";

const SOME = 0;
const FULL = 1;
/** The lines `some` and `full` of each file, where the kernel means something by them. */
const PRESSURES: readonly [file: string, ...(readonly [line: number, spec: SeriesSpec])[]][] = [
  ["cpu", [SOME, counter("node_pressure_cpu_waiting_seconds_total", `${WAITING} a CPU.`, USEC)]],
  [
    "io",
    [SOME, counter("node_pressure_io_waiting_seconds_total", `${WAITING} a disk.`, USEC)],
    [FULL, counter("node_pressure_io_stalled_seconds_total", `${STALLED} a disk.`, USEC)],
  ],
  [
    "memory",
    [SOME, counter("node_pressure_memory_waiting_seconds_total", `${WAITING} memory.`, USEC)],
    [FULL, counter("node_pressure_memory_stalled_seconds_total", `${STALLED} memory.`, USEC)],
  ],
  ["irq", [FULL, counter("node_pressure_irq_stalled_seconds_total", `${STALLED} CPU.`, USEC)]],
];

/** How long a resource was short. Kernels without the accounting have no series, and no fault. */
export function pressureCollector(context: CollectContext): Collector {
  const totals = new Float64Array(2);
  const files = PRESSURES.map(
    ([file, ...lines]): ValuesOptions => ({
      path: `/proc/pressure/${file}`,
      isOptional: true,
      specs: lines.map(([, spec]) => spec),
      parse: (scan, values) => {
        parsePressure(scan, totals, 0);
        for (let i = 0; i < lines.length; i += 1) {
          values[i] = totals[lines[i]?.[0] ?? SOME] ?? ABSENT;
        }
      },
    }),
  );
  return valuesCollector(context, "pressure", files);
}

/**
 * Reads a pressure file: the total stall time in microseconds of the lines `some` and `full`, into
 * `values[target]` and the one behind it. Source: kernel docs, accounting/psi.
 */
export function parsePressure(scan: ByteScanner, values: Float64Array, target: number): void {
  values[target] = ABSENT;
  values[target + 1] = ABSENT;
  for (; !scan.isDone; scan.skipLine()) {
    const first = scan.bytes[scan.at];
    const isSome = first === LETTER_S;
    if (!isSome && first !== LETTER_F) continue;
    // total= is the last of the four.
    let seen = 0;
    while (seen < 4 && scan.skipPast(EQUALS)) seen += 1;
    if (seen === 4) values[isSome ? target : target + 1] = scan.count();
  }
}

const EQUALS = 61;
const LETTER_S = 115;
const LETTER_F = 102;
