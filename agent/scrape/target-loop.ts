import { OperationalError } from "../../shared/errors.ts";
import { labelValue } from "../../shared/model/labels.ts";
import type { LeftOutSamples } from "../../shared/model/target.ts";
import type { Clock, Logger, Random } from "../../shared/platform/ports.ts";
import { labelledLogger } from "../../shared/telemetry/labelled-logger.ts";
import type { Counter } from "../../shared/telemetry/metrics.ts";
import { withDeadline } from "../../shared/time/deadline.ts";
import { FailureStreak } from "../../shared/time/failure-streak.ts";
import { sleepUnlessAborted } from "../../shared/time/repeat.ts";
import { TIME_PRECISION_MS } from "../../shared/wire/frame.ts";
import type { BodyLease, BodyRoom } from "../model/body-room.ts";
import type { TargetEntry } from "../model/target-book.ts";
import type { ScrapeConfig, ScrapeHttp } from "./config/scrape-config.ts";
import { JSON_BYTES_MAX } from "./json/bounded-json.ts";
import { JSON_ACCEPTED, jsonPage } from "./json/json-page.ts";
import { acceptedTypes, formatOfType } from "./page/page-format.ts";
import { PageMemory } from "./page/page-memory.ts";
import type { PageReading } from "./page/page-reading.ts";
import type { Relabel } from "./relabel.ts";
import { type ScrapeCounts, type SeriesPlace, TargetSeries } from "./target-series.ts";
import type { Target } from "./targets.ts";

export type PageRequest = {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly http: ScrapeHttp;
  readonly acceptsGzip: boolean;
  /** Of the body, unpacked. */
  readonly bytesMax: number;
  readonly lease: BodyLease;
};

export type PageAnswer = {
  readonly status: number;
  readonly contentType: string;
  /** The lease's. */
  readonly body: Uint8Array;
  /** What the page is about, and says itself: why a probe failed. */
  readonly finding?: string;
};

/** @throws OperationalError UNAVAILABLE, LIMIT; the signal's reason when it is aborted */
export type GetPage = (request: PageRequest, signal: AbortSignal) => Promise<PageAnswer>;

export type ScrapeDeps = {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly place: SeriesPlace;
  readonly getPage: GetPage;
  readonly bodies: BodyRoom;
  /** Samples that were left out of pages. */
  readonly leftOut: Counter;
  /** Ticks so far. */
  ticks(): number;
  /** Resolves at the next tick; rejects with the signal's reason. */
  nextTick(signal: AbortSignal): Promise<void>;
};

export type LoopParts = {
  readonly config: ScrapeConfig;
  readonly relabel: Relabel;
  readonly entry: TargetEntry;
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
const SECOND_MS = 1000;
/** Each tick then takes the page of the second before; one scrape less, and it takes its own again. */
const WAITS_MAX = 10;
const LEAD_MS_MIN = 30;
const LEAD_MS_MAX = 500;
const NOTHING: ScrapeCounts = { scraped: 0, kept: 0, added: 0 };

/** Scrapes one target in its interval. */
export class TargetLoop {
  readonly #target: Target;
  readonly #config: ScrapeConfig;
  readonly #deps: ScrapeDeps;
  readonly #memory: PageMemory;
  readonly #relabel: Relabel;
  readonly #entry: TargetEntry;
  /** Null until there is room for them. */
  #series: TargetSeries | null = null;
  readonly #streak: FailureStreak;
  readonly #pageBytesMax: number;
  /** In which tick the last scrape was, or will be, taken. */
  #reportedIn = -1;
  /** Scrapes in a row that had to wait until a tick had taken the one before. */
  #waits = 0;
  /** How long the last scrape took. */
  #lastMs = 0;

  /** @param entry where it says how its scrapes end */
  constructor(target: Target, { config, relabel, entry }: LoopParts, deps: ScrapeDeps) {
    const { bodyBytes } = config.limits;
    this.#target = target;
    this.#config = config;
    this.#relabel = relabel;
    this.#entry = entry;
    this.#deps = deps;
    const most = config.fields === null ? PAGE.pageBytesMax : JSON_BYTES_MAX;
    this.#pageBytesMax = Math.min(bodyBytes || most, most);
    // What is made of JSON may be longer than it.
    const pageBytesMax = config.fields === null ? this.#pageBytesMax : PAGE.pageBytesMax;
    const limits = { ...PAGE, pageBytesMax };
    this.#memory = new PageMemory(limits, Math.floor(deps.random() * 2 ** 31));
    const { job, labels } = target;
    const logger = labelledLogger(deps.logger, { job, instance: labelValue(labels, "instance") });
    this.#streak = new FailureStreak(logger, "cannot scrape");
  }

  /** Until the signal is aborted; then its series end. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#deps;
    const { intervalMs } = this.#target;
    // The targets of an agent are spread over the seconds of the interval; none waits long at first.
    const phaseMs = Math.floor((random() * intervalMs) / SECOND_MS) * SECOND_MS;
    let slotMs = Number.NEGATIVE_INFINITY;
    for (let isFirst = true; !signal.aborted; isFirst = false) {
      const nowMs = clock.nowMs();
      const leadMs = this.#lead();
      // A clock that was set back begins anew.
      if (slotMs > nowMs + intervalMs) slotMs = Number.NEGATIVE_INFINITY;
      if (this.#waits === WAITS_MAX) {
        slotMs += intervalMs;
        this.#waits = 0;
      }
      const soonest = Math.ceil((nowMs + leadMs - phaseMs) / intervalMs) * intervalMs + phaseMs;
      const nextMs = Math.max(soonest, slotMs + intervalMs);
      const waitMs = nextMs - leadMs - nowMs;
      const isEarly = isFirst && waitMs > SECOND_MS;
      if (!isEarly) slotMs = nextMs;
      await sleepUnlessAborted(clock, isEarly ? random() * SECOND_MS : waitMs, signal);
      if (!signal.aborted) await this.#scrape(signal);
    }
    this.#series?.close();
  }

  /** How long before a full second it begins: so that the tick of that second takes it. */
  #lead(): number {
    return Math.min(LEAD_MS_MAX, Math.max(LEAD_MS_MIN, 1.5 * this.#lastMs + LEAD_MS_MIN));
  }

  async #scrape(signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps;
    const startMs = Math.floor(clock.nowMs() / TIME_PRECISION_MS) * TIME_PRECISION_MS;
    const beganMs = clock.monotonicMs();
    try {
      const series = this.#roomForSeries();
      using lease = this.#deps.bodies.lease(); // until the page is read
      const answer = await this.#get(lease, signal);
      this.#lastMs = clock.monotonicMs() - beganMs;
      await this.#untilTaken(signal);
      const { page, values } = this.#read(answer);
      const { counts, refusal, leftOut: ofSeries } = series.take(page, startMs);
      const leftOut = leftOutOf(page, [...ofSeries, ...values]);
      const { job } = this.#target;
      for (const { reason, samples } of leftOut) this.#deps.leftOut.add(samples, { job, reason });
      const seconds = (clock.monotonicMs() - beganMs) / 1000;
      this.#report(startMs, refusal === null, seconds, counts);
      this.#ended(refusal, leftOut, answer.finding);
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof OperationalError)) throw error;
      await this.#untilTaken(signal).catch(() => {});
      if (signal.aborted) return;
      this.#report(startMs, false, (clock.monotonicMs() - beganMs) / 1000, NOTHING);
      this.#ended(error, []);
    }
  }

  #ended(failure: OperationalError | null, leftOut: readonly LeftOutSamples[], finding = ""): void {
    if (failure === null) this.#streak.succeeded();
    else this.#streak.failed(failure);
    this.#entry.scraped(failure?.message ?? finding, leftOut);
  }

  /** @throws OperationalError LIMIT when the agent has all the groups or series it may have */
  #roomForSeries(): TargetSeries {
    const { place } = this.#deps;
    this.#series ??= new TargetSeries(place, this.#config, this.#target.labels, this.#relabel);
    return this.#series;
  }

  async #get(lease: BodyLease, signal: AbortSignal): Promise<PageAnswer> {
    const { clock, getPage } = this.#deps;
    const { url, timeoutMs: ms } = this.#target;
    const { protocols, http, enableCompression: acceptsGzip, fields } = this.#config;
    const headers = {
      accept: fields === null ? acceptedTypes(protocols) : JSON_ACCEPTED,
      "x-prometheus-scrape-timeout-seconds": String(ms / 1000),
    };
    const request = { url, headers, http, acceptsGzip, bytesMax: this.#pageBytesMax, lease };
    const late = () => new OperationalError("UNAVAILABLE", lateText(lease, ms));
    const answer = await withDeadline({ clock, ms, signal, late }, (end) => getPage(request, end));
    if (answer.status === 200) return answer;
    throw new OperationalError("UNAVAILABLE", `It answered ${answer.status}`);
  }

  /** @throws OperationalError PARSE, LIMIT */
  #read({ contentType, body }: PageAnswer) {
    const { fields, fallbackProtocol } = this.#config;
    const json = fields === null ? null : jsonPage(body, fields);
    const format = json === null ? formatOfType(contentType, fallbackProtocol) : "text";
    const page = this.#memory.read(json?.page ?? body, format);
    const values = [...(json?.leftOut ?? [])].map(([reason, samples]) => ({ reason, samples }));
    return { page, values };
  }

  /** A tick takes one reading of a target; after a delay two may come close together. */
  async #untilTaken(signal: AbortSignal): Promise<void> {
    this.#waits = this.#reportedIn === this.#deps.ticks() ? this.#waits + 1 : 0;
    while (this.#reportedIn === this.#deps.ticks()) await this.#deps.nextTick(signal);
  }

  #report(startMs: number, isUp: boolean, seconds: number, counts: ScrapeCounts): void {
    this.#reportedIn = this.#deps.ticks();
    this.#series?.report(startMs, isUp, seconds, counts);
  }
}

function lateText({ isWaiting, bytes }: BodyLease, ms: number): string {
  if (!isWaiting) return `No answer within ${ms} ms`;
  return `No room within ${ms} ms for an answer over ${bytes} bytes: others are being read`;
}

/** @param others samples that were left out later than in the page's reading */
function leftOutOf(
  { duplicates, leftOut }: PageReading,
  others: readonly LeftOutSamples[],
): LeftOutSamples[] {
  const all = [
    { reason: "duplicate", samples: duplicates },
    { reason: "series_of_metric", samples: leftOut },
    ...others,
  ];
  return all.filter(({ samples }) => samples > 0);
}
