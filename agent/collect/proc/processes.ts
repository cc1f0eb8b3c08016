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
const PID = /^\d{1,10}$/;
/** Of the numbers behind the name: the state comes first, the threads are the 18th. */
const THREADS = 17;

/** Off by default, as in node_exporter: it opens a file of every process. */
export function processesCollector(context: CollectContext): Collector {
  const row = new SeriesRow(context.sink, TOTALS, { job: JOB_NODE });
  const rows = new LabelledRows(context, [STATE]);
  const proc = hostPath(context, "/proc");
  return {
    name: "processes",
    families: familiesOf([...TOTALS, STATE]),
    collect: () => {
      const states = new Map<string, number>();
      let threads = 0;
      let processes = 0;
      const pids = listNames(proc, PID);
      context.faults.add("processes", "limit", Math.max(pids.length - PROCESSES_MAX, 0));
      for (const pid of pids.slice(0, PROCESSES_MAX)) {
        const stat = parseStat(readSmallFile(join(proc, pid, "stat")) ?? "");
        if (stat === null) continue;
        processes += 1;
        threads += stat.threads;
        states.set(stat.state, (states.get(stat.state) ?? 0) + 1);
      }
      row.set(0, threads);
      row.set(1, numberIn(readSmallFile(join(proc, "sys/kernel/threads-max"))));
      row.set(2, processes);
      row.set(3, numberIn(readSmallFile(join(proc, "sys/kernel/pid_max"))));
      rows.update(() => {
        for (const [state, count] of states) rows.of({ state }).set(0, count);
      });
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
  if (state === "" || threads < 0) return null;
  return { state: /^[A-Za-z]$/.test(state) ? state : "unknown", threads };
}
