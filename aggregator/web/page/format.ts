/** How numbers, sizes and times read in a language. Pure; times are Unix milliseconds. */

const STEPS = [
  [86_400_000, "day"],
  [3_600_000, "hour"],
  [60_000, "minute"],
  [1000, "second"],
] as const;

const BYTE_UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte", "petabyte"];

/** Making a formatter takes longer than using it a thousand times. */
const formatters = new Map<string, Intl.NumberFormat | Intl.DateTimeFormat>();

function numberFormat(locale: string, options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const key = `${locale} ${JSON.stringify(options)}`;
  const known = formatters.get(key) as Intl.NumberFormat | undefined;
  if (known !== undefined) return known;
  const made = new Intl.NumberFormat(locale, options);
  formatters.set(key, made);
  return made;
}

function dateFormat(locale: string, given: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const options = { ...given, hourCycle: "h23" } as const; // shorter, and the same in every log
  const key = `${locale} ${JSON.stringify(options)}`;
  const known = formatters.get(key) as Intl.DateTimeFormat | undefined;
  if (known !== undefined) return known;
  const made = new Intl.DateTimeFormat(locale, options);
  formatters.set(key, made);
  return made;
}

export function formatCount(locale: string, value: number): string {
  return numberFormat(locale, { maximumFractionDigits: 0 }).format(value);
}

/** Three digits that count. */
export function formatNumber(locale: string, value: number): string {
  return numberFormat(locale, { maximumSignificantDigits: 3, notation: "compact" }).format(value);
}

/** With one digit after the point, so that a column of them is aligned. */
export function formatLoad(locale: string, value: number): string {
  const digits = { minimumFractionDigits: 1, maximumFractionDigits: 1 };
  return numberFormat(locale, digits).format(value);
}

/** A share of 1 as percent; below 10 with one digit more. */
export function formatShare(locale: string, value: number): string {
  const maximumFractionDigits = value !== 0 && Math.abs(value) < 0.0995 ? 1 : 0;
  return numberFormat(locale, { style: "percent", maximumFractionDigits }).format(value);
}

export function formatBytes(locale: string, value: number): string {
  return withByteUnit(locale, value, "");
}

/** Bytes a second. */
export function formatRate(locale: string, value: number): string {
  return withByteUnit(locale, value, "-per-second");
}

function withByteUnit(locale: string, value: number, per: string): string {
  let scaled = value;
  let place = 0;
  while (Math.abs(scaled) >= 999.5 && place < BYTE_UNITS.length - 1) {
    scaled /= 1000;
    place += 1;
  }
  // Intl writes "byte" in full, other units short.
  if (place === 0) return `${formatCount(locale, scaled)} B${per === "" ? "" : "/s"}`;
  const unit = `${BYTE_UNITS[place]}${per}`;
  const maximumFractionDigits = Math.abs(scaled) < 9.95 ? 1 : 0;
  const options = { style: "unit", unit, unitDisplay: "short", maximumFractionDigits } as const;
  return numberFormat(locale, options).format(scaled);
}

/** How long, in its largest unit: `3h`; below ten of it with the next one: `3h 20m`. */
export function formatDuration(locale: string, durationMs: number): string {
  const ms = Math.max(0, durationMs);
  const place = Math.max(
    0,
    STEPS.findIndex(([size]) => ms >= size),
  );
  const [size, unit] = STEPS[ms < 1000 ? STEPS.length - 1 : place] ?? STEPS[3];
  const count = Math.floor(ms / size);
  const first = unitText(locale, count, unit);
  const next = STEPS[place + 1];
  if (next === undefined || count >= 10 || ms < 60_000) return first;
  const rest = Math.floor((ms - count * size) / next[0]);
  return rest === 0 ? first : `${first} ${unitText(locale, rest, next[1])}`;
}

function unitText(locale: string, count: number, unit: string): string {
  return numberFormat(locale, { style: "unit", unit, unitDisplay: "narrow" }).format(count);
}

/** The time of day where it is today, else with its date. */
export function formatTime(locale: string, timeMs: number, nowMs: number): string {
  const day = dateFormat(locale, { dateStyle: "short" });
  const isToday = day.format(timeMs) === day.format(nowMs);
  const time = { hour: "2-digit", minute: "2-digit" } as const;
  const date = { month: "short", day: "numeric" } as const;
  return dateFormat(locale, isToday ? time : { ...date, ...time }).format(timeMs);
}

/** To the second, with the time zone. */
export function formatClock(locale: string, timeMs: number): string {
  return dateFormat(locale, {
    ...{ hour: "2-digit", minute: "2-digit", second: "2-digit" },
    timeZoneName: "short",
  }).format(timeMs);
}

export function formatMoment(locale: string, timeMs: number): string {
  return dateFormat(locale, { dateStyle: "medium", timeStyle: "medium" }).format(timeMs);
}
