import { formatDuration } from "../format.ts";
import { locale } from "../settings.ts";

/** How far a clock is ahead, with its sign. */
export function clockText(aheadMs: number): string {
  const sign = aheadMs < 0 ? "−" : "+";
  const size = Math.abs(aheadMs);
  return `${sign}${size < 1000 ? `${Math.round(size)} ms` : formatDuration(locale.value, size)}`;
}
