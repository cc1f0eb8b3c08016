import { type Collector, counter } from "../collector.ts";
import { type CollectContext, hostFile, readRequired } from "../context.ts";
import { CHANGED } from "../kit/held-file.ts";
import { type Reading, readingCollector } from "../kit/reading.ts";

const INTERRUPTS = counter("node_interrupts_total", "Interrupts, by CPU and kind.");
/** A machine of many CPUs has tens of thousands; more is not sent. */
const SERIES_MAX = 20_000;

/** Off by default, as in node_exporter: a series for each kind of interrupt on each CPU. */
export function interruptsCollector(context: CollectContext): Collector {
  const file = hostFile(context, "/proc/interrupts", { hasLongRecords: true });
  let interrupts: Interrupt[] = [];
  const read = (reading: Reading) => {
    if (readRequired(file) === CHANGED) {
      interrupts = parseInterrupts(context.buffer.bytes.toString("utf8", 0, file.length));
      const excess = Math.max(interrupts.length - SERIES_MAX, 0);
      reading.overflow += excess;
      interrupts.length -= excess;
    }
    for (const { cpu, type, text, devices, count } of interrupts) {
      reading.set(INTERRUPTS, { cpu, type, info: text, devices }, count);
    }
  };
  return readingCollector(context, "interrupts", [INTERRUPTS], read, () => file.close());
}

/** What one CPU served of one kind of interrupt. */
export type Interrupt = {
  readonly cpu: string;
  /** A number, or a word such as NMI. */
  readonly type: string;
  /** The controller, or what the word means. */
  readonly text: string;
  readonly devices: string;
  readonly count: number;
};

const LINES_MAX = 8192;
const CPU = /^CPU\d{1,5}$/;
const COUNT = /^\d{1,20}$/;

/** Reads /proc/interrupts; lines of another form are left out. Source: proc(5). */
export function parseInterrupts(text: string): Interrupt[] {
  const [heading = "", ...lines] = text.split("\n", LINES_MAX);
  const cpus = heading.split(/\s+/).filter((word) => CPU.test(word));
  const interrupts: Interrupt[] = [];
  for (const line of lines) {
    const [name = "", ...words] = line.trim().split(/\s+/);
    const counts = words.slice(0, cpus.length);
    // ERR and MIS are one number for all CPUs.
    if (!name.endsWith(":") || counts.length < cpus.length) continue;
    if (!counts.every((count) => COUNT.test(count))) continue;
    const type = name.slice(0, -1);
    const rest = words.slice(cpus.length);
    // Of a numbered one the first word is the controller, of others all say what it is.
    const split = /^\d+$/.test(type) ? 1 : rest.length;
    const labels = { type, text: rest.slice(0, split).join(" ") };
    const devices = rest.slice(split).join(" ");
    for (const [index, cpu] of cpus.entries()) {
      interrupts.push({ ...labels, cpu: cpu.slice(3), devices, count: Number(counts[index]) });
    }
  }
  return interrupts;
}
