import { useEffect, useMemo } from "preact/hooks";
import { nowMs } from "../browser.ts";
import { type Loaded, useLoaded } from "../loaded.ts";
import type { TimeRange } from "../node/time-range.ts";
import { isPaused } from "../overview-store.ts";
import { isNarrow } from "../shell/screen.ts";
import { type Bars, barStep, barWindow } from "./histogram-bars.ts";
import { LineFeed } from "./line-feed.ts";
import { countsQuery, type LineOrder, type LogQuestion } from "./log-question.ts";
import { loadBars, loadLabelNames } from "./log-requests.ts";

const BARS = 90;
const NARROW_BARS = 45;
const SECOND_MS = 1000;

type LinesAsked = {
  /** LogQL. */
  readonly query: string;
  readonly range: TimeRange;
  readonly order: LineOrder;
  /** The lines begin with this second; null: with the end of the range. */
  readonly atMs: number | null;
  /** Whether lines that come in are shown, where the range ends now. */
  readonly isFollowed: boolean;
};

/** The lines of a query, read again when something else is asked for. */
export function useLines({ query, range, order, atMs, isFollowed }: LinesAsked): LineFeed {
  const key = JSON.stringify([query, order, atMs, timeKey(range)]);
  const feed = useMemo(() => new LineFeed({ query, order, ...spanAt(range, order, atMs) }), [key]);
  const isTailed =
    isFollowed && range.isLive && order === "newest" && atMs === null && !isPaused.value;
  useEffect(() => () => feed.close(), [feed]);
  useEffect(() => {
    if (!isTailed) return undefined;
    const stop = new AbortController();
    void feed.follow(stop.signal);
    return () => stop.abort();
  }, [feed, isTailed]);
  useEffect(() => {
    const stop = new AbortController();
    // Without them a line's labels have no buttons, and the request for lines says what is wrong.
    loadLabelNames(range, stop.signal).catch(() => {});
    return () => stop.abort();
  }, [key]);
  return feed;
}

/** How many lines there are over time, by severity. */
export function useBars(question: LogQuestion, range: TimeRange): Loaded<Bars> {
  const bars = isNarrow.value ? NARROW_BARS : BARS;
  const stepMs = barStep(range.toMs - range.fromMs, bars);
  const window = barWindow(range, stepMs);
  return useLoaded(
    (signal) => loadBars(question, range, stepMs, signal),
    [countsQuery(question, stepMs), window.fromMs, window.toMs],
  ).value;
}

/** What moves on by itself is the same all the time. */
function timeKey({ fromMs, toMs, isLive }: TimeRange): string {
  return isLive ? String(Math.round((toMs - fromMs) / 60_000)) : `${fromMs} ${toMs}`;
}

function spanAt({ fromMs, isLive, ...range }: TimeRange, order: LineOrder, atMs: number | null) {
  // A range is of whole steps, and the newest line is of now.
  const toMs = isLive ? nowMs() : range.toMs;
  if (atMs === null || atMs < fromMs || atMs > toMs) return { fromMs, toMs };
  const second = Math.floor(atMs / SECOND_MS) * SECOND_MS;
  return order === "newest" ? { fromMs, toMs: second + SECOND_MS } : { fromMs: second, toMs };
}
