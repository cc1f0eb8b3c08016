import type { Logger } from "../../shared/platform/ports.ts";
import type { Gauge, Metrics } from "../../shared/telemetry/metrics.ts";
import { isOver, nextFactor, type Sheddable, type Usage } from "./budget-state.ts";

/** Collectors that may be slowed down; TickRunner has them. */
export type Shedder = {
  sheddable(): Iterable<Omit<Sheddable, "ms"> & { readonly totalMs: number }>;
  setFactor(name: string, factor: number): void;
};

/** Of the process, since it began and now. */
type ProcessUsage = { readonly cpuUsec: number; readonly residentBytes: number };

const LOOK_MS = 10_000;
/** The first minute is dearer than any other: code is compiled, files are opened. */
const GRACE_MS = 60_000;

/** Holds the agent to its budget: looks at it now and then and slows collectors down, one a look. */
export class BudgetWatch {
  readonly #budget: Usage;
  readonly #shedder: Shedder;
  readonly #logger: Logger;
  readonly #over: Gauge;
  readonly #totals = new Map<string, number>();
  #startedAtMs: number | null = null;
  #lookedAtMs = 0;
  #cpuUsec = 0;

  constructor(budget: Usage, shedder: Shedder, metrics: Metrics, logger: Logger) {
    this.#budget = budget;
    this.#shedder = shedder;
    this.#logger = logger;
    this.#over = metrics.gauge(
      "telltale_agent_over_budget",
      "1 while the agent uses more CPU or memory than it may, and slows collectors down.",
    );
    this.#over.set(0);
    metrics
      .gauge("telltale_agent_budget_cpu_cores_ratio", "CPU that the agent may use, in cores.")
      .set(budget.cpuCores);
    metrics
      .gauge("telltale_agent_budget_memory_bytes", "Memory that the agent may use.")
      .set(budget.memoryBytes);
  }

  /** `monotonicMs` never goes back. */
  look(monotonicMs: number, { cpuUsec, residentBytes }: ProcessUsage): void {
    this.#startedAtMs ??= monotonicMs;
    const passedMs = monotonicMs - this.#lookedAtMs;
    if (passedMs < LOOK_MS) return;
    const cpuCores = (cpuUsec - this.#cpuUsec) / 1000 / passedMs;
    this.#lookedAtMs = monotonicMs;
    this.#cpuUsec = cpuUsec;
    const isGrace = monotonicMs - this.#startedAtMs < GRACE_MS;
    if (!isGrace) this.#adjust({ cpuCores, memoryBytes: residentBytes }, passedMs / 1000);
  }

  #adjust(usage: Usage, seconds: number): void {
    this.#over.set(isOver(usage, this.#budget) ? 1 : 0);
    const collectors = [...this.#shedder.sheddable()].map(({ name, totalMs, factor }) => {
      const ms = (totalMs - (this.#totals.get(name) ?? 0)) / seconds;
      this.#totals.set(name, totalMs);
      return { name, ms, factor };
    });
    const change = nextFactor(usage, this.#budget, collectors);
    if (change === null) return;
    this.#shedder.setFactor(change.name, change.factor);
    this.#tell(usage, collectors, change);
  }

  /** When shedding begins and when it is over; the steps between are in the collectors' intervals. */
  #tell(
    usage: Usage,
    before: readonly Sheddable[],
    { name, factor }: { readonly name: string; readonly factor: number },
  ): void {
    const isSlow = (one: Sheddable) => one.factor > 1;
    if (!before.some(isSlow)) {
      const fields = { ...usage, budget: this.#budget, collector: name };
      this.#logger.warn(fields, "over the agent's budget: collectors run less often");
    } else if (factor === 1 && before.filter(isSlow).length === 1) {
      this.#logger.info({ ...usage }, "within the agent's budget: collectors run as they should");
    }
  }
}
