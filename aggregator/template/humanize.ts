/** Numbers as Prometheus' and Alertmanager's templates show them to people. */

import { formatG } from "../../shared/model/go-number.ts";

const SMALL = ["m", "u", "n", "p", "f", "a", "z", "y"];

/** Of a number below 1: `20m`. */
export function scaleUp(value: number): string {
  let rest = value;
  let steps = 0;
  for (; Math.abs(rest) < 1 && steps < SMALL.length; steps += 1) rest *= 1000;
  return formatG(rest, 4) + (SMALL[steps - 1] ?? "");
}

export function humanizeDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return formatG(seconds, 4);
  if (seconds === 0) return "0s";
  if (Math.abs(seconds) < 1) return `${scaleUp(seconds)}s`;
  const sign = seconds < 0 ? "-" : "";
  const size = Math.abs(seconds);
  const whole = Math.trunc(size);
  const minutes = Math.floor(whole / 60) % 60;
  const hours = Math.floor(whole / 3600) % 24;
  const days = Math.floor(whole / 86_400);
  const tail = `${minutes}m ${whole % 60}s`;
  if (days > 0) return `${sign}${days}d ${hours}h ${tail}`;
  if (hours > 0) return `${sign}${hours}h ${tail}`;
  return minutes > 0 ? sign + tail : `${sign}${formatG(size, 4)}s`;
}
