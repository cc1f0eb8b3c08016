import { daysFromCivil } from "../../../shared/model/calendar-day.ts";

const MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec";
const DAY_S = 86_400;
/** `Jan  1 00:00:00 2027 GMT`, as OpenSSL writes it. */
const OPENSSL = /^([A-Z][a-z]{2}) {1,2}(\d{1,2}) (\d\d):(\d\d):(\d\d) (\d{4}) GMT$/;
/** The three forms of RFC 9110, section 5.6.7. */
const IMF = /^[A-Z][a-z]{2}, (\d\d) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d) GMT$/;
const RFC_850 = /^[A-Z][a-z]+day, (\d\d)-([A-Z][a-z]{2})-(\d\d) (\d\d):(\d\d):(\d\d) GMT$/;
const ASCTIME = /^[A-Z][a-z]{2} ([A-Z][a-z]{2}) ([\d ]\d) (\d\d):(\d\d):(\d\d) (\d{4})$/;

/** Unix seconds of a certificate's time; null where it is none. */
export function certificateTime(text: string): number | null {
  const [, month = "", day, hour, minute, second, year] = OPENSSL.exec(text) ?? [];
  return unixSeconds({ year, month, day, clock: [hour, minute, second] });
}

/** Unix seconds of a date in a header of HTTP; null where it is none. */
export function httpTime(text: string): number | null {
  const found = IMF.exec(text);
  if (found !== null) {
    const [, day, month = "", year, ...clock] = found;
    return unixSeconds({ year, month, day, clock });
  }
  const old = RFC_850.exec(text);
  if (old !== null) {
    const [, day, month = "", short = "", ...clock] = old;
    // As Go has it, 69 to 99 are of the last century.
    const year = `${Number(short) >= 69 ? 19 : 20}${short}`;
    return unixSeconds({ year, month, day, clock });
  }
  const [, month = "", day, hour, minute, second, year] = ASCTIME.exec(text) ?? [];
  return unixSeconds({ year, month, day, clock: [hour, minute, second] });
}

type Written = {
  readonly year: string | undefined;
  readonly month: string;
  readonly day: string | undefined;
  readonly clock: readonly (string | undefined)[];
};

function unixSeconds({ year, month, day, clock }: Written): number | null {
  const index = month === "" ? -1 : MONTHS.indexOf(month);
  if (index < 0 || index % 3 !== 0) return null;
  const days = daysFromCivil(Number(year), index / 3 + 1, Number(day));
  const [hour = Number.NaN, minute = 0, second = 0] = clock.map(Number);
  const total = days * DAY_S + hour * 3600 + minute * 60 + second;
  return Number.isFinite(total) ? total : null;
}
