import { OperationalError } from "../../shared/errors.ts";
import { labelValue } from "../../shared/model/labels.ts";
import type { Clock, Logger, Random } from "../../shared/platform/ports.ts";
import { labelledLogger } from "../../shared/telemetry/labelled-logger.ts";
import type { Counter } from "../../shared/telemetry/metrics.ts";
import { withDeadline } from "../../shared/time/deadline.ts";
import { FailureStreak } from "../../shared/time/failure-streak.ts";
import { sleepUnlessAborted } from "../../shared/time/repeat.ts";
import { TIME_PRECISION_MS } from "../../shared/wire/frame.ts";
import type { ScrapeConfig, ScrapeHttp } from "./config/scrape-config.ts";
import { acceptedTypes, formatOfType } from "./page/page-format.ts";
import { PageMemory } from "./page/page-memory.ts";
import type { PageReading } from "./page/page-reading.ts";
import type { Relabel } from "./relabel.ts";
import type { ScrapeSink } from "./scrape-sink.ts";
import { type ScrapeCounts, TargetSeries } from "./target-series.ts";
import type { Target } from "./targets.ts";

export type PageRequest = {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly http: ScrapeHttp;
  readonly acceptsGzip: boolean;
  /** Of the body, unpacked. */
  readonly bytesMax: number;
};

export type PageAnswer = {
  readonly status: number;
  readonly contentType: string;
  readonly body: Uint8Array;
};

/** @throws OperationalError UNAVAILABLE, LIMIT; the signal's reason when it is aborted */
export type GetPage = (request: PageRequest, signal: AbortSignal) => Promise<PageAnswer>;

export type ScrapeDeps = {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly sink: ScrapeSink;
  readonly getPage: GetPage;
  /** Samples that were left out of pages. */
  readonly leftOut: Counter;
  /** Ticks so far. */
  ticks(): number;
  /** Resolves at the next tick; rejects with the signal's reason. */
  nextTick(signal: AbortSignal): Promise<void>;
};

const MEBIBYTE = 1024 ** 2;
/** Bounds of a page, whatever its job allows. Names and values may be longer than what is kept. */
const PAGE = {
  pageBytesMax: 64 * MEBIBYTE,
  samplesMax: 200_000,
  labelsMax: 256,
  nameBytesMax: 4096,
  valueBytesMax: MEBIBYTE,
  seriesOfMetricMax: 50_000,
};
const FIRST_WITHIN_MS = 1000;
const NOTHING: ScrapeCounts = { scraped: 0, kept: 0, added: 0 };

/** Scrapes one target in its interval. */
export class TargetLoop {
  readonly #target: Target;
  readonly #config: ScrapeConfig;
  readonly #deps: ScrapeDeps;
  readonly #memory: PageMemory;
  readonly #series: TargetSeries;
  readonly #streak: FailureStreak;
  readonly #pageBytesMax: number;
  /** In which tick the last scrape was, or will be, taken. */
  #reportedIn = -1;

  /** @throws OperationalError LIMIT when the agent has all the groups or series it may have */
  constructor(target: Target, config: ScrapeConfig, relabel: Relabel, deps: ScrapeDeps) {
    const { bodyBytes } = config.limits;
    this.#target = target;
    this.#config = config;
    this.#deps = deps;
    this.#pageBytesMax = Math.min(bodyBytes || PAGE.pageBytesMax, PAGE.pageBytesMax);
    const limits = { ...PAGE, pageBytesMax: this.#pageBytesMax };
    this.#memory = new PageMemory(limits, Math.floor(deps.random() * 2 ** 31));
    this.#series = new TargetSeries(deps.sink, config, target.labels, relabel);
    const { job, labels } = target;
    const logger = labelledLogger(deps.logger, { job, instance: labelValue(labels, "instance") });
    this.#streak = new FailureStreak(logger, "cannot scrape");
  }

  /** Until the signal is aborted; then its series end. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#deps;
    const { intervalMs } = this.#target;
    // Targets of one job, and agents of one site, are spread over the interval; none waits long at first.
    const phaseMs = random() * intervalMs;
    let dueMs = clock.monotonicMs() + phaseMs;
    if (phaseMs > FIRST_WITHIN_MS) {
      await sleepUnlessAborted(clock, phaseMs % FIRST_WITHIN_MS, signal);
      if (!signal.aborted) await this.#scrape(signal);
    }
    while (!signal.aborted) {
      await sleepUnlessAborted(clock, dueMs - clock.monotonicMs(), signal);
      if (!signal.aborted) await this.#scrape(signal);
      const missed = Math.floor(Math.max(0, clock.monotonicMs() - dueMs) / intervalMs);
      dueMs += (1 + missed) * intervalMs;
    }
    this.#series.close();
  }

  async #scrape(signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps;
    const startMs = Math.floor(clock.nowMs() / TIME_PRECISION_MS) * TIME_PRECISION_MS;
    const beganMs = clock.monotonicMs();
    try {
      const answer = await this.#get(signal);
      await this.#untilTaken(signal);
      const { counts, refusal } = this.#take(answer, startMs);
      const seconds = (clock.monotonicMs() - beganMs) / 1000;
      this.#report(startMs, refusal === null, seconds, counts);
      if (refusal === null) this.#streak.succeeded();
      else this.#streak.failed(refusal);
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof OperationalError)) throw error;
      await this.#untilTaken(signal).catch(() => {});
      if (signal.aborted) return;
      this.#report(startMs, false, (clock.monotonicMs() - beganMs) / 1000, NOTHING);
      this.#streak.failed(error);
    }
  }

  async #get(signal: AbortSignal): Promise<PageAnswer> {
    const { clock, getPage } = this.#deps;
    const { url, timeoutMs: ms } = this.#target;
    const { protocols, http, enableCompression: acceptsGzip } = this.#config;
    const headers = {
      accept: acceptedTypes(protocols),
      "x-prometheus-scrape-timeout-seconds": String(ms / 1000),
    };
    const request = { url, headers, http, acceptsGzip, bytesMax: this.#pageBytesMax };
    const late = () => new OperationalError("UNAVAILABLE", `No answer within ${ms} ms`);
    const answer = await withDeadline({ clock, ms, signal, late }, (end) => getPage(request, end));
    if (answer.status === 200) return answer;
    throw new OperationalError("UNAVAILABLE", `It answered ${answer.status}`);
  }

  #take({ contentType, body }: PageAnswer, timeMs: number) {
    const format = formatOfType(contentType, this.#config.fallbackProtocol);
    const page = this.#memory.read(body, format);
    this.#countLeftOut(page);
    return this.#series.take(page, timeMs);
  }

  #countLeftOut({ duplicates, leftOut }: PageReading): void {
    const { job } = this.#target;
    if (duplicates > 0) this.#deps.leftOut.add(duplicates, { job, reason: "duplicate" });
    if (leftOut > 0) this.#deps.leftOut.add(leftOut, { job, reason: "series_of_metric" });
  }

  /** A tick takes one reading of a target; after a delay two may come close together. */
  async #untilTaken(signal: AbortSignal): Promise<void> {
    while (this.#reportedIn === this.#deps.ticks()) await this.#deps.nextTick(signal);
  }

  #report(startMs: number, isUp: boolean, seconds: number, counts: ScrapeCounts): void {
    this.#reportedIn = this.#deps.ticks();
    this.#series.report(startMs, isUp, seconds, counts);
  }
}
