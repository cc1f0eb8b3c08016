import { type Collector, counter, type SeriesSpec } from "../collector.ts";
import type { CollectContext } from "../context.ts";
import { ABSENT, type ByteScanner } from "../kit/byte-scanner.ts";
import { type ValuesOptions, valuesCollector } from "../kit/file-collector.ts";

const USEC = 6;

const SOME = 0;
const FULL = 1;
/** Of each file what is short, and those of its lines by which the kernel means something. */
const PRESSURES: readonly (readonly [file: string, resource: string, lines: readonly number[]])[] =
  [
    ["cpu", "a CPU", [SOME]],
    ["io", "a disk", [SOME, FULL]],
    ["memory", "memory", [SOME, FULL]],
    ["irq", "CPU", [FULL]],
  ];

function specOf(file: string, resource: string, line: number): SeriesSpec {
  const [kind, help] =
    line === SOME
      ? ["waiting", "Time in which at least one thread waited for"]
      : ["stalled", "Time in which no thread could go on for want of"];
  return counter(`node_pressure_${file}_${kind}_seconds_total`, `${help} ${resource}.`, USEC);
}

/** How long a resource was short. Kernels without the accounting have no series, and no fault. */
export function pressureCollector(context: CollectContext): Collector {
  const totals = new Float64Array(2);
  const files = PRESSURES.map(
    ([file, resource, lines]): ValuesOptions => ({
      path: `/proc/pressure/${file}`,
      isOptional: true,
      specs: lines.map((line) => specOf(file, resource, line)),
      parse: (scan, values) => {
        parsePressure(scan, totals, 0);
        for (const [index, line] of lines.entries()) values[index] = totals[line] ?? ABSENT;
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
