import { AssertionError } from "node:assert";
import { errorMessage } from "../../shared/errors.ts";
import type { Clock, Logger } from "../../shared/platform/ports.ts";
import { type Breaker, CLOSED, isOpen, nextBreaker } from "./breaker-state.ts";
import {
  type Collector,
  counter,
  familiesOf,
  gauge,
  JOB_AGENT,
  JOB_NODE,
  type MetricFamily,
  SeriesRow,
  type SeriesSink,
} from "./collector.ts";

/** A collector, and when it runs. */
export type ScheduledCollector = {
  readonly collector: Collector;
  /** From one run to the next; 0: every tick. */
  readonly intervalMs: number;
  /** May run less often when the agent is over its budget. */
  readonly isSheddable: boolean;
  /** Lets the values of its last run stand for this tick. */
  readonly keep: () => void;
};

const NODE_SPECS = [
  gauge("node_scrape_collector_duration_seconds", "Time that a run of the collector took.", 6),
  gauge("node_scrape_collector_success", "Whether the collector's last run succeeded."),
];
const DURATION = 0;
const SUCCESS = 1;
const AGENT_SPECS = [
  gauge("telltale_agent_collector_interval_seconds", "Time between two runs; 0: every tick.", 3),
  counter("telltale_agent_collector_seconds_total", "Time that all runs took together.", 6),
  counter("telltale_agent_collector_overruns_total", "Runs that took longer than they may."),
];
const INTERVAL = 0;
const SECONDS = 1;
const OVERRUNS = 2;

/** A run that takes longer than this holds up the tick: one more reason to break the circuit. */
const RUN_MS_MAX = 100;
/** How often durations are told: they change with each run and would be most of what is sent. */
const TELL_MS = 10_000;

type Entry = ScheduledCollector & {
  readonly nodeRow: SeriesRow;
  readonly nodeValues: Float64Array;
  readonly agentRow: SeriesRow;
  readonly agentValues: Float64Array;
  breaker: Breaker;
  /** The interval is this many times as long while the agent sheds. */
  factor: number;
  ranAtMs: number;
  isFailing: boolean;
  durationMs: number;
  totalMs: number;
  overruns: number;
};

/**
 * Runs the collectors that are due at a tick. A fault in one is a metric and one log line; the rest
 * go on. One that keeps failing, or keeps taking too long, is left alone for a while (its circuit is
 * broken); meanwhile one that failed has no series, and of one that was slow the last values stand.
 */
export class TickRunner {
  readonly families: readonly MetricFamily[] = familiesOf([...NODE_SPECS, ...AGENT_SPECS]);
  readonly #entries: readonly Entry[];
  readonly #clock: Clock;
  readonly #logger: Logger;
  #toldAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    collectors: readonly ScheduledCollector[],
    sink: SeriesSink,
    clock: Clock,
    logger: Logger,
  ) {
    this.#entries = collectors.map((scheduled) => ({
      ...scheduled,
      nodeRow: rowOf(sink, NODE_SPECS, JOB_NODE, scheduled),
      nodeValues: new Float64Array(NODE_SPECS.length),
      agentRow: rowOf(sink, AGENT_SPECS, JOB_AGENT, scheduled),
      agentValues: new Float64Array(AGENT_SPECS.length),
      breaker: CLOSED,
      factor: 1,
      ranAtMs: Number.NEGATIVE_INFINITY,
      isFailing: false,
      durationMs: 0,
      totalMs: 0,
      overruns: 0,
    }));
    this.#clock = clock;
    this.#logger = logger;
  }

  run(nowMs: number): void {
    const isTelling = Math.abs(nowMs - this.#toldAtMs) >= TELL_MS;
    if (isTelling) this.#toldAtMs = nowMs;
    let endMs = this.#clock.monotonicMs();
    for (const entry of this.#entries) {
      if (isDue(entry, nowMs)) endMs = this.#run(entry, nowMs, endMs);
      else if (!entry.isFailing) entry.keep();
      this.#tell(entry, isTelling);
    }
  }

  /** Collectors that may be slowed down, with the time they took so far. */
  *sheddable(): Iterable<{ name: string; totalMs: number; factor: number }> {
    for (const { collector, isSheddable, totalMs, factor } of this.#entries) {
      if (isSheddable) yield { name: collector.name, totalMs, factor };
    }
  }

  /** From now on the collector runs `factor` times as seldom as it should. */
  setFactor(name: string, factor: number): void {
    for (const entry of this.#entries) if (entry.collector.name === name) entry.factor = factor;
  }

  /** Returns when it ended. */
  #run(entry: Entry, nowMs: number, startMs: number): number {
    entry.ranAtMs = nowMs;
    const isSuccess = this.#collect(entry, nowMs);
    const endMs = this.#clock.monotonicMs();
    entry.durationMs = endMs - startMs;
    entry.totalMs += entry.durationMs;
    const isLate = entry.durationMs > RUN_MS_MAX;
    if (isLate) entry.overruns += 1;
    // What nobody can do without is late rather than absent.
    const isGood = isSuccess && !(isLate && entry.isSheddable);
    entry.breaker = nextBreaker(entry.breaker, isGood, nowMs);
    if (isOpen(entry.breaker, nowMs)) {
      const { collector, durationMs } = entry;
      const fields = { collector: collector.name, durationMs };
      this.#logger.warn(fields, "collector is left alone a while");
    }
    return endMs;
  }

  #collect(entry: Entry, nowMs: number): boolean {
    const { collector } = entry;
    try {
      collector.collect(nowMs);
    } catch (error) {
      if (error instanceof AssertionError) throw error;
      if (!entry.isFailing) {
        const fields = { collector: collector.name, error: errorMessage(error) };
        this.#logger.warn(fields, "collector failed");
      }
      entry.isFailing = true;
      return false;
    }
    if (entry.isFailing) this.#logger.info({ collector: collector.name }, "collector recovered");
    entry.isFailing = false;
    return true;
  }

  #tell(entry: Entry, isTelling: boolean): void {
    const { nodeRow, nodeValues, agentRow, agentValues } = entry;
    if (isTelling) {
      nodeValues[DURATION] = Math.round(entry.durationMs * 1000);
      agentValues[SECONDS] = Math.round(entry.totalMs * 1000);
    }
    nodeValues[SUCCESS] = entry.isFailing ? 0 : 1;
    agentValues[INTERVAL] = pacedMs(entry);
    agentValues[OVERRUNS] = entry.overruns;
    nodeRow.holdAll(nodeValues);
    agentRow.holdAll(agentValues);
  }
}

function rowOf(
  sink: SeriesSink,
  specs: typeof NODE_SPECS,
  job: string,
  { collector }: ScheduledCollector,
): SeriesRow {
  return new SeriesRow(sink, specs, { job, collector: collector.name });
}

/** One that runs every tick counts as one that runs every second, where it is slowed down. */
const TICK_MS = 1000;
/** Ticks are not exact to the millisecond. */
const SLACK_MS = 100;

function pacedMs({ intervalMs, factor }: Entry): number {
  return factor === 1 ? intervalMs : Math.max(intervalMs, TICK_MS) * factor;
}

/** A clock that was set back makes everything due. */
function isDue(entry: Entry, nowMs: number): boolean {
  if (isOpen(entry.breaker, nowMs)) return false;
  return Math.abs(nowMs - entry.ranAtMs) >= pacedMs(entry) - SLACK_MS;
}
