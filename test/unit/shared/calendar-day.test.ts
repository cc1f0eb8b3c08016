import fc from "fast-check";
import { expect, test } from "vitest";
import {
  calendarDay,
  dayOfWeek,
  dayOfYear,
  daysInMonth,
  secondOfDay,
} from "../../../shared/model/calendar-day.ts";

test("days, months, years and weekdays agree with the runtime's own calendar", () => {
  const unixS = fc.integer({ min: -6e10, max: 6e10 });
  fc.assert(
    fc.property(unixS, (second) => {
      const date = new Date(second * 1000);
      const day = calendarDay(second);
      const year = date.getUTCFullYear();
      expect(day).toEqual({ year, month: date.getUTCMonth() + 1, day: date.getUTCDate() });
      expect(dayOfWeek(second)).toBe(date.getUTCDay());
      expect(daysInMonth(day)).toBe(new Date(Date.UTC(year, day.month, 0)).getUTCDate());
      const sinceNewYear =
        Date.UTC(year, date.getUTCMonth(), date.getUTCDate()) - Date.UTC(year, 0);
      expect(dayOfYear(day)).toBe(sinceNewYear / 86_400_000 + 1);
      expect(secondOfDay(second)).toBe(
        date.getUTCHours() * 3600 + date.getUTCMinutes() * 60 + date.getUTCSeconds(),
      );
    }),
  );
});
