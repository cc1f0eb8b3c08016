/** By name, in milliseconds. */
export const RANGES = {
  "15m": 900_000,
  "1h": 3_600_000,
  "6h": 21_600_000,
  "24h": 86_400_000,
  "7d": 604_800_000,
} as const;
export type RangeName = keyof typeof RANGES;
const DEFAULT_RANGE: RangeName = "1h";

/** Points that a chart has about; more than it has pixels nobody sees. */
const POINTS = 180;
const STEP_MIN_MS = 5000;
/** Rates are of so much time at least: an agent may read every 15 s. */
const WINDOW_MIN_MS = 30_000;

/** What ends so close to now, as a share of itself, is meant to end now. */
const NEARLY = 0.05;

/** `isLive`: it ends now, and moves on. */
export type TimeRange = {
  readonly fromMs: number;
  readonly toMs: number;
  readonly isLive: boolean;
};

/** What a range query is asked with. */
export type QueryWindow = TimeRange & { readonly stepMs: number; readonly rateWindow: string };

/** As a link says it: `from` and `to`, or `range` for what ends now. */
export function rangeOf(given: URLSearchParams, now: number): TimeRange {
  const [fromMs, toMs] = [timeOf(given.get("from")), timeOf(given.get("to"))];
  if (fromMs !== null && toMs !== null && fromMs < toMs) return { fromMs, toMs, isLive: false };
  return { fromMs: now - RANGES[rangeName(given)], toMs: now, isLive: true };
}

export function rangeName(given: URLSearchParams): RangeName {
  const name = given.get("range") ?? "";
  return name in RANGES ? (name as RangeName) : DEFAULT_RANGE;
}

function timeOf(text: string | null): number | null {
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : null;
}

/** Aligned to its step, so that the same points are asked for again. */
export function windowOf({ fromMs, toMs, isLive }: TimeRange): QueryWindow {
  const stepMs = Math.max(STEP_MIN_MS, Math.ceil((toMs - fromMs) / POINTS / 1000) * 1000);
  const rateWindow = `${Math.max(WINDOW_MIN_MS, stepMs) / 1000}s`;
  const aligned = (timeMs: number) => Math.floor(timeMs / stepMs) * stepMs;
  return { fromMs: aligned(fromMs), toMs: aligned(toMs), isLive, stepMs, rateWindow };
}

/** By half of what is shown; beyond now it is live again. */
export function movedRange({ fromMs, toMs }: TimeRange, direction: number, now: number): TimeRange {
  const byMs = ((toMs - fromMs) / 2) * direction;
  const isLive = toMs + byMs >= now - (toMs - fromMs) * NEARLY;
  return { fromMs: fromMs + byMs, toMs: toMs + byMs, isLive };
}
