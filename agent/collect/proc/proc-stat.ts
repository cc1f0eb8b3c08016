import { ABSENT, ByteScanner } from "../kit/byte-scanner.ts";
import { KeyTable } from "../kit/key-table.ts";
import type { RowTable } from "../kit/row-table.ts";

/** Columns of a `cpuN` line: user nice system idle iowait irq softirq steal guest guest_nice. */
export const CPU_COLUMNS = 10;

export const STAT_TOTALS = [
  "intr",
  "ctxt",
  "btime",
  "processes",
  "procs_running",
  "procs_blocked",
] as const;

const TOTALS = new KeyTable(STAT_TOTALS.map((key, index) => [key, index]));
const NEWLINE = 10;
const LETTER_C = 99;
const LETTER_P = 112;
const LETTER_U = 117;
const ZERO = 48;
const NINE = 57;

/**
 * Reads /proc/stat: a row per CPU in jiffies of 1/100 s, whose key is the CPU's number, and the
 * totals in the order of STAT_TOTALS. Source: proc(5). Returns how many numbers were malformed.
 */
export function parseProcStat<T>(
  bytes: Uint8Array,
  length: number,
  cpus: RowTable<T>,
  totals: Float64Array,
): number {
  const scan = new ByteScanner(bytes, length);
  totals.fill(ABSENT);
  cpus.start();
  while (!scan.isDone) {
    const start = scan.at;
    if (isCpuLine(bytes, start)) {
      scan.skipWord();
      const row = cpus.take(bytes, start + 3, scan.at);
      if (row !== null) for (let i = 0; i < CPU_COLUMNS; i += 1) row.values[i] = scan.count();
      scan.skipLine();
      continue;
    }
    scan.skipWord();
    const index = TOTALS.find(bytes, start, scan.at);
    if (index !== ABSENT) totals[index] = scan.count();
    // The line of interrupts is many kilobytes long on a big machine: let native code skip it.
    const newline = bytes.indexOf(NEWLINE, scan.at);
    scan.at = newline < 0 ? length : newline + 1;
  }
  return scan.malformed;
}

/** `cpu` and a digit; the line of the sums has a space there. */
function isCpuLine(bytes: Uint8Array, at: number): boolean {
  const digit = bytes[at + 3] ?? 0;
  const isCpu = bytes[at] === LETTER_C && bytes[at + 1] === LETTER_P && bytes[at + 2] === LETTER_U;
  return isCpu && digit >= ZERO && digit <= NINE;
}
