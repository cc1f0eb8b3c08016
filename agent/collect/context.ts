import { existsSync } from "node:fs";
import { join } from "node:path";
import { OperationalError } from "../../shared/errors.ts";
import type { Clock } from "../../shared/platform/ports.ts";
import type { SerialQueue } from "../../shared/time/serial-queue.ts";
import type { SeriesSink } from "./collector.ts";
import { type Collector, counter, familiesOf, JOB_AGENT, SeriesRow } from "./collector.ts";
import { HeldFile, type HeldFileOptions, MISSING, type ReadBuffer } from "./kit/held-file.ts";

/** What all collectors share. */
export type CollectContext = {
  /** `/`, or where the host's /proc and /sys are found. */
  readonly hostRoot: string;
  readonly buffer: ReadBuffer;
  readonly sink: SeriesSink;
  readonly faults: Faults;
  readonly clock: Clock;
  /** What may hang is read here, one reading after another. */
  readonly background: SerialQueue;
};

/** `path` is absolute, as the host sees it. */
export function hostPath(context: CollectContext, path: string): string {
  return join(context.hostRoot, path);
}

/**
 * A file of /proc/net as the host sees it. /proc/net is of the reader's network name space; an agent
 * in a container wants that of the host's first process.
 */
export function netPath(context: CollectContext, file: string): string {
  const ofInit = `/proc/1/net/${file}`;
  const isElsewhere = context.hostRoot !== "/";
  return isElsewhere && existsSync(hostPath(context, ofInit)) ? ofInit : `/proc/net/${file}`;
}

export function hostFile(
  context: CollectContext,
  path: string,
  options: HeldFileOptions = {},
): HeldFile {
  return new HeldFile(hostPath(context, path), context.buffer, options);
}

/**
 * SAME or CHANGED. @throws OperationalError NOT_FOUND when the file is not there
 */
export function readRequired(file: HeldFile): number {
  const outcome = file.read();
  if (outcome >= MISSING) throw new OperationalError("NOT_FOUND", `${file.path} is not there`);
  return outcome;
}

const FAULTS = [
  counter(
    "telltale_agent_collect_faults_total",
    "Values, rows, files and cgroups that a collector left out, by reason.",
  ),
];

/** Counts what had to be left out, and is the collector that tells of it. */
export class Faults implements Collector {
  readonly name = "faults";
  readonly families = familiesOf(FAULTS);
  readonly #sink: SeriesSink;
  readonly #counts = new Map<string, { row: SeriesRow; count: number }>();

  constructor(sink: SeriesSink) {
    this.#sink = sink;
  }

  /** `reason`: malformed, overflow, unreadable, limit. */
  add(collector: string, reason: string, count: number): void {
    if (count === 0) return;
    const key = `${collector} ${reason}`;
    let entry = this.#counts.get(key);
    if (entry === undefined) {
      const labels = { job: JOB_AGENT, collector, reason };
      entry = { row: new SeriesRow(this.#sink, FAULTS, labels), count: 0 };
      this.#counts.set(key, entry);
    }
    entry.count += count;
  }

  collect(): void {
    for (const { row, count } of this.#counts.values()) row.set(0, count);
  }

  close(): void {
    this.#counts.clear();
  }
}
