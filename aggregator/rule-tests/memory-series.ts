import type { Matcher, SeriesColumns, VectorSample } from "../../shared/model/columns.ts";
import { getOrInsert } from "../../shared/model/get-or-insert.ts";
import { type Labels, labelsKey } from "../../shared/model/labels.ts";
import { columnBits, setStale } from "../../shared/model/stale.ts";
import { compileMatchers } from "../matching/matcher.ts";
import type { SampleSource } from "../promql/context.ts";
import type { Point } from "./series-notation.ts";

/** Times are ascending Unix milliseconds. */
type Series = { readonly labels: Labels; readonly times: number[]; readonly points: Point[] };

/** Samples in memory: what a test gives, and what its rules record. */
export class MemorySeries implements SampleSource {
  readonly #series = new Map<string, Series>();
  /** By write group what it wrote last. */
  readonly #written = new Map<string, ReadonlyMap<string, Labels>>();
  /** Later samples are not there yet. */
  visibleToMs = Number.POSITIVE_INFINITY;

  /** Points `stepMs` apart; those of a series that is there already are added. */
  load(labels: Labels, points: readonly Point[], startMs: number, stepMs: number): void {
    const series = this.#of(labels);
    for (const [i, point] of points.entries()) {
      if (point !== "none") setPoint(series, startMs + i * stepMs, point);
    }
  }

  clear(): void {
    this.#series.clear();
  }

  /** As the rules' WriteFn: what the group wrote the last time and not now ends. */
  write(group: string, timeMs: number, samples: readonly VectorSample[]): void {
    const now = new Map<string, Labels>();
    for (const { labels, value } of samples) {
      setPoint(this.#of(labels), timeMs, value);
      now.set(labelsKey(labels), labels);
    }
    for (const [key, labels] of this.#written.get(group) ?? []) {
      if (!now.has(key)) setPoint(this.#of(labels), timeMs, "stale");
    }
    this.#written.set(group, now);
  }

  async select(
    matchers: readonly Matcher[],
    startMs: number,
    endMs: number,
  ): Promise<SeriesColumns[]> {
    const isWanted = compileMatchers(matchers);
    const toMs = Math.min(endMs, this.visibleToMs);
    const selected: SeriesColumns[] = [];
    for (const series of this.#series.values()) {
      const { labels, times } = series;
      if (!isWanted(labels)) continue;
      const [from, to] = [placeAfter(times, startMs), placeAfter(times, toMs)];
      if (from < to) selected.push(columnsOf(series, from, to));
    }
    return selected;
  }

  #of(labels: Labels): Series {
    return getOrInsert(this.#series, labelsKey(labels), () => ({ labels, times: [], points: [] }));
  }
}

/** Nearly always it is the newest. */
function setPoint({ times, points }: Series, timeMs: number, point: Point): void {
  const at = placeAfter(times, timeMs);
  const isThere = at > 0 && times[at - 1] === timeMs;
  times.splice(isThere ? at - 1 : at, isThere ? 1 : 0, timeMs);
  points.splice(isThere ? at - 1 : at, isThere ? 1 : 0, point);
}

/** Index of the first time that is later. */
function placeAfter(times: readonly number[], timeMs: number): number {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((times[middle] ?? 0) <= timeMs) low = middle + 1;
    else high = middle;
  }
  return low;
}

function columnsOf({ labels, times, points }: Series, from: number, to: number): SeriesColumns {
  const held = points.slice(from, to);
  const values = Float64Array.from(held, (point) => (typeof point === "number" ? point : 0));
  const bits = columnBits(values);
  for (const [i, point] of held.entries()) if (point === "stale") setStale(bits, i);
  return { labels, times: Float64Array.from(times.slice(from, to)), values };
}
