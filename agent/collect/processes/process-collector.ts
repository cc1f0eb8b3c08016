import { type Collector, counter, familiesOf, gauge, JOB_NODE, SeriesRow } from "../collector.ts";
import { type CollectorEntry, collectorEntry } from "../collector-entry.ts";
import { type CollectContext, hostPath } from "../context.ts";
import { pageBytes } from "../proc/sockstat.ts";
import { type ProcessGroup, ProcessGroups } from "./process-groups.ts";
import { ProcessPlaces, type ReadActivity } from "./process-places.ts";
import { ProcessTable } from "./process-table.ts";

const NAME = "process_groups";
const INTERVAL_MS = 10_000;

/** Hundredths of a second on every architecture that Node runs on. */
const JIFFIES = 2;

const GROUP_SPECS = [
  counter(
    "telltale_process_group_cpu_seconds_total",
    "CPU time used by the processes of a command, ended ones included.",
    JIFFIES,
  ),
  gauge(
    "telltale_process_group_resident_memory_bytes",
    "Resident memory of the processes of a command; what they share counts for each.",
  ),
  gauge("telltale_process_group_processes", "Processes of a command."),
  gauge("telltale_process_group_threads", "Threads of the processes of a command."),
];
const TOTAL_SPECS = [
  gauge("telltale_processes", "Processes that were looked at."),
  gauge("telltale_process_groups", "Commands, by container, that have a process or lately had."),
];

const LIMITS = { processesMax: 5000, heldMax: 512 };
const GROUP_LIMITS = { topMax: 10, lingerRuns: 12, shownMax: 40, groupsMax: 2000 };

/** `readActivity` null: every process is read in every run, and containers have their short id. */
export function processCollector(readActivity: ReadActivity | null): CollectorEntry {
  return collectorEntry(
    NAME,
    INTERVAL_MS,
    (context) => new ProcessCollector(context, readActivity),
  );
}

/** What uses most CPU time and memory on the host, by command and container. */
class ProcessCollector implements Collector {
  readonly name = NAME;
  readonly families = familiesOf([...GROUP_SPECS, ...TOTAL_SPECS]);
  readonly #context: CollectContext;
  readonly #places: ProcessPlaces;
  readonly #groups = new ProcessGroups(GROUP_LIMITS);
  readonly #table: ProcessTable;
  readonly #rows = new Map<string, SeriesRow>();
  readonly #totalRow: SeriesRow;
  readonly #pageBytes: number;

  constructor(context: CollectContext, readActivity: ReadActivity | null) {
    this.#context = context;
    this.#places = new ProcessPlaces(context, readActivity);
    const parts = { places: this.#places, groups: this.#groups };
    this.#table = new ProcessTable(context, this.name, parts, LIMITS);
    this.#totalRow = new SeriesRow(context.sink, TOTAL_SPECS, { job: JOB_NODE });
    this.#pageBytes = pageBytes(hostPath(context, "/proc/self/auxv"));
  }

  /** @throws OperationalError NOT_FOUND when there is no /proc */
  collect(): void {
    this.#table.read();
    this.#groups.rank((group) => this.#changed(group));
    for (const group of this.#groups.shown()) {
      const row = this.#rows.get(group.key);
      row?.set(0, group.cpuTime);
      row?.set(1, group.residentPages * this.#pageBytes);
      row?.set(2, group.processes);
      row?.set(3, group.threads);
    }
    this.#totalRow.set(0, this.#table.size);
    this.#totalRow.set(1, this.#groups.size);
  }

  close(): void {
    this.#table.close();
    this.#places.close();
  }

  #changed({ key, command, containerName, isShown }: ProcessGroup): void {
    if (isShown) {
      const labels = { job: JOB_NODE, command, container: containerName };
      this.#rows.set(key, new SeriesRow(this.#context.sink, GROUP_SPECS, labels));
    } else {
      this.#rows.get(key)?.retire();
      this.#rows.delete(key);
    }
  }
}
