import { fork } from "node:child_process";
import { on, once } from "node:events";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { PlantName } from "./plants.ts";

/** Of one run, what is worth sending from one process to another. */
export type SeedReport = {
  readonly seed: number;
  readonly violations: readonly string[];
  readonly digest: string;
  readonly counts: readonly (readonly [kind: string, count: number])[];
  readonly virtualMs: number;
};

export type SeedOrder = { readonly seed: number; readonly plant: PlantName | null };

const WORKER = join(import.meta.dirname, "seed-worker.js");
/**
 * Most of what a run allocates is dead at its end; a larger nursery costs less to clear. Each core
 * has its own process: helping threads would take the time of another.
 */
const NODE_OPTIONS = ["--max-semi-space-size=64", "--single-threaded-gc"];

/** Runs the seeds on all cores; reports come as they are done. What ends early ends the workers. */
export async function* runSeeds(
  seeds: readonly number[],
  plant: PlantName | null,
): AsyncGenerator<SeedReport> {
  const count = Math.min(availableParallelism(), seeds.length);
  const workers = Array.from({ length: count }, () => fork(WORKER, { execArgv: NODE_OPTIONS }));
  const reports = new EventTarget();
  let next = 0;
  for (const worker of workers) {
    const order = () => {
      const seed = seeds[next];
      next += 1;
      if (seed !== undefined) worker.send({ seed, plant } satisfies SeedOrder);
    };
    worker.on("message", (report) => {
      reports.dispatchEvent(new CustomEvent("report", { detail: report }));
      order();
    });
    worker.on("exit", (code) => {
      if (code !== null) reports.dispatchEvent(new CustomEvent("report", { detail: null }));
    });
    order();
  }
  try {
    let done = 0;
    for await (const [event] of on(reports, "report") as AsyncIterable<[CustomEvent]>) {
      if (event.detail === null) throw new Error("A worker ended by itself");
      yield event.detail as SeedReport;
      done += 1;
      if (done === seeds.length) return;
    }
  } finally {
    for (const worker of workers) {
      worker.kill();
      if (worker.exitCode === null && worker.signalCode === null) await once(worker, "exit");
    }
  }
}
