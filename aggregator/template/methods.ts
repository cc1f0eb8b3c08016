/** Methods of Go's time.Time and time.Duration. Source: pkg.go.dev/time. */

import { fault, fixed, type TemplateFunction, textArg } from "./functions.ts";
import { goDurationText } from "./go-duration.ts";
import { type TemplateValue, typeName } from "./go-format.ts";
import { formatGoTime, type GoTime, UTC } from "./go-time.ts";

/** By the name of their type; their first argument is the value that they are called on. */
export type Methods = ReadonlyMap<string, ReadonlyMap<string, TemplateFunction>>;

/** Go's zero time. */
export const ZERO_TIME_US = -62_135_596_800e6;

export function timeArg(value: TemplateValue = null): GoTime {
  if (typeof value === "object" && value?.kind === "time") return value.time;
  throw fault(`wrong type of argument: ${typeName(value)} where a time is wanted`);
}

function secondsArg(value: TemplateValue = null): number {
  if (typeof value === "object" && value?.kind === "duration") return value.seconds;
  throw fault(`wrong type of argument: ${typeName(value)} where a duration is wanted`);
}

/** The seconds from one time to another. */
export function durationBetween(from: GoTime, to: GoTime): TemplateValue {
  return { kind: "duration", seconds: (to.timeUs - from.timeUs) / 1e6 };
}

/** The process has no zone of its own: its local time is UTC. */
const inUtc = fixed(1, (time) => ({
  kind: "time" as const,
  time: { timeUs: timeArg(time).timeUs, zone: UTC },
}));

function part(layout: string): TemplateFunction {
  return fixed(1, (time) => BigInt(formatGoTime(timeArg(time), layout)));
}

function name(layout: string): TemplateFunction {
  return fixed(1, (time) => formatGoTime(timeArg(time), layout));
}

function epoch(unitUs: number): TemplateFunction {
  return fixed(1, (time) => BigInt(Math.floor(timeArg(time).timeUs / unitUs)));
}

function compared(test: (a: number, b: number) => boolean): TemplateFunction {
  return fixed(2, (a, b) => test(timeArg(a).timeUs, timeArg(b).timeUs));
}

function inUnit(seconds: number): TemplateFunction {
  return fixed(1, (duration) => secondsArg(duration) / seconds);
}

function whole(perSecond: number): TemplateFunction {
  return fixed(1, (duration) => BigInt(Math.trunc(secondsArg(duration) * perSecond)));
}

function addedTo(time: TemplateValue = null, duration: TemplateValue = null): TemplateValue {
  const { timeUs, zone } = timeArg(time);
  return { kind: "time", time: { timeUs: timeUs + secondsArg(duration) * 1e6, zone } };
}

/** Half a unit goes away from zero, as in Go. */
function roundedTo(value: TemplateValue = null, unit: TemplateValue = null): TemplateValue {
  const [seconds, step] = [secondsArg(value), secondsArg(unit)];
  if (step <= 0) return value;
  const size = Math.round(Math.abs(seconds) / step) * step;
  return { kind: "duration", seconds: Math.sign(seconds) * size };
}

function cutTo(value: TemplateValue = null, unit: TemplateValue = null): TemplateValue {
  const [seconds, step] = [secondsArg(value), secondsArg(unit)];
  return step <= 0 ? value : { kind: "duration", seconds: Math.trunc(seconds / step) * step };
}

export const TIME_METHODS: Methods = new Map([
  [
    "time.Time",
    new Map([
      ["Format", fixed(2, (time, layout) => formatGoTime(timeArg(time), textArg(layout)))],
      ["String", name("2006-01-02 15:04:05.999999999 -0700 MST")],
      ["UTC", inUtc],
      ["Local", inUtc],
      ["Unix", epoch(1e6)],
      ["UnixMilli", epoch(1e3)],
      ["UnixMicro", epoch(1)],
      ["UnixNano", fixed(1, (time) => BigInt(Math.floor(timeArg(time).timeUs)) * 1000n)],
      ["Year", part("2006")],
      ["Month", name("January")],
      ["Day", part("2")],
      ["YearDay", part("002")],
      ["Weekday", name("Monday")],
      ["Hour", part("15")],
      ["Minute", part("4")],
      ["Second", part("5")],
      ["IsZero", fixed(1, (time) => timeArg(time).timeUs === ZERO_TIME_US)],
      ["Before", compared((a, b) => a < b)],
      ["After", compared((a, b) => a > b)],
      ["Equal", compared((a, b) => a === b)],
      ["Add", fixed(2, addedTo)],
      ["Sub", fixed(2, (time, other) => durationBetween(timeArg(other), timeArg(time)))],
    ]),
  ],
  [
    "time.Duration",
    new Map([
      ["String", fixed(1, (duration) => goDurationText(secondsArg(duration)))],
      ["Seconds", inUnit(1)],
      ["Minutes", inUnit(60)],
      ["Hours", inUnit(3600)],
      ["Milliseconds", whole(1e3)],
      ["Nanoseconds", whole(1e9)],
      ["Round", fixed(2, roundedTo)],
      ["Truncate", fixed(2, cutTo)],
    ]),
  ],
]);
