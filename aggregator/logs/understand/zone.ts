import { OperationalError } from "../../../shared/errors.ts";
import { WordTable } from "./word-table.ts";

const MINUTE_US = 60e6;
const DAY_US = 86_400e6;

/** The zone of times that do not say theirs. */
export type Zone = {
  /**
   * Minutes east of UTC at a wall-clock time, given as microseconds as if it were UTC. Of an hour
   * that comes twice when summer time ends, the one nearer to `nearUs` (UTC) is meant.
   */
  offsetMinutes(localUs: number, nearUs: number): number;
};

export const UTC: Zone = { offsetMinutes: () => 0 };

/**
 * A zone by its IANA name (`Europe/Berlin`) or as `UTC` or `+02:00`.
 * @throws OperationalError CONFIG when there is no such zone
 */
export function createZone(name: string): Zone {
  const [, sign, hours, minutes] = /^([+-])(\d\d):?(\d\d)$/.exec(name) ?? [];
  if (sign !== undefined) {
    const fixed = (Number(hours) * 60 + Number(minutes)) * (sign === "-" ? -1 : 1);
    if (Math.abs(fixed) > 14 * 60) throw new OperationalError("CONFIG", `No zone: "${name}"`);
    return { offsetMinutes: () => fixed };
  }
  if (/^(utc|gmt|z)$/i.test(name)) return UTC;
  try {
    return new NamedZone(name);
  } catch (cause) {
    throw new OperationalError("CONFIG", `No zone: "${name}"`, { cause });
  }
}

class NamedZone implements Zone {
  readonly #format: Intl.DateTimeFormat;
  /** Of the last local day that was asked for: NaN when its offset changes near it. */
  #day = Number.NaN;
  #dayOffset = Number.NaN;

  constructor(timeZone: string) {
    this.#format = new Intl.DateTimeFormat("en-US", { timeZone, timeZoneName: "longOffset" });
  }

  offsetMinutes(localUs: number, nearUs: number): number {
    const day = Math.floor(localUs / DAY_US);
    if (day !== this.#day) {
      const before = this.#offsetAt((day - 1) * DAY_US);
      this.#dayOffset = before === this.#offsetAt((day + 2) * DAY_US) ? before : Number.NaN;
      this.#day = day;
    }
    return Number.isNaN(this.#dayOffset) ? this.#nearChange(localUs, nearUs) : this.#dayOffset;
  }

  #nearChange(localUs: number, nearUs: number): number {
    const before = this.#offsetAt(localUs - 1.5 * DAY_US);
    const after = this.#offsetAt(localUs + 1.5 * DAY_US);
    const isBefore = this.#offsetAt(localUs - before * MINUTE_US) === before;
    const isAfter = this.#offsetAt(localUs - after * MINUTE_US) === after;
    if (!isAfter) return before; // also in the hour that is left out in spring
    if (!isBefore) return after;
    const distance = (offset: number) => Math.abs(localUs - offset * MINUTE_US - nearUs);
    return distance(after) < distance(before) ? after : before;
  }

  #offsetAt(utcUs: number): number {
    const parts = this.#format.formatToParts(utcUs / 1000);
    const name = parts.find(({ type }) => type === "timeZoneName")?.value ?? "";
    const [, sign = "+", hours = "0", minutes = "0"] = /([+-])(\d+):?(\d+)?/.exec(name) ?? [];
    return (Number(hours) * 60 + Number(minutes)) * (sign === "-" ? -1 : 1);
  }
}

/**
 * Minutes east of UTC by abbreviation, as PostgreSQL's default set has them; what stands for two
 * zones (IST, BST, CST) is the one that it names.
 */
export const ZONE_ABBREVIATIONS = new WordTable<number>([
  ...Object.entries({ utc: 0, gmt: 0, z: 0, wet: 0, west: 60, bst: 60, cet: 60, cest: 120 }),
  ...Object.entries({ met: 60, mest: 120, eet: 120, eest: 180, msk: 180, ist: 330, sast: 120 }),
  ...Object.entries({ est: -300, edt: -240, cst: -360, cdt: -300, mst: -420, mdt: -360 }),
  ...Object.entries({ pst: -480, pdt: -420, akst: -540, akdt: -480, hst: -600, brt: -180 }),
  ...Object.entries({ jst: 540, kst: 540, hkt: 480, sgt: 480, awst: 480, acst: 570, aest: 600 }),
  ...Object.entries({ aedt: 660, acdt: 630, nzst: 720, nzdt: 780 }),
]);
