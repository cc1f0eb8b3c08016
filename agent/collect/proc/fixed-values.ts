import { existsSync } from "node:fs";
import {
  type Collector,
  counter,
  familiesOf,
  gauge,
  JOB_NODE,
  SeriesRow,
  type SeriesSpec,
} from "../collector.ts";
import { type CollectContext, hostFile, hostPath, readRequired } from "../context.ts";
import { CHANGED, HeldFile, MISSING } from "../kit/held-file.ts";
import { parseFileNr, parseLoadavg, parsePressure } from "./tables.ts";

type ValuesParser = (bytes: Uint8Array, length: number, values: Float64Array) => number;

type FixedValuesOptions = {
  readonly name: string;
  readonly path: string;
  readonly specs: readonly SeriesSpec[];
  readonly parse: ValuesParser;
};

/** A file with a few values that are always the same ones. */
class FixedValuesCollector implements Collector {
  readonly name: string;
  readonly families;
  readonly #context: CollectContext;
  readonly #parse: ValuesParser;
  readonly #file: HeldFile;
  readonly #values: Float64Array;
  readonly #row: SeriesRow;

  constructor(context: CollectContext, options: FixedValuesOptions) {
    this.name = options.name;
    this.families = familiesOf(options.specs);
    this.#context = context;
    this.#parse = options.parse;
    this.#file = hostFile(context, options.path);
    this.#values = new Float64Array(options.specs.length);
    this.#row = new SeriesRow(context.sink, options.specs, { job: JOB_NODE });
  }

  collect(): void {
    if (readRequired(this.#file) === CHANGED) {
      const { buffer, faults } = this.#context;
      const malformed = this.#parse(buffer.bytes, this.#file.length, this.#values);
      faults.add(this.name, "malformed", malformed);
    }
    this.#row.setAll(this.#values);
  }

  close(): void {
    this.#file.close();
  }
}

export function loadavgCollector(context: CollectContext): Collector {
  return new FixedValuesCollector(context, {
    name: "loadavg",
    path: "/proc/loadavg",
    specs: [
      gauge("node_load1", "Load average over a minute.", 2),
      gauge("node_load5", "Load average over 5 minutes.", 2),
      gauge("node_load15", "Load average over 15 minutes.", 2),
    ],
    parse: parseLoadavg,
  });
}

export function filefdCollector(context: CollectContext): Collector {
  return new FixedValuesCollector(context, {
    name: "filefd",
    path: "/proc/sys/fs/file-nr",
    specs: [
      gauge("node_filefd_allocated", "Open files of all processes."),
      gauge("node_filefd_maximum", "Open files that there may be."),
    ],
    parse: parseFileNr,
  });
}

export function timeCollector(context: CollectContext): Collector {
  const specs = [gauge("node_time_seconds", "Time of the tick, in seconds since 1970.", 3)];
  const row = new SeriesRow(context.sink, specs, { job: JOB_NODE });
  return {
    name: "time",
    families: familiesOf(specs),
    collect: (nowMs) => row.set(0, nowMs),
    close: () => undefined,
  };
}

const USEC = 6;
const WAITING = "Time in which at least one thread waited for";
const STALLED = "Time in which no thread could go on for want of";

/** What the line `some` tells, then what `full` tells; null: the kernel means nothing by it. */
const PRESSURES: readonly [file: string, some: SeriesSpec | null, full: SeriesSpec | null][] = [
  ["cpu", counter("node_pressure_cpu_waiting_seconds_total", `${WAITING} a CPU.`, USEC), null],
  [
    "io",
    counter("node_pressure_io_waiting_seconds_total", `${WAITING} a disk.`, USEC),
    counter("node_pressure_io_stalled_seconds_total", `${STALLED} a disk.`, USEC),
  ],
  [
    "memory",
    counter("node_pressure_memory_waiting_seconds_total", `${WAITING} memory.`, USEC),
    counter("node_pressure_memory_stalled_seconds_total", `${STALLED} memory.`, USEC),
  ],
  ["irq", null, counter("node_pressure_irq_stalled_seconds_total", `${STALLED} CPU.`, USEC)],
];

/** How long a resource was short. Kernels without the accounting have no series, and no fault. */
export function pressureCollector(context: CollectContext): Collector {
  const specs = PRESSURES.flatMap(([, some, full]) => [some, full]).filter((spec) => spec !== null);
  const served = PRESSURES.filter(([file]) => existsSync(pressurePath(context, file)));
  const files = served.map(([file, some, full]) => {
    const held = new HeldFile(pressurePath(context, file), context.buffer);
    const rowOf = (spec: SeriesSpec | null) =>
      spec && new SeriesRow(context.sink, [spec], { job: JOB_NODE });
    return { held, some: rowOf(some), full: rowOf(full), values: new Float64Array(2) };
  });
  return {
    name: "pressure",
    families: familiesOf(specs),
    collect: () => {
      for (const { held, some, full, values } of files) {
        const outcome = held.read();
        if (outcome >= MISSING) continue;
        if (outcome === CHANGED) {
          const malformed = parsePressure(context.buffer.bytes, held.length, values, 0);
          context.faults.add("pressure", "malformed", malformed);
        }
        some?.set(0, values[0] ?? -1);
        full?.set(0, values[1] ?? -1);
      }
    },
    close: () => {
      for (const { held } of files) held.close();
    },
  };
}

function pressurePath(context: CollectContext, file: string): string {
  return hostPath(context, `/proc/pressure/${file}`);
}
