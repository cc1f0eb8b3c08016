import { readlinkSync } from "node:fs";
import { join } from "node:path";
import { calendarDay, dayOfWeek, daysInMonth } from "../../../shared/model/calendar-day.ts";
import { type Collector, gauge } from "../collector.ts";
import { type CollectContext, hostPath } from "../context.ts";
import { readingCollector } from "../kit/reading.ts";
import { readSmallBytes } from "../kit/small-file.ts";

const ZONE = gauge("node_time_zone_offset_seconds", "Seconds that local time is ahead of UTC.");
const ZONES = "/usr/share/zoneinfo";
const ZONE_PATH = /\/zoneinfo\/((?:[A-Za-z0-9_+-]+\/){0,3}[A-Za-z0-9_+-]+)$/;

/** The host's time zone; in node_exporter part of its collector time. */
export function timeZoneCollector(context: CollectContext): Collector {
  return readingCollector(context, "time_zone", [ZONE], (reading, nowMs) => {
    const bytes = readSmallBytes(zonePath(context));
    const zone = (bytes && zoneOffset(bytes, nowMs / 1000)) ?? UTC;
    reading.set(ZONE, { time_zone: zone.name }, zone.seconds);
  });
}

/** A link to the zone's file is followed below the host's root, not ours. */
function zonePath(context: CollectContext): string {
  const path = hostPath(context, "/etc/localtime");
  try {
    const zone = ZONE_PATH.exec(readlinkSync(path))?.[1];
    return zone === undefined ? path : hostPath(context, join(ZONES, zone));
  } catch {
    // No link: the file itself, or none.
    return path;
  }
}

/** The time zone at a moment: seconds east of Greenwich, and what it is called. */
type ZoneOffset = { readonly seconds: number; readonly name: string };

const HEADER_BYTES = 44;
const COUNTS_AT = 20;
const TYPE_BYTES = 6;
const UTC: ZoneOffset = { seconds: 0, name: "UTC" };

/** How many times and types there are, and where they and the names stand. */
type Block = NonNullable<ReturnType<typeof readBlock>>;

/**
 * Reads a compiled time zone (/etc/localtime) at `nowSeconds`; null when it is none. Behind the last
 * change that the file lists, the rule in its last line holds. Source: RFC 8536.
 */
export function zoneOffset(bytes: Buffer, nowSeconds: number): ZoneOffset | null {
  const first = readBlock(bytes, 0, 4);
  if (first === null) return null;
  const isOld = bytes[4] === 0;
  const block = isOld ? first : readBlock(bytes, first.end, 8);
  if (block === null) return null;
  let last = -1;
  for (let i = 0; i < block.times && timeAt(bytes, block, i) <= nowSeconds; i += 1) last = i;
  if (!isOld && last === block.times - 1) {
    const footer = bytes.toString("latin1", block.end + 1, block.end + 1 + FOOTER_BYTES_MAX);
    const ruled = ruleOffset(footer.split("\n", 1)[0] ?? "", nowSeconds);
    if (ruled !== null) return ruled;
  }
  const type = last < 0 ? 0 : (bytes[block.timesAt + block.times * block.timeBytes + last] ?? 0);
  return type < block.types ? typeOffset(bytes, block, type) : UTC;
}

const FOOTER_BYTES_MAX = 256;

function readBlock(bytes: Buffer, at: number, timeBytes: 4 | 8) {
  if (bytes.length < at + HEADER_BYTES || bytes.toString("latin1", at, at + 4) !== "TZif") {
    return null;
  }
  const count = (index: number) => bytes.readUInt32BE(at + COUNTS_AT + index * 4);
  const [isUtc, isStandard, leaps] = [count(0), count(1), count(2)];
  const [times, types, characters] = [count(3), count(4), count(5)];
  const timesAt = at + HEADER_BYTES;
  const typesAt = timesAt + times * (timeBytes + 1);
  const namesAt = typesAt + types * TYPE_BYTES;
  const end = namesAt + characters + leaps * (timeBytes + 4) + isStandard + isUtc;
  if (end > bytes.length || types === 0) return null;
  return { timeBytes, times, types, timesAt, typesAt, namesAt, end };
}

function timeAt(bytes: Buffer, { timesAt, timeBytes }: Block, index: number): number {
  const at = timesAt + index * timeBytes;
  return timeBytes === 4 ? bytes.readInt32BE(at) : Number(bytes.readBigInt64BE(at));
}

function typeOffset(bytes: Buffer, { typesAt, namesAt, end }: Block, type: number): ZoneOffset {
  const at = typesAt + type * TYPE_BYTES;
  const nameAt = namesAt + (bytes[at + 5] ?? 0);
  const nameEnd = bytes.indexOf(0, nameAt);
  const name = bytes.toString("latin1", nameAt, Math.min(nameEnd < 0 ? end : nameEnd, end));
  return { seconds: bytes.readInt32BE(at), name };
}

const NAME = "([A-Za-z]{3,10}|<[A-Za-z0-9+-]{1,10}>)";
const TIME = "([+-]?\\d{1,3}(?::\\d\\d){0,2})";
const DATE = `,([MJ\\d][\\d.]*)(?:/${TIME})?`;
const RULE = new RegExp(`^${NAME}${TIME}(?:${NAME}${TIME}?(?:${DATE}${DATE})?)?$`);
const HOUR = 3600;
const DAY = 24 * HOUR;

/** A rule such as `CET-1CEST,M3.5.0,M10.5.0/3`. Source: POSIX, environment variable TZ. */
function ruleOffset(rule: string, nowSeconds: number): ZoneOffset | null {
  const match = RULE.exec(rule);
  if (match === null) return null;
  const [, name = "", west = "0", summerName, summerWest, from, fromTime, to, toTime] = match;
  const standard = { seconds: -secondsOf(west), name: bare(name) };
  if (summerName === undefined || from === undefined || to === undefined) return standard;
  const summer = {
    seconds: summerWest === undefined ? standard.seconds + HOUR : -secondsOf(summerWest),
    name: bare(summerName),
  };
  const { year } = calendarDay(nowSeconds + standard.seconds);
  const start = changeAt(from, fromTime, year) - standard.seconds;
  const end = changeAt(to, toTime, year) - summer.seconds;
  const isSummer =
    start < end ? nowSeconds >= start && nowSeconds < end : nowSeconds < end || nowSeconds >= start;
  return isSummer ? summer : standard;
}

function bare(name: string): string {
  return name.replace(/[<>]/g, "");
}

function secondsOf(text: string): number {
  const [hours = 0, minutes = 0, seconds = 0] = text.replace(/[+-]/, "").split(":").map(Number);
  const size = hours * HOUR + minutes * 60 + seconds;
  return text.startsWith("-") ? -size : size;
}

/** Local seconds since 1970 at which the rule's date has come. */
function changeAt(date: string, time: string | undefined, year: number): number {
  return dayOf(date, year) * DAY + secondsOf(time ?? "2");
}

/** `Mm.w.d`: day d of week w (5: the last) of month m; `Jn`, `n`: a day of the year. */
function dayOf(date: string, year: number): number {
  const newYear = daysUntil(year, 1, 1);
  const isLeap = daysUntil(year + 1, 1, 1) - newYear === 366;
  if (!date.startsWith("M")) {
    const isJulian = date.startsWith("J");
    const day = Number.parseInt(isJulian ? date.slice(1) : date, 10) || 0;
    // Jn never counts the 29th of February.
    if (!isJulian) return newYear + day;
    return newYear + day - 1 + (isLeap && day >= 60 ? 1 : 0);
  }
  const [month = 1, week = 1, weekday = 0] = date.slice(1).split(".").map(Number);
  const firstWeekday = dayOfWeek(daysUntil(year, month, 1) * DAY);
  const day = ((weekday - firstWeekday + 7) % 7) + (week - 1) * 7;
  return daysUntil(year, month, 1) + (day < daysInMonth({ year, month, day: 1 }) ? day : day - 7);
}

/** Days from 1970-01-01. */
function daysUntil(year: number, month: number, day: number): number {
  // biome-ignore lint/style/noRestrictedGlobals: arithmetic only, it does not ask what time it is
  return Date.UTC(year, month - 1, day) / (DAY * 1000);
}
