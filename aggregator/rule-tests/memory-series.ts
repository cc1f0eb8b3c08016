import type { Matcher, SeriesColumns, VectorSample } from "../../shared/model/columns.ts";
import { getOrInsert } from "../../shared/model/get-or-insert.ts";
import { type Labels, labelsKey, labelValue } from "../../shared/model/labels.ts";
import { columnBits, setStale } from "../../shared/model/stale.ts";
import { compileMatcher } from "../matching/matcher.ts";
import type { SampleSource } from "../promql/context.ts";
import type { Point } from "./series-notation.ts";

/** By time, which is Unix milliseconds. */
type Series = { readonly labels: Labels; readonly points: Map<number, Point> };

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
      if (point !== "none") series.points.set(startMs + i * stepMs, point);
    }
  }

  clear(): void {
    this.#series.clear();
  }

  /** As the rules' WriteFn: what the group wrote the last time and not now ends. */
  write(group: string, timeMs: number, samples: readonly VectorSample[]): void {
    const now = new Map<string, Labels>();
    for (const { labels, value } of samples) {
      this.#of(labels).points.set(timeMs, value);
      now.set(labelsKey(labels), labels);
    }
    for (const [key, labels] of this.#written.get(group) ?? []) {
      if (!now.has(key)) this.#of(labels).points.set(timeMs, "stale");
    }
    this.#written.set(group, now);
  }

  async select(
    matchers: readonly Matcher[],
    startMs: number,
    endMs: number,
  ): Promise<SeriesColumns[]> {
    const tests = matchers.map(compileMatcher);
    const toMs = Math.min(endMs, this.visibleToMs);
    const selected: SeriesColumns[] = [];
    for (const { labels, points } of this.#series.values()) {
      if (!tests.every(({ name, test }) => test(labelValue(labels, name)))) continue;
      const held = [...points].filter(([timeMs]) => timeMs > startMs && timeMs <= toMs);
      held.sort(([a], [b]) => a - b);
      if (held.length > 0) selected.push(columnsOf(labels, held));
    }
    return selected;
  }

  #of(labels: Labels): Series {
    return getOrInsert(this.#series, labelsKey(labels), () => ({ labels, points: new Map() }));
  }
}

function columnsOf(labels: Labels, held: readonly (readonly [number, Point])[]): SeriesColumns {
  const times = Float64Array.from(held, ([timeMs]) => timeMs);
  const values = Float64Array.from(held, ([, point]) => (typeof point === "number" ? point : 0));
  const bits = columnBits(values);
  for (const [i, [, point]] of held.entries()) if (point === "stale") setStale(bits, i);
  return { labels, times, values };
}
