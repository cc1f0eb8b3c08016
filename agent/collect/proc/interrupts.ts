import { type Collector, counter, familiesOf } from "../collector.ts";
import { type CollectContext, hostFile, readRequired } from "../context.ts";
import { CHANGED } from "../kit/held-file.ts";
import { LabelledRows } from "../kit/labelled-rows.ts";
import { type Interrupt, parseInterrupts } from "./parse-interrupts.ts";

const SPECS = [counter("node_interrupts_total", "Interrupts, by CPU and kind.")];
/** A machine of many CPUs has tens of thousands; more is not sent. */
const SERIES_MAX = 20_000;

/** Off by default, as in node_exporter: a series for each kind of interrupt on each CPU. */
export function interruptsCollector(context: CollectContext): Collector {
  const file = hostFile(context, "/proc/interrupts", { hasLongRecords: true });
  const rows = new LabelledRows(context, SPECS);
  let interrupts: Interrupt[] = [];
  return {
    name: "interrupts",
    families: familiesOf(SPECS),
    collect: () => {
      if (readRequired(file) === CHANGED) {
        interrupts = parseInterrupts(context.buffer.bytes.toString("utf8", 0, file.length));
        const excess = Math.max(interrupts.length - SERIES_MAX, 0);
        context.faults.add("interrupts", "limit", excess);
        interrupts.length -= excess;
      }
      rows.begin();
      for (const { cpu, type, text, devices, count } of interrupts) {
        rows.of({ cpu, type, info: text, devices }).set(0, count);
      }
      rows.end();
    },
    close: () => file.close(),
  };
}
