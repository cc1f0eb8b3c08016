import type { SeriesColumns, VectorSample } from "../../shared/model/columns.ts";
import type { Clock, Logger } from "../../shared/platform/ports.ts";
import { FailureStreak } from "../../shared/time/failure-streak.ts";
import { sleepUnlessAborted } from "../../shared/time/repeat.ts";
import type { NodeStatus } from "../model/node.ts";
import type { ShownAlert } from "../model/notification.ts";
import type { Silence } from "../model/silence.ts";
import type { QuerySpan } from "../query/grid.ts";
import type { QueryResult } from "../query/result.ts";
import { changeOf } from "./overview-changes.ts";
import { alertColumns, type FigureVectors, nodeColumns } from "./overview-columns.ts";
import { FIGURE_QUERIES } from "./overview-queries.ts";
import { SERVICE_FIGURES, type ServiceVectors, serviceColumns } from "./overview-services.ts";
import {
  type Change,
  FIGURES,
  type Figure,
  type Overview,
  POINT_EVERY_MS,
  POINTS,
  TRACED,
  type Traced,
} from "./overview-shape.ts";
import { TraceTable } from "./overview-traces.ts";

/** An expression that was read; `Figure` says which. */
type FigureQuery = {
  instant(timeMs: number, signal: AbortSignal): Promise<QueryResult>;
  range(span: QuerySpan, signal: AbortSignal): Promise<QueryResult>;
};

export type OverviewPorts = {
  compile(text: string): FigureQuery;
  nodes(): readonly NodeStatus[];
  alerts(): readonly ShownAlert[];
  silences(): readonly Silence[];
  /** Newest first. */
  changes(): readonly Change[];
  readonly clock: Clock;
  readonly logger: Logger;
};

/** Null: it has to be read anew. */
export type ChangeListener = (text: string | null, seq: number) => void;

const EVERY_MS = 2000;
/** Where a look takes long, so many times as long passes between two of them, up to a limit. */
const PAUSE_PER_LOOK = 25;
const PAUSE_MAX_MS = 10_000;
/** File systems are read by agents every 30 s. */
const DISK_EVERY_MS = 15_000;
/** Rules record them every 15 s. */
const SERVICES_EVERY_MS = 10_000;
/** The samples of a full minute are here by then. */
const SAMPLES_WITHIN_MS = 3000;
/** Somebody who has read it once may want its changes. */
const WANTED_FOR_MS = 30_000;

/**
 * What all open pages show. It is looked at once for all of them, and only while somebody wants to
 * know; between two pages nothing runs.
 */
export class OverviewFeed implements AsyncDisposable {
  readonly #ports: OverviewPorts;
  readonly #queries: Record<Figure, FigureQuery>;
  readonly #serviceQueries: readonly (readonly [keyof ServiceVectors, FigureQuery])[];
  readonly #streak: FailureStreak;
  readonly #listeners = new Set<ChangeListener>();
  readonly #traces = new TraceTable();
  readonly #stop = new AbortController();
  #figures: FigureVectors = { cpu: [], memory: [], disk: [], network: [], load: [] };
  #diskAtMs = Number.NEGATIVE_INFINITY;
  #services: ServiceVectors = { requests: [], errors: [], quantiles: [], means: [] };
  #servicesAtMs = Number.NEGATIVE_INFINITY;
  #overview: Overview;
  #text: string | null = null;
  #wantedUntilMs = Number.NEGATIVE_INFINITY;
  #running: Promise<void> | null = null;
  /** Settled with the first look of a run. */
  #firstLook: Promise<void> = Promise.resolve();

  constructor(ports: OverviewPorts) {
    this.#ports = ports;
    this.#streak = new FailureStreak(ports.logger, "cannot look at what the page shows");
    const queries: Partial<Record<Figure, FigureQuery>> = {};
    for (const name of FIGURES) queries[name] = ports.compile(FIGURE_QUERIES[name]);
    this.#queries = queries as Record<Figure, FigureQuery>;
    this.#serviceQueries = SERVICE_FIGURES.map(([name, text]) => [name, ports.compile(text)]);
    // After a restart no sequence of the time before is used.
    this.#overview = this.#made(ports.clock.nowMs());
  }

  get seq(): number {
    return this.#overview.seq;
  }

  /** The overview as JSON, not older than the pause between two looks. @throws OperationalError */
  async text(): Promise<string> {
    this.#want();
    await this.#firstLook;
    this.#text ??= JSON.stringify(this.#overview);
    return this.#text;
  }

  /** Calls back with every change until disposed. */
  follow(listener: ChangeListener): Disposable {
    this.#listeners.add(listener);
    this.#want();
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  #want(): void {
    this.#wantedUntilMs = this.#ports.clock.monotonicMs() + WANTED_FOR_MS;
    if (this.#running !== null || this.#stop.signal.aborted) return;
    this.#firstLook = this.#look();
    this.#firstLook.catch(() => {}); // who waits for it is told
    this.#running = this.#run().finally(() => {
      this.#running = null;
    });
  }

  async #run(): Promise<void> {
    const { clock } = this.#ports;
    const { signal } = this.#stop;
    const isWanted = () => this.#listeners.size > 0 || clock.monotonicMs() < this.#wantedUntilMs;
    let look = this.#firstLook;
    for (;;) {
      const startedMs = clock.monotonicMs();
      let tookMs = 0;
      try {
        await look;
        tookMs = clock.monotonicMs() - startedMs;
        this.#firstLook = Promise.resolve();
        await this.#lookBack();
        this.#streak.succeeded();
      } catch (error) {
        if (!signal.aborted) this.#streak.failed(error);
      }
      const pauseMs = Math.min(PAUSE_MAX_MS, Math.max(EVERY_MS, tookMs * PAUSE_PER_LOOK));
      await sleepUnlessAborted(clock, pauseMs, signal);
      if (signal.aborted || !isWanted()) return;
      look = this.#look();
    }
  }

  async #look(): Promise<void> {
    const nowMs = this.#ports.clock.nowMs();
    const isDiskDue = nowMs - this.#diskAtMs >= DISK_EVERY_MS || nowMs < this.#diskAtMs;
    const found = { ...this.#figures };
    for (const name of FIGURES) {
      if (name === "disk" && !isDiskDue) continue;
      found[name] = await this.#instant(name, nowMs);
    }
    if (isDiskDue) this.#diskAtMs = nowMs;
    this.#figures = found;
    await this.#lookAtServices(nowMs);
    this.#publish();
  }

  async #lookAtServices(nowMs: number): Promise<void> {
    const isDue = nowMs - this.#servicesAtMs >= SERVICES_EVERY_MS || nowMs < this.#servicesAtMs;
    if (!isDue) return;
    const found = { ...this.#services };
    for (const [name, query] of this.#serviceQueries) {
      found[name] = samplesOf(await query.instant(nowMs, this.#stop.signal));
    }
    this.#servicesAtMs = nowMs;
    this.#services = found;
  }

  /** The minutes that the traces lack. */
  async #lookBack(): Promise<void> {
    const nowMs = this.#ports.clock.nowMs() - SAMPLES_WITHIN_MS;
    const endMs = nowMs - (nowMs % POINT_EVERY_MS);
    const lacking = (endMs - this.#traces.endMs) / POINT_EVERY_MS;
    if (lacking <= 0) return; // also where the clock was set back
    if (lacking === 1)
      this.#traces.add(endMs, await this.#each((one) => this.#instant(one, endMs)));
    else {
      const points = Math.min(lacking, POINTS);
      const startMs = endMs - (points - 1) * POINT_EVERY_MS;
      const span = { startMs, endMs, stepMs: POINT_EVERY_MS };
      this.#traces.fill(endMs, await this.#each((one) => this.#range(one, span)));
    }
    this.#publish();
  }

  async #each<T>(ask: (name: Traced) => Promise<T>): Promise<Record<Traced, T>> {
    const found: Partial<Record<Traced, T>> = {};
    for (const name of TRACED) found[name] = await ask(name);
    return found as Record<Traced, T>;
  }

  async #instant(name: Figure, timeMs: number): Promise<readonly VectorSample[]> {
    return samplesOf(await this.#queries[name].instant(timeMs, this.#stop.signal));
  }

  async #range(name: Figure, span: QuerySpan): Promise<readonly SeriesColumns[]> {
    const result = await this.#queries[name].range(span, this.#stop.signal);
    return result.type === "matrix" ? result.series : [];
  }

  #publish(): void {
    const before = this.#overview;
    this.#overview = this.#made(before.seq + 1);
    this.#text = null;
    if (this.#listeners.size === 0) return;
    const change = changeOf(before, this.#overview);
    const text = change === null ? null : JSON.stringify(change);
    for (const listener of this.#listeners) listener(text, this.#overview.seq);
  }

  #made(seq: number): Overview {
    const { clock, nodes, silences, changes } = this.#ports;
    const alerts = this.#ports.alerts();
    const columns = nodeColumns(nodes(), this.#figures);
    const traces = this.#traces.columns(columns.name);
    return {
      ...{ seq, timeMs: clock.nowMs(), nodes: columns, traces },
      alerts: alertColumns(alerts, silences()),
      services: serviceColumns(this.#services, alerts),
      changes: changes(),
    };
  }
}

function samplesOf(result: QueryResult): readonly VectorSample[] {
  return result.type === "vector" ? result.samples : [];
}
