/** All that an agent scrapes under one configuration. */

import type { RefusedTarget } from "../../shared/model/target.ts";
import type { Clock, Logger, Random } from "../../shared/platform/ports.ts";
import { labelledLogger } from "../../shared/telemetry/labelled-logger.ts";
import type { Gauge, Metrics } from "../../shared/telemetry/metrics.ts";
import { ChangeSignal } from "../../shared/time/change-signal.ts";
import { eitherSignal } from "../../shared/time/either-signal.ts";
import { DROPPED_MAX } from "../../shared/wire/target-limits.ts";
import type { BodyRoom } from "../model/body-room.ts";
import type { GroupSink } from "../model/group-sink.ts";
import type { TargetEntry, TargetList } from "../model/target-book.ts";
import type { ScrapeConfig } from "./config/scrape-config.ts";
import type { Found } from "./discovery/container-targets.ts";
import type { DiscoveryPorts } from "./discovery/discovery.ts";
import { foundConfig } from "./discovery/found-config.ts";
import { followTargets } from "./follow-targets.ts";
import { compileRelabel, type Relabel } from "./relabel.ts";
import { Room, SERIES_OF_TARGETS_MAX, STAMPED_OF_TARGETS_MAX } from "./room.ts";
import { shownDropped, shownTarget } from "./shown-target.ts";
import { type GetPage, type ScrapeDeps, TargetLoop } from "./target-loop.ts";
import { type Target, type TargetsOfJob, targetsOf } from "./targets.ts";

export type ScrapePorts = {
  readonly getPage: GetPage;
  /** Of all that the agent reads. */
  readonly bodies: BodyRoom;
  readonly discovery: Pick<DiscoveryPorts, "files" | "get">;
};

/** A target whose pages do not come by HTTP. */
export type MadeTarget = { readonly target: Target; readonly getPage: GetPage };

/** Targets that are found by themselves. */
export type FoundTargets = {
  /** How the job of them is called. */
  readonly jobName: string;
  /** Another number when `find` would give something else. */
  readonly changes: number;
  find(): Found;
  /** Looks for them until the signal; not where somebody else does. */
  run?(signal: AbortSignal): Promise<void>;
};

type FoundJob = {
  readonly found: FoundTargets;
  readonly job: Job;
  /** Of `found`, when it was looked at last. */
  changes: number;
  refused: readonly RefusedTarget[];
};

export type ScraperDeps = ScrapePorts & {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly sink: GroupSink;
  readonly found: readonly FoundTargets[];
  /** Where it says which targets there are, and how they do; closed with it. */
  readonly targets: TargetList;
};

type Running = { readonly stop: AbortController; readonly entry: TargetEntry };

/** A job: its targets come and go. */
type Job = {
  readonly config: ScrapeConfig;
  readonly metricRelabel: Relabel;
  readonly loops: Map<string, Running>;
};

export class Scraper {
  readonly #deps: ScrapeDeps;
  readonly #gauge: Gauge;
  readonly #targets: TargetList;
  readonly #stop = new AbortController();
  readonly #tick = new ChangeSignal();
  readonly #found: readonly FoundJob[];
  readonly #foundRelabel = compileRelabel([]);
  #refusals = new Set<string>();
  #ticks = 0;

  constructor(
    configs: readonly ScrapeConfig[],
    deps: ScraperDeps,
    made: readonly MadeTarget[] = [],
  ) {
    const { metrics, discovery, found, targets, sink, ...rest } = deps;
    this.#found = found.map((one) => {
      const job = jobOf(foundConfig(one.jobName));
      return { found: one, job, changes: Number.NaN, refused: [] };
    });
    this.#targets = targets;
    this.#deps = {
      ...rest,
      place: {
        sink,
        room: new Room(SERIES_OF_TARGETS_MAX),
        stampedRoom: new Room(STAMPED_OF_TARGETS_MAX),
      },
      leftOut: metrics.counter(
        "telltale_agent_scrape_samples_left_out_total",
        "Samples of pages that were not taken, while the rest of the page was; by job and reason.",
      ),
      ticks: () => this.#ticks,
      nextTick: (signal) => this.#tick.wait(signal),
    };
    this.#gauge = metrics.gauge(
      "telltale_agent_scrape_targets",
      "Targets of a job: scraped, or dropped by relabelling or a limit.",
    );
    for (const config of configs) {
      const job = jobOf(config);
      const take = (list: TargetsOfJob) => this.#follow(job, list);
      const ports = { ...discovery, clock: rest.clock, logger: rest.logger };
      void followTargets(config, ports, take, this.#stop.signal);
    }
    for (const one of found) void one.run?.(this.#stop.signal);
    for (const { target, getPage } of made) {
      this.#begin(jobOf(foundConfig(target.job)), target, getPage);
    }
  }

  /** A tick takes what was set before: to be called before its frame is made. */
  tick(): void {
    this.#ticks += 1;
    this.#tick.notify();
    for (const one of this.#found) if (one.found.changes !== one.changes) this.#lookAt(one);
  }

  /** All series end. What is under way ends on its own. */
  close(): void {
    this.#stop.abort();
    this.#targets.close();
  }

  #lookAt(one: FoundJob): void {
    const { found, job } = one;
    one.changes = found.changes;
    const { groups, refused } = found.find();
    one.refused = refused;
    this.#follow(job, targetsOf(job.config, this.#foundRelabel, groups));
    const all = this.#found.flatMap((each) => each.refused);
    const refusals = new Set(all.map(({ subject, reason }) => `${subject}: ${reason}`));
    for (const refusal of refusals) {
      if (!this.#refusals.has(refusal)) this.#deps.logger.warn({ refusal }, "not scraped");
    }
    this.#refusals = refusals;
    this.#targets.setRefused(all);
  }

  #follow(job: Job, list: TargetsOfJob): void {
    const { config, loops } = job;
    const { targets, isOverLimit } = list;
    const logger = labelledLogger(this.#deps.logger, { job: config.jobName });
    if (isOverLimit) logger.warn({ targets: targets.length }, "more targets than target_limit");
    const wanted = new Map((isOverLimit ? [] : targets).map((target) => [target.key, target]));
    for (const [key, { stop, entry }] of loops) {
      if (wanted.has(key)) continue;
      loops.delete(key);
      stop.abort();
      this.#targets.end(entry);
    }
    for (const [key, target] of wanted) if (!loops.has(key)) this.#begin(job, target, null);
    const first = isOverLimit ? overLimit(list) : list.dropped;
    const count = list.droppedCount + targets.length - wanted.size;
    const shown = first.slice(0, DROPPED_MAX).map(shownDropped);
    this.#targets.setDropped(config.jobName, { first: shown, count });
    this.#gauge.set(loops.size, { job: config.jobName, state: "scraped" });
    this.#gauge.set(count, { job: config.jobName, state: "dropped" });
  }

  /** @param getPage of a target that has a source of its own; null: none */
  #begin({ config, metricRelabel, loops }: Job, target: Target, getPage: GetPage | null): void {
    const entry = this.#targets.begin(shownTarget(target, getPage !== null));
    const deps = getPage === null ? this.#deps : { ...this.#deps, getPage };
    const loop = new TargetLoop(target, { config, relabel: metricRelabel, entry }, deps);
    const stop = new AbortController();
    loops.set(target.key, { stop, entry });
    void this.#run(loop, stop.signal);
  }

  async #run(loop: TargetLoop, signal: AbortSignal): Promise<void> {
    using either = eitherSignal(signal, this.#stop.signal);
    await loop.run(either.signal);
  }
}

function jobOf(config: ScrapeConfig): Job {
  return { config, metricRelabel: compileRelabel(config.metricRelabel), loops: new Map() };
}

function overLimit({ targets, dropped }: TargetsOfJob): TargetsOfJob["dropped"] {
  const reason = `target_limit: the job has ${targets.length} targets`;
  return [...dropped, ...targets.map(({ job, discovered }) => ({ job, discovered, reason }))];
}
