import { signal } from "@preact/signals";
import { getJson, nowMs, RequestError, readSocket, sleep } from "../browser.ts";
import {
  afterTime,
  begunAnew,
  joined,
  type LogLine,
  linesOf,
  type Streams,
  withNewer,
} from "./log-lines.ts";
import type { LineOrder } from "./log-question.ts";

/** Lines of one request, and the most that the page keeps. */
const PAGE_LINES = 500;
export const LINES_MAX = 5000;
const AGAIN_MS = 2000;

export type FeedAsked = {
  /** LogQL. */
  readonly query: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly order: LineOrder;
};

type TailState = "off" | "connecting" | "on" | "lost";
type Body = { readonly data: { readonly result: Streams } };
type Message = { readonly streams: Streams };

/**
 * The lines of a query: a page of the newest or the oldest first, further ones as they are asked for,
 * and those that come in while it is followed.
 */
export class LineFeed {
  /** Oldest first. */
  readonly lines = signal<readonly LogLine[]>([]);
  readonly state = signal<"loading" | "more" | "whole" | "full">("loading");
  readonly problem = signal("");
  readonly tail = signal<TailState>("off");
  readonly #asked: FeedAsked;
  readonly #stop = new AbortController();
  readonly #first: Promise<void>;
  #isRefused = false;

  constructor(asked: FeedAsked) {
    this.#asked = asked;
    this.#first = this.#load(nanoseconds(asked.fromMs), nanoseconds(asked.toMs));
  }

  close(): void {
    this.#stop.abort();
  }

  /** The next page, behind the last line that is shown. */
  more(): void {
    if (this.state.value !== "more") return;
    const { fromMs, toMs, order } = this.#asked;
    const edge = order === "newest" ? this.lines.value[0] : this.lines.value.at(-1);
    if (edge === undefined) return;
    // A page may have ended among lines of one time: that time is asked for again.
    if (order === "newest") void this.#load(nanoseconds(fromMs), afterTime(edge.time));
    else void this.#load(edge.time, nanoseconds(toMs));
  }

  /** What comes in from now on is the newest, until the signal is aborted. */
  async follow(signal: AbortSignal): Promise<void> {
    const stop = AbortSignal.any([signal, this.#stop.signal]);
    await this.#first;
    if (this.#isRefused) return;
    while (!stop.aborted) {
      this.tail.value = this.tail.value === "lost" ? "lost" : "connecting";
      const reason = await this.#followOnce(stop);
      if (stop.aborted) break;
      this.tail.value = "lost";
      this.problem.value = reason;
      await sleep(AGAIN_MS, stop);
    }
    this.tail.value = "off";
  }

  async #followOnce(stop: AbortSignal): Promise<string> {
    const start = this.lines.value.at(-1)?.time ?? nanoseconds(this.#asked.fromMs);
    const search = new URLSearchParams({
      ...{ query: this.#asked.query, limit: String(PAGE_LINES), start },
    });
    let isBegun = false;
    return await readSocket(
      `/loki/api/v1/tail?${search}`,
      (text) => {
        const newer = linesOf((JSON.parse(text) as Message).streams, "forward");
        this.tail.value = "on";
        this.problem.value = "";
        const lines = isBegun ? this.lines.value : begunAnew(this.lines.value, newer);
        this.lines.value = withNewer(lines, isBegun ? newer : [], LINES_MAX);
        isBegun = true;
      },
      stop,
    );
  }

  async #load(start: string, end: string): Promise<void> {
    this.state.value = "loading";
    const { query, order } = this.#asked;
    const direction = order === "newest" ? "backward" : "forward";
    const search = new URLSearchParams({
      ...{ query, start, end, direction, limit: String(PAGE_LINES) },
    });
    try {
      const path = `/loki/api/v1/query_range?${search}`;
      const { data } = await getJson<Body>(path, this.#stop.signal);
      this.#take(linesOf(data.result, direction));
      this.problem.value = "";
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      this.#isRefused = error instanceof RequestError && error.status === 400;
      this.problem.value = error instanceof Error ? error.message : String(error);
      this.state.value = "whole";
    }
  }

  #take(page: readonly LogLine[]): void {
    const before = this.lines.value;
    const lines = joined(before, page, this.#asked.order === "newest" ? "older" : "newer");
    this.lines.value = lines;
    if (page.length < PAGE_LINES || lines.length === before.length) this.state.value = "whole";
    else this.state.value = lines.length >= LINES_MAX ? "full" : "more";
  }
}

/** @param timeMs at most now: what is to come is not asked for */
function nanoseconds(timeMs: number): string {
  return `${Math.min(Math.ceil(timeMs), nowMs() + 1000)}000000`;
}
