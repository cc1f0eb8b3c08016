import { join } from "node:path";
import { type Collector, gauge } from "../collector.ts";
import { type CollectContext, hostPath } from "../context.ts";
import { readingCollector } from "../kit/reading.ts";
import { listNames, numberIn, readSmallFile } from "../kit/small-file.ts";

const THREADS = gauge("node_processes_threads", "Threads.");
const THREADS_LIMIT = gauge("node_processes_max_threads", "Threads that there may be.");
const PROCESSES = gauge("node_processes_pids", "Processes.");
const PROCESSES_LIMIT = gauge(
  "node_processes_max_processes",
  "Processes and threads that may have a number.",
);
const STATE = gauge("node_processes_state", "Processes in each state.");
const SPECS = [THREADS, THREADS_LIMIT, PROCESSES, PROCESSES_LIMIT, STATE];

const PROCESSES_MAX = 32_768;
const PID = /^\d{1,10}$/;
/** Of the numbers behind the name: the state comes first, the threads are the 18th. */
const THREADS_FIELD = 17;

/** Off by default, as in node_exporter: it opens a file of every process. */
export function processesCollector(context: CollectContext): Collector {
  const proc = hostPath(context, "/proc");
  return readingCollector(context, "processes", SPECS, (reading) => {
    const states = new Map<string, number>();
    let threads = 0;
    let processes = 0;
    const pids = listNames(proc, PID);
    reading.overflow += Math.max(pids.length - PROCESSES_MAX, 0);
    for (const pid of pids.slice(0, PROCESSES_MAX)) {
      const stat = parseStat(readSmallFile(join(proc, pid, "stat")) ?? "");
      if (stat === null) continue;
      processes += 1;
      threads += stat.threads;
      states.set(stat.state, (states.get(stat.state) ?? 0) + 1);
    }
    const limit = (file: string) => numberIn(readSmallFile(join(proc, "sys/kernel", file)));
    reading.set(THREADS, {}, threads);
    reading.setCount(THREADS_LIMIT, {}, limit("threads-max"));
    reading.set(PROCESSES, {}, processes);
    reading.setCount(PROCESSES_LIMIT, {}, limit("pid_max"));
    for (const [state, count] of states) reading.set(STATE, { state }, count);
  });
}

/** State and number of threads in a /proc/PID/stat; null when it is none. Source: proc(5). */
export function parseStat(text: string): { state: string; threads: number } | null {
  // The name stands in brackets and may hold anything, so count from its end.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [state = ""] = fields;
  const threads = numberIn(fields[THREADS_FIELD] ?? null);
  if (state === "" || threads < 0) return null;
  return { state: /^[A-Za-z]$/.test(state) ? state : "unknown", threads };
}
