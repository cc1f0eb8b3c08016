import { strict as assert } from "node:assert";
import type { Matcher } from "../../../shared/model/columns.ts";
import { type Labels, labelValue } from "../../../shared/model/labels.ts";
import { compileMatcher } from "../../matching/matcher.ts";
import { costOf, type StoredBlock } from "../stored-block.ts";
import { DAY_US, dayOf } from "./keys.ts";
import type { PackedLines, Stream } from "./streams.ts";

export type LogRetention = {
  /** Lines older than this are dropped, a day at a time. */
  readonly ageMs: number;
  /** When all blocks take more, the oldest days are dropped, but not the last one. */
  readonly bytesMax: number;
  /** Of the first whose matchers all match a stream, its lines have that age. */
  readonly streams: readonly { readonly matchers: readonly Matcher[]; readonly ageMs: number }[];
};

/** What is to be dropped, and why. */
export type Expiry = {
  readonly packed: readonly (readonly [Stream, PackedLines])[];
  readonly hot: readonly StoredBlock[];
};

/** How old lines with these labels may get. @throws OperationalError QUERY for a bad pattern */
export function ageOf({ streams, ageMs }: LogRetention): (labels: Labels) => number {
  const rules = streams.map((rule) => ({
    ageMs: rule.ageMs,
    matchers: rule.matchers.map(compileMatcher),
  }));
  return (labels) => {
    for (const rule of rules) {
      if (rule.matchers.every(({ name, test }) => test(labelValue(labels, name)))) {
        return rule.ageMs;
      }
    }
    return ageMs;
  };
}

/**
 * Blocks all of whose lines are too old: packed ones whose day ended before their stream's age, hot
 * ones when that is so of each of their sources. Age counts from the newest line, if that is before
 * the clock: a clock that jumps ahead must not wipe the store.
 */
export function tooOld(
  streams: Iterable<Stream>,
  hot: readonly StoredBlock[],
  nowMs: number,
  ageMsOf: (labels: Labels) => number,
): Expiry {
  const all = [...streams];
  let newestUs = 0;
  for (const { blocks } of all) {
    for (const { lastUs } of blocks) newestUs = Math.max(newestUs, lastUs);
  }
  const fromUs = Math.min(nowMs * 1000, newestUs);
  const horizonUs = (labels: Labels) => fromUs - ageMsOf(labels) * 1000;
  const packed: [Stream, PackedLines][] = [];
  for (const stream of all) {
    const streamUs = horizonUs(stream.labels);
    for (const block of stream.blocks) {
      if (block.kind === "hot" || (block.day + 1) * DAY_US > streamUs) continue;
      packed.push([stream, block]);
    }
  }
  const isOld = ({ sources }: StoredBlock) =>
    sources.every(({ labels, maxUs }) => maxUs < horizonUs(labels));
  return { packed, hot: hot.filter(isOld) };
}

/** The oldest days, until what is left is not too much; the last day stays. */
export function tooMuch(
  streams: Iterable<Stream>,
  hot: readonly StoredBlock[],
  bytesMax: number,
): Expiry {
  const days = new Map<
    number,
    { bytes: number; packed: [Stream, PackedLines][]; hot: StoredBlock[] }
  >();
  const ofDay = (day: number) => {
    const known = days.get(day) ?? { bytes: 0, packed: [], hot: [] };
    days.set(day, known);
    return known;
  };
  for (const stream of streams) {
    for (const block of stream.blocks) {
      if (block.kind === "hot") continue;
      const day = ofDay(block.day);
      day.bytes += block.bytes;
      day.packed.push([stream, block]);
    }
  }
  for (const block of hot) {
    const day = ofDay(dayOf(Math.max(0, ...block.sources.map(({ maxUs }) => maxUs))));
    day.bytes += costOf(block);
    day.hot.push(block);
  }
  const order = [...days].sort(([a], [b]) => a - b).map(([, day]) => day);
  let left = order.reduce((sum, { bytes }) => sum + bytes, 0);
  const dropped = order.slice(0, -1).filter(({ bytes }) => {
    const isTooMuch = left > bytesMax;
    if (isTooMuch) left -= bytes;
    return isTooMuch;
  });
  assert(left >= 0, "no day is dropped twice");
  return {
    packed: dropped.flatMap((day) => day.packed),
    hot: dropped.flatMap((day) => day.hot),
  };
}
