import type { CollectorEntry } from "../collector-entry.ts";
import type { ReadActivity } from "./cgroup-activity.ts";
import { PROCESS_COLLECTOR, ProcessCollector } from "./process-collector.ts";

const INTERVAL_MS = 10_000;

/** `readActivity` null: every process is read in every run, and containers have their short id. */
export function processCollectors(readActivity: ReadActivity | null): readonly CollectorEntry[] {
  return [
    {
      name: PROCESS_COLLECTOR,
      isOnByDefault: true,
      intervalMs: INTERVAL_MS,
      isSheddable: true,
      create: (context) => new ProcessCollector(context, readActivity),
    },
  ];
}
