import { AssertionError } from "node:assert";
import { errorMessage } from "../../shared/errors.ts";
import type { Clock, Logger } from "../../shared/platform/ports.ts";
import { TICK_GROUP } from "../../shared/wire/frame.ts";
import type { GroupSink } from "../model/group-sink.ts";
import { type Breaker, CLOSED, isOpen, nextBreaker } from "./breaker-state.ts";
import {
  type Collector,
  counter,
  familiesOf,
  gauge,
  JOB_AGENT,
  JOB_NODE,
  SeriesRow,
} from "./collector.ts";
import { SeriesGroup } from "./series-group.ts";

/** A collector, and when it runs. */
export type ScheduledCollector = {
  readonly collector: Collector;
  /** From one run to the next; 0: every tick. */
  readonly intervalMs: number;
  /** May run less often when the agent is over its budget. */
  readonly isSheddable: boolean;
  /** Of its series; null: they are read in every tick. */
  readonly group: SeriesGroup | null;
};

const OF_NODE = { job: JOB_NODE };
const STATE_SPECS = [
  {
    ...gauge(
      "node_scrape_collector_success",
      "Whether the collector's last run succeeded; none before it read anything.",
    ),
    labels: OF_NODE,
  },
  gauge("telltale_agent_collector_interval_seconds", "Time between two runs; 0: every tick.", 3),
  counter("telltale_agent_collector_overruns_total", "Runs that took longer than they may."),
];
const DURATION_SPECS = [
  {
    ...gauge("node_scrape_collector_duration_seconds", "Time that a run of the collector took.", 6),
    labels: OF_NODE,
  },
  counter("telltale_agent_collector_seconds_total", "Time that all runs took together.", 6),
];

/** A run that takes longer than this holds up the tick: one more reason to break the circuit. */
const RUN_MS_MAX = 100;
/** How often durations are reported: they change with each run and would be most of what is sent. */
const DURATIONS_MS = 10_000;

type Entry = ScheduledCollector & {
  readonly state: SeriesRow;
  readonly durations: SeriesRow;
  breaker: Breaker;
  /** The interval is this many times as long while the agent sheds. */
  factor: number;
  ranAtMs: number;
  hasRead: boolean;
  isFailing: boolean;
  durationMs: number;
  totalMs: number;
  overruns: number;
};

/**
 * Runs the collectors that are due at a tick. A fault in one is a metric and one log line; the rest
 * go on. One that keeps failing, or keeps taking too long, does not run for a while (its circuit is
 * broken). The series of one that failed end.
 */
export class TickRunner {
  readonly families = familiesOf([...STATE_SPECS, ...DURATION_SPECS]);
  readonly #durations: SeriesGroup;
  readonly #entries: readonly Entry[];
  readonly #clock: Clock;
  readonly #logger: Logger;
  #durationsAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    collectors: readonly ScheduledCollector[],
    groups: GroupSink,
    clock: Clock,
    logger: Logger,
  ) {
    const everyTick = new SeriesGroup(groups, TICK_GROUP);
    this.#durations = new SeriesGroup(groups);
    this.#entries = collectors.map((scheduled) => {
      const labels = { job: JOB_AGENT, collector: scheduled.collector.name };
      return {
        ...scheduled,
        state: new SeriesRow(everyTick, STATE_SPECS, labels),
        durations: new SeriesRow(this.#durations, DURATION_SPECS, labels),
        breaker: CLOSED,
        factor: 1,
        ranAtMs: Number.NEGATIVE_INFINITY,
        hasRead: false,
        isFailing: false,
        durationMs: 0,
        totalMs: 0,
        overruns: 0,
      };
    });
    this.#clock = clock;
    this.#logger = logger;
  }

  run(nowMs: number): void {
    let endMs = this.#clock.monotonicMs();
    for (const entry of this.#entries) {
      if (isDue(entry, nowMs)) endMs = this.#run(entry, nowMs, endMs);
      if (entry.isFailing || entry.hasRead) entry.state.hold(0, entry.isFailing ? 0 : 1);
      entry.state.hold(1, pacedMs(entry));
      entry.state.hold(2, entry.overruns);
    }
    if (Math.abs(nowMs - this.#durationsAtMs) >= DURATIONS_MS) this.#reportDurations(nowMs);
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
    const { readAtMs = nowMs } = entry.collector;
    if (!isSuccess) entry.group?.read(nowMs);
    else if (readAtMs !== null) entry.group?.read(readAtMs);
    entry.hasRead ||= isSuccess && readAtMs !== null;
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
      this.#logger.warn(fields, "collector does not run for a while");
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

  #reportDurations(nowMs: number): void {
    this.#durationsAtMs = nowMs;
    for (const { durations, durationMs, totalMs } of this.#entries) {
      durations.set(0, Math.round(durationMs * 1000));
      durations.set(1, Math.round(totalMs * 1000));
    }
    this.#durations.read(nowMs);
  }
}

/** One that runs every tick counts as one that runs every second, where it is slowed down. */
const TICK_MS = 1000;
/** However much it is slowed down: queries look back 5 minutes for a value. */
const SLOWED_MS_MAX = 120_000;
/** Ticks are not exact to the millisecond. */
const SLACK_MS = 100;

function pacedMs({ intervalMs, factor }: Entry): number {
  if (factor === 1) return intervalMs;
  const slowedMs = Math.max(intervalMs, TICK_MS) * factor;
  return Math.min(slowedMs, Math.max(intervalMs, SLOWED_MS_MAX));
}

/** A clock that was set back makes everything due. */
function isDue(entry: Entry, nowMs: number): boolean {
  if (isOpen(entry.breaker, nowMs)) return false;
  return Math.abs(nowMs - entry.ranAtMs) >= pacedMs(entry) - SLACK_MS;
}
