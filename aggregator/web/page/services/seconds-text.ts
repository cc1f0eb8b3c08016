const UNITS = [
  [1, "s"],
  [1e-3, "ms"],
  [1e-6, "µs"],
] as const;

/** A latency, with three digits that count. */
export function secondsText(locale: string, seconds: number | null): string {
  if (seconds === null) return "–";
  if (seconds === 0) return "0 s";
  const [size, unit] = UNITS.find(([least]) => seconds >= least * 0.9995) ?? UNITS[2];
  const number = new Intl.NumberFormat(locale, { maximumSignificantDigits: 3 });
  return `${number.format(seconds / size)} ${unit}`;
}
