import {
  type Collector,
  counter,
  familiesOf,
  gauge,
  JOB_CONTAINERS,
  JOB_NODE,
  SeriesRow,
  type SeriesSpec,
} from "../collector.ts";
import type { CollectContext } from "../context.ts";
import { ABSENT, type ByteScanner } from "../kit/byte-scanner.ts";
import { FileCollector, type FileSource } from "../kit/file-collector.ts";
import { KeyTable } from "../kit/key-table.ts";
import { RowTable } from "../kit/row-table.ts";

/** Columns of a `cpuN` line: user nice system idle iowait irq softirq steal guest guest_nice. */
export const CPU_COLUMNS = 10;

const NEWLINE = 10;
const LETTER_C = 99;
const LETTER_P = 112;
const LETTER_U = 117;
const ZERO = 48;
const NINE = 57;

/** Jiffies are hundredths of a second on every architecture that Node runs on. */
const JIFFIES = 2;

const MODES = ["user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"];
const GUEST_MODES = ["user", "nice"];

const TIME = counter("node_cpu_seconds_total", "Time that the CPU spent in each mode.", JIFFIES);
const GUEST_TIME = counter(
  "node_cpu_guest_seconds_total",
  "Time that the CPU spent in virtual machines; it is part of mode user or nice too.",
  JIFFIES,
);
const CPU_SPECS: SeriesSpec[] = [
  ...MODES.map((mode) => ({ ...TIME, labels: { mode } })),
  ...GUEST_MODES.map((mode) => ({ ...GUEST_TIME, labels: { mode } })),
];

/** Lines of one number. */
const TOTALS = [
  ["intr", counter("node_intr_total", "Interrupts served.")],
  ["ctxt", counter("node_context_switches_total", "Switches from one thread to another.")],
  ["btime", gauge("node_boot_time_seconds", "Time of the boot, in seconds since 1970.")],
  ["processes", counter("node_forks_total", "Processes and threads created.")],
  ["procs_running", gauge("node_procs_running", "Threads that run or could run.")],
  ["procs_blocked", gauge("node_procs_blocked", "Threads that wait for input or output.")],
] as const;
const TOTAL_KEYS = new KeyTable(TOTALS.map(([key], index) => [key, index]));
const TOTAL_SPECS = TOTALS.map(([, spec]) => spec);

const MACHINE_SPECS = [gauge("machine_cpu_cores", "CPUs that are online.")];

/**
 * A counter of /proc/stat that goes back by less than this stands still instead: the kernel's idle
 * and iowait do that, and a reset of a second would look like a burst. More is a CPU that was off.
 */
const BACKWARDS_JIFFIES_MAX = 300;

type CpuSeries = { readonly row: SeriesRow; readonly values: Float64Array };

/** /proc/stat: time of each CPU by mode, interrupts, switches, forks, boot time. */
export function statCollector(context: CollectContext): Collector {
  const { sink } = context;
  const cpus = new RowTable<CpuSeries>(CPU_COLUMNS);
  const totals = new Float64Array(TOTALS.length);
  const totalRow = new SeriesRow(sink, TOTAL_SPECS, { job: JOB_NODE });
  const machineRow = new SeriesRow(sink, MACHINE_SPECS, { job: JOB_CONTAINERS });
  const source: FileSource = {
    path: "/proc/stat",
    families: familiesOf([...CPU_SPECS, ...TOTAL_SPECS, ...MACHINE_SPECS]),
    get overflow() {
      return cpus.overflow;
    },
    parse: (scan) => {
      parseProcStat(scan, cpus, totals);
      for (const gone of cpus.finish()) gone.attachment?.row.retire();
      for (const cpu of cpus.rows) {
        cpu.attachment ??= {
          row: new SeriesRow(sink, CPU_SPECS, { job: JOB_NODE, cpu: cpu.key }),
          values: Float64Array.from(cpu.values),
        };
        advance(cpu.attachment.values, cpu.values);
      }
    },
    set: () => {
      for (const { attachment } of cpus.rows) attachment?.row.setAll(attachment.values);
      totalRow.setAll(totals);
      if (cpus.rows.length > 0) machineRow.set(0, cpus.rows.length);
    },
  };
  return new FileCollector(context, "stat", [source]);
}

function advance(values: Float64Array, read: Float64Array): void {
  for (let i = 0; i < values.length; i += 1) {
    const last = values[i] ?? 0;
    const next = read[i] ?? 0;
    const isSmallStepBack = next >= 0 && next < last && last - next < BACKWARDS_JIFFIES_MAX;
    if (!isSmallStepBack) values[i] = next;
  }
}

/**
 * Reads /proc/stat: a row per CPU in jiffies of 1/100 s, whose key is the CPU's number, and the
 * totals in the order of TOTALS. Source: proc(5).
 */
export function parseProcStat<T>(scan: ByteScanner, cpus: RowTable<T>, totals: Float64Array): void {
  const { bytes } = scan;
  totals.fill(ABSENT);
  cpus.start();
  while (!scan.isDone) {
    const start = scan.at;
    if (isCpuLine(bytes, start)) {
      scan.skipWord();
      const row = cpus.take(bytes, start + 3, scan.at);
      if (row !== null) scan.counts(row.values, CPU_COLUMNS);
      scan.skipLine();
      continue;
    }
    scan.skipWord();
    const index = TOTAL_KEYS.find(bytes, start, scan.at);
    if (index !== ABSENT) totals[index] = scan.count();
    // The line of interrupts is many kilobytes long on a big machine: let native code skip it.
    const newline = bytes.indexOf(NEWLINE, scan.at);
    scan.at = newline < 0 ? scan.length : newline + 1;
  }
}

/** `cpu` and a digit; the line of the sums has a space there. */
function isCpuLine(bytes: Uint8Array, at: number): boolean {
  const digit = bytes[at + 3] ?? 0;
  const isCpu = bytes[at] === LETTER_C && bytes[at + 1] === LETTER_P && bytes[at + 2] === LETTER_U;
  return isCpu && digit >= ZERO && digit <= NINE;
}
