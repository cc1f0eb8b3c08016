import { closeSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { type Collector, familiesOf, gauge, JOB_NODE, SeriesRow } from "../collector.ts";
import { type CollectContext, hostPath } from "../context.ts";
import { LabelledRows } from "../kit/labelled-rows.ts";
import { listNames, numberIn, readSmallFile } from "../kit/small-file.ts";

const TOTALS = [
  gauge("node_processes_threads", "Threads."),
  gauge("node_processes_max_threads", "Threads that there may be."),
  gauge("node_processes_pids", "Processes."),
  gauge("node_processes_max_processes", "Processes and threads that may have a number."),
];
const STATE = gauge("node_processes_state", "Processes in each state.");

const PROCESSES_MAX = 32_768;
const STAT_BYTES = 512;
const PID = /^\d{1,10}$/;
/** Of the numbers behind the name: the state comes first, the threads are the 18th. */
const THREADS = 17;

/** Off by default, as in node_exporter: it opens a file of every process. */
export function processesCollector(context: CollectContext): Collector {
  const row = new SeriesRow(context.sink, TOTALS, { job: JOB_NODE });
  const rows = new LabelledRows(context, [STATE]);
  const proc = hostPath(context, "/proc");
  const bytes = Buffer.allocUnsafe(STAT_BYTES);
  return {
    name: "processes",
    families: familiesOf([...TOTALS, STATE]),
    collect: () => {
      const states = new Map<string, number>();
      let threads = 0;
      let processes = 0;
      const names = listNames(proc, PROCESSES_MAX);
      if (names.length > PROCESSES_MAX) context.faults.add("processes", "limit", 1);
      for (const pid of names) {
        const stat = PID.test(pid) ? parseStat(readStat(join(proc, pid, "stat"), bytes)) : null;
        if (stat === null) continue;
        processes += 1;
        threads += stat.threads;
        states.set(stat.state, (states.get(stat.state) ?? 0) + 1);
      }
      row.set(0, threads);
      row.set(1, numberIn(readSmallFile(join(proc, "sys/kernel/threads-max"))));
      row.set(2, processes);
      row.set(3, numberIn(readSmallFile(join(proc, "sys/kernel/pid_max"))));
      rows.begin();
      for (const [state, count] of states) rows.of({ state }).set(0, count);
      rows.end();
    },
    close: () => undefined,
  };
}

/** State and number of threads in a /proc/PID/stat; null when it is none. Source: proc(5). */
export function parseStat(text: string): { state: string; threads: number } | null {
  // The name stands in brackets and may hold anything, so count from its end.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [state = ""] = fields;
  const threads = numberIn(fields[THREADS] ?? null);
  return /^[A-Za-z]$/.test(state) && threads >= 0 ? { state, threads } : null;
}

function readStat(path: string, bytes: Buffer): string {
  let descriptor = -1;
  try {
    descriptor = openSync(path, "r");
    return bytes.toString("latin1", 0, readSync(descriptor, bytes, 0, bytes.length, 0));
  } catch {
    // It ended meanwhile.
    return "";
  } finally {
    if (descriptor >= 0) closeSync(descriptor);
  }
}
