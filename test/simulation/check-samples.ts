import type { SeriesColumns } from "../../shared/model/columns.ts";
import { formatLabels, labelsKey, withLabel } from "../../shared/model/labels.ts";
import { columnBits, isStale } from "../../shared/model/stale.ts";
import { epochOfSeq } from "../../shared/wire/frame.ts";
import type { AgentJournal, Tick } from "./journal.ts";

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
  const made = ticksByTime(journal.ticks);
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
      const ticks = made.get(timeMs) ?? [];
      if (ticks.some((tick) => Object.is(tick.values.get(key), value))) continue;
      const known = ticks.map((tick) => tick.values.get(key)).join(" or ") || "nothing";
      say(`${formatLabels(labels)} @${timeMs} is ${value}, was ${known}`);
    }
  }
  for (const tick of owed) {
    // Where the clock went back two ticks may have one time; the series may have ended in either.
    const others = made.get(tick.timeMs) ?? [];
    const missing = [...tick.values.keys()].filter((key) => {
      return !stored.get(key)?.has(tick.timeMs) && others.every(({ values }) => values.has(key));
    });
    if (missing.length === 0) continue;
    say(
      `tick ${seqText(tick)} @${tick.timeMs} of life ${tick.life} lacks ${missing.length} of ` +
        `${tick.values.size} samples`,
    );
  }
  if (hasMarkers) checkEnds(owed, made, stale, say);
  return found;
}

function checkEnds(
  owed: readonly Tick[],
  times: ReadonlyMap<number, readonly Tick[]>,
  stale: ReadonlyMap<string, ReadonlySet<number>>,
  say: (what: string) => void,
): void {
  for (const [index, tick] of owed.entries()) {
    const next = owed[index + 1];
    if (next?.seq !== tick.seq + 1 || times.get(next.timeMs)?.length !== 1) continue;
    for (const key of tick.values.keys()) {
      if (next.values.has(key)) {
        if (stale.get(key)?.has(next.timeMs)) say(`${key} is ended at ${next.timeMs}, and is not`);
      } else if (!stale.get(key)?.has(next.timeMs)) {
        say(`${key} ended before ${next.timeMs} and is not marked`);
      }
    }
  }
}

function ticksByTime(ticks: readonly Tick[]): Map<number, Tick[]> {
  const byTime = new Map<number, Tick[]>();
  for (const tick of ticks) {
    const others = byTime.get(tick.timeMs);
    if (others === undefined) byTime.set(tick.timeMs, [tick]);
    else others.push(tick);
  }
  return byTime;
}

export function seqText({ seq }: { readonly seq: number }): string {
  return `${epochOfSeq(seq)}/${seq % 2 ** 32}`;
}
