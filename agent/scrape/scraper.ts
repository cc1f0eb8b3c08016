/** All that an agent scrapes under one configuration. */

import { OperationalError } from "../../shared/errors.ts";
import type { Clock, Logger, Random } from "../../shared/platform/ports.ts";
import { labelledLogger } from "../../shared/telemetry/labelled-logger.ts";
import type { Gauge, Metrics } from "../../shared/telemetry/metrics.ts";
import { ChangeSignal } from "../../shared/time/change-signal.ts";
import { eitherSignal } from "../../shared/time/either-signal.ts";
import type { ScrapeConfig } from "./config/scrape-config.ts";
import type { DiscoveryPorts } from "./discovery/discovery.ts";
import { followTargets } from "./follow-targets.ts";
import { compileRelabel, type Relabel } from "./relabel.ts";
import { type GetPage, type ScrapeDeps, TargetLoop } from "./target-loop.ts";
import type { ScrapeSink } from "./target-series.ts";
import type { Target, TargetList } from "./targets.ts";

export type ScrapePorts = {
  readonly getPage: GetPage;
  readonly discovery: DiscoveryPorts;
};

export type ScraperDeps = ScrapePorts & {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly sink: ScrapeSink;
};

/** A job: its targets come and go. */
type Job = {
  readonly config: ScrapeConfig;
  readonly metricRelabel: Relabel;
  readonly loops: Map<string, AbortController>;
};

export class Scraper {
  readonly #deps: ScrapeDeps;
  readonly #targets: Gauge;
  readonly #stop = new AbortController();
  readonly #tick = new ChangeSignal();
  readonly #runs = new Set<Promise<void>>();
  #ticks = 0;

  constructor(configs: readonly ScrapeConfig[], { metrics, discovery, ...deps }: ScraperDeps) {
    this.#deps = {
      ...deps,
      leftOut: metrics.counter(
        "telltale_agent_scrape_samples_left_out_total",
        "Samples of pages that were not taken, while the rest of the page was; by job and reason.",
      ),
      ticks: () => this.#ticks,
      nextTick: (signal) => this.#tick.wait(signal),
    };
    this.#targets = metrics.gauge(
      "telltale_agent_scrape_targets",
      "Targets of a job: scraped, or dropped by relabelling or a limit.",
    );
    for (const config of configs) {
      const metricRelabel = compileRelabel(config.metricRelabel);
      const job: Job = { config, metricRelabel, loops: new Map() };
      const take = (list: TargetList) => this.#follow(job, list);
      this.#hold(followTargets(config, discovery, take, this.#stop.signal));
    }
  }

  /** A tick takes what was set before: to be called before its frame is made. */
  tick(): void {
    this.#ticks += 1;
    this.#tick.notify();
  }

  /** All series end. What is under way ends on its own. */
  close(): void {
    this.#stop.abort();
  }

  #follow(job: Job, { targets, droppedCount, isOverLimit }: TargetList): void {
    const { config, loops } = job;
    const logger = labelledLogger(this.#deps.logger, { job: config.jobName });
    if (isOverLimit) logger.warn({ targets: targets.length }, "more targets than target_limit");
    const wanted = new Map((isOverLimit ? [] : targets).map((target) => [target.key, target]));
    for (const [key, loop] of loops) {
      if (wanted.has(key)) continue;
      loops.delete(key);
      loop.abort();
    }
    for (const [key, target] of wanted) if (!loops.has(key)) this.#begin(job, key, target);
    this.#targets.set(loops.size, { job: config.jobName, state: "scraped" });
    const dropped = droppedCount + targets.length - wanted.size;
    this.#targets.set(dropped, { job: config.jobName, state: "dropped" });
  }

  #begin({ config, metricRelabel, loops }: Job, key: string, target: Target): void {
    try {
      const loop = new TargetLoop(target, config, metricRelabel, this.#deps);
      const stop = new AbortController();
      loops.set(key, stop);
      this.#hold(this.#run(loop, stop.signal));
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      this.#deps.logger.error({ job: target.job, error: error.message }, "a target is left out");
    }
  }

  async #run(loop: TargetLoop, signal: AbortSignal): Promise<void> {
    using either = eitherSignal(signal, this.#stop.signal);
    await loop.run(either.signal);
  }

  #hold(work: Promise<void>): void {
    const run = work.finally(() => this.#runs.delete(run));
    this.#runs.add(run);
  }
}
