/** Functions of Loki's templates that make and take times. */

import { fault, fixed, type TemplateFunction, textArg } from "../template/functions.ts";
import { isNumber, type TemplateValue, typeName } from "../template/go-format.ts";
import { formatGoTime, type GoTime, goZone, parseGoTime, UTC } from "../template/go-time.ts";

export function timeValue(time: GoTime): TemplateValue {
  return { kind: "time", time };
}

/** Go's zero time, which is what a text that is none becomes. */
const ZERO: GoTime = { timeUs: -62_135_596_800e6, zone: UTC };

export const TIME_FUNCTIONS: readonly (readonly [string, TemplateFunction])[] = [
  ["date", fixed(2, (layout, time) => formatGoTime(dateArg(time), textArg(layout)))],
  [
    "toDate",
    fixed(2, (layout, text) => timeValue(parseGoTime(textArg(layout), textArg(text), UTC) ?? ZERO)),
  ],
  ["toDateInZone", fixed(3, dateInZone)],
  ["unixEpoch", fixed(1, (time) => epoch(time, 1e6))],
  ["unixEpochMillis", fixed(1, (time) => epoch(time, 1e3))],
  ["unixEpochNanos", fixed(1, (time) => String(BigInt(Math.floor(timeArg(time).timeUs)) * 1000n))],
  ["unixToTime", fixed(1, (text) => timeValue({ timeUs: unixUs(textArg(text)), zone: UTC }))],
];

function dateInZone(...[layout, name, text]: readonly TemplateValue[]): TemplateValue {
  const zone = goZone(textArg(name));
  if (zone === null) throw fault(`unknown time zone ${textArg(name).slice(0, 60)}`);
  return timeValue(parseGoTime(textArg(layout), textArg(text), zone) ?? ZERO);
}

function timeArg(value: TemplateValue = null): GoTime {
  if (typeof value === "object" && value?.kind === "time") return value.time;
  throw fault(`wrong type of argument: ${typeName(value)} where a time is wanted`);
}

/** `date` also takes Unix seconds. */
function dateArg(value: TemplateValue = null): GoTime {
  return isNumber(value) ? { timeUs: Number(value) * 1e6, zone: UTC } : timeArg(value);
}

function epoch(time: TemplateValue | undefined, unitUs: number): string {
  return String(Math.floor(timeArg(time).timeUs / unitUs));
}

/** How many microseconds a unit has, by how many digits such a time has nowadays. */
const UNITS_US = new Map([
  [5, 86_400e6],
  [10, 1e6],
  [13, 1e3],
  [16, 1],
  [19, 1e-3],
]);

/** Microseconds of days, seconds, milliseconds, microseconds or nanoseconds since 1970. */
function unixUs(text: string): number {
  const unitUs = UNITS_US.get(text.length);
  if (unitUs === undefined || !/^\d+$/.test(text)) throw fault(`not a Unix time: "${text}"`);
  return Math.floor(Number(text) * unitUs);
}
