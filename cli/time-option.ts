import { InvalidArgumentError } from "commander";
import { errorMessage } from "../shared/errors.ts";
import { parseDuration } from "../shared/model/duration.ts";
import { parseRfc3339, TIME_MAX_MS } from "../shared/model/rfc3339.ts";

const UNIX_SECONDS = /^\d+(?:\.\d+)?$/;

/**
 * A time on the command line as Unix milliseconds: `now`, `-1h` (before now), RFC 3339 or Unix
 * seconds.
 * @throws InvalidArgumentError saying what is allowed
 */
export function parseTimeOption(text: string, nowMs: number): number {
  if (text === "now") return nowMs;
  const timeMs = UNIX_SECONDS.test(text) ? Math.round(Number(text) * 1000) : parseRfc3339(text);
  if (timeMs !== null && timeMs <= TIME_MAX_MS) return timeMs;
  const [, ago] = /^(?:now)?-(.+)$/.exec(text) ?? [];
  if (ago !== undefined) return nowMs - parseDurationOption(ago);
  throw new InvalidArgumentError(
    `Not a time: "${text}" (write it as now, -1h, 2026-01-31T12:00:00Z or Unix seconds)`,
  );
}

/** @throws InvalidArgumentError */
export function parseDurationOption(text: string): number {
  try {
    return parseDuration(text);
  } catch (error) {
    throw new InvalidArgumentError(errorMessage(error));
  }
}

const NICE_STEPS_S = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600, 43_200,
];
const POINTS = 250;

/** A round step that gives at most so many points: enough for a line of a terminal. */
export function chooseStep(startMs: number, endMs: number): number {
  const wantedS = (endMs - startMs) / 1000 / POINTS;
  const nice = NICE_STEPS_S.find((stepS) => stepS >= wantedS);
  return (nice ?? Math.ceil(wantedS / 86_400) * 86_400) * 1000;
}
