import type { SeriesColumns } from "../../shared/model/columns.ts";
import { formatLabels, labelsKey, withLabel } from "../../shared/model/labels.ts";
import { epochOfSeq } from "../../shared/model/sequence.ts";
import { columnBits, isStale } from "../../shared/model/stale.ts";
import type { AgentJournal, Tick } from "./journal.ts";
import type { SourceReading } from "./source.ts";

const FOUND_MAX = 5;

/**
 * Promises 1 and 2 for one agent: what the aggregator answers is what the source gave. Every tick
 * that is owed is there with every value, bit for bit; nothing is there that was not made; no time
 * twice; a series that ended is marked at the tick that no longer had it, where the columns come
 * with markers.
 */
export function checkSamples(
  journal: AgentJournal,
  columns: readonly SeriesColumns[],
  { owed, hasMarkers }: { readonly owed: readonly Tick[]; readonly hasMarkers: boolean },
): string[] {
  const found: string[] = [];
  const say = (what: string) => {
    if (found.length < FOUND_MAX) found.push(`${journal.agent}: ${what}`);
  };
  const made = readingsByTime(journal.ticks);
  const stored = new Map<string, Map<number, number>>();
  const stale = new Map<string, Set<number>>();
  for (const series of columns) {
    const labels = withLabel(series.labels, "instance", "");
    const key = labelsKey(labels);
    if (stored.has(key)) say(`${formatLabels(labels)} is there twice`);
    const bits = columnBits(series.values);
    const values = new Map<number, number>();
    const ends = new Set<number>();
    let before = Number.NEGATIVE_INFINITY;
    series.times.forEach((timeMs, index) => {
      if (timeMs <= before) say(`${formatLabels(labels)} has ${timeMs} after ${before}`);
      before = timeMs;
      if (isStale(bits, index)) ends.add(timeMs);
      else values.set(timeMs, series.values[index] ?? 0);
    });
    stored.set(key, values);
    stale.set(key, ends);
    for (const [timeMs, value] of values) {
      const readings = made.get(timeMs) ?? [];
      if (readings.some((reading) => Object.is(reading.values.get(key), value))) continue;
      const known = readings.map((reading) => reading.values.get(key)).join(" or ") || "nothing";
      say(`${formatLabels(labels)} @${timeMs} is ${value}, was ${known}`);
    }
  }
  for (const tick of owed) {
    for (const { group, timeMs, values } of tick.readings) {
      // Where the clock went back two readings may have one time; the series may have ended in either.
      const others = (made.get(timeMs) ?? []).filter((other) => other.group === group);
      const missing = [...values.keys()].filter((key) => {
        return !stored.get(key)?.has(timeMs) && others.every((other) => other.values.has(key));
      });
      if (missing.length === 0) continue;
      say(
        `tick ${seqText(tick)} @${timeMs} of life ${tick.life} lacks ${missing.length} of ` +
          `${values.size} samples of group ${group}`,
      );
    }
  }
  if (hasMarkers) checkEnds(owed, made, stale, say);
  return found;
}

function checkEnds(
  owed: readonly Tick[],
  times: ReadonlyMap<number, readonly SourceReading[]>,
  stale: ReadonlyMap<string, ReadonlySet<number>>,
  say: (what: string) => void,
): void {
  /** By group: its last reading in the frames without a gap up to here. */
  const last = new Map<number, SourceReading>();
  let before: Tick | undefined;
  for (const tick of owed) {
    if (tick.seq - 1 !== before?.seq) last.clear();
    before = tick;
    for (const next of tick.readings) {
      const keys = last.get(next.group)?.values.keys() ?? [];
      last.set(next.group, next);
      if (times.get(next.timeMs)?.length !== 1) continue;
      for (const key of keys) {
        const isMarked = stale.get(key)?.has(next.timeMs) ?? false;
        if (next.values.has(key) !== isMarked) continue;
        if (isMarked) say(`${key} is ended at ${next.timeMs}, and is not`);
        else say(`${key} ended before ${next.timeMs} and is not marked`);
      }
    }
  }
}

function readingsByTime(ticks: readonly Tick[]): Map<number, SourceReading[]> {
  const byTime = new Map<number, SourceReading[]>();
  for (const reading of ticks.flatMap(({ readings }) => readings)) {
    const others = byTime.get(reading.timeMs);
    if (others === undefined) byTime.set(reading.timeMs, [reading]);
    else others.push(reading);
  }
  return byTime;
}

export function seqText({ seq }: { readonly seq: number }): string {
  return `${epochOfSeq(seq)}/${seq % 2 ** 32}`;
}
