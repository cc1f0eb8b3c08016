import { CronTime } from "cron";

/**
 * Milliseconds until the next of the times that a crontab line names, in UTC: always above 0.
 * @param line minute, hour, day of month, month and day of week
 */
export function msUntilNext(line: string, nowMs: number): number {
  // biome-ignore lint/style/noRestrictedGlobals: a conversion, reads no clock
  const now = new Date(nowMs);
  return new CronTime(line, "UTC").getNextDateFrom(now, "UTC").toMillis() - nowMs;
}
