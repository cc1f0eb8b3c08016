import { expect, test } from "vitest";
import { msUntilNext } from "../../../shared/time/calendar.ts";

test.each([
  ["*/10 * * * *", "2026-11-21T15:59:59.999Z", "2026-11-21T16:00:00.000Z"],
  ["*/10 * * * *", "2026-11-21T16:00:00.000Z", "2026-11-21T16:10:00.000Z"],
  ["*/10 * * * *", "2026-12-31T23:51:00.500Z", "2027-01-01T00:00:00.000Z"],
  ["5 3 * * *", "2026-03-29T01:30:00.000Z", "2026-03-29T03:05:00.000Z"],
  ["0 0 1 * *", "2028-02-01T00:00:00.000Z", "2028-03-01T00:00:00.000Z"],
])("the next time of %j after %s is %s, wherever the machine is", (line, now, next) => {
  const nowMs = Date.parse(now);
  expect(new Date(nowMs + msUntilNext(line, nowMs)).toISOString()).toBe(next);
});
