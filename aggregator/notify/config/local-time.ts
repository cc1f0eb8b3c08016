import { OperationalError } from "../../../shared/errors.ts";
import { daysFromCivil } from "../../../shared/model/calendar-day.ts";
import { getOrInsert } from "../../../shared/model/get-or-insert.ts";

/** What clock and calendar of a time zone show. `month` and `day` from 1, Sunday is 0. */
export type LocalTime = {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly weekday: number;
  readonly minuteOfDay: number;
};

/** The zone of the machine, as Alertmanager's configuration calls it. */
const LOCAL = "Local";
const THURSDAY = 4; // 1970-01-01

/** Making one takes as long as a hundred uses of it. */
const formats = new Map<string, Intl.DateTimeFormat>();

/** @throws OperationalError PARSE when there is no such zone */
export function checkZone(zone: string): void {
  formatOf(zone);
}

/** @param zone of the IANA database, or `Local` */
export function localTime(timeMs: number, zone: string): LocalTime {
  const parts = new Map<string, number>();
  for (const { type, value } of formatOf(zone).formatToParts(timeMs)) {
    if (type !== "literal") parts.set(type, Number(value));
  }
  const part = (name: string) => parts.get(name) ?? 0;
  const [year, month, day] = [part("year"), part("month"), part("day")];
  const weekday = (daysFromCivil(year, month, day) + THURSDAY) % 7;
  return { year, month, day, weekday, minuteOfDay: part("hour") * 60 + part("minute") };
}

function formatOf(zone: string): Intl.DateTimeFormat {
  return getOrInsert(formats, zone, () => {
    try {
      return new Intl.DateTimeFormat("en-US-u-ca-iso8601-nu-latn", {
        ...(zone === LOCAL ? {} : { timeZone: zone }),
        hourCycle: "h23",
        year: "numeric",
        month: "numeric",
        day: "numeric",
        hour: "numeric",
        minute: "numeric",
      });
    } catch (cause) {
      if (!(cause instanceof RangeError)) throw cause;
      throw new OperationalError("PARSE", `unknown time zone "${zone}"`, { cause });
    }
  });
}
