import { RE2JS } from "re2js";
import type { SampleSource } from "../../aggregator/promql/context.ts";
import type { Matcher, SeriesColumns } from "../../shared/model/columns.ts";
import type { Labels } from "../../shared/model/labels.ts";
import { labelsKey, labelValue } from "../../shared/model/labels.ts";
import { columnBits, setStale } from "../../shared/model/stale.ts";
import type { Point, SeriesLine } from "./promql-format.ts";

/** Samples in memory, as a script loads them; the plainest source there can be. */
export class ScriptStore implements SampleSource {
  readonly #series = new Map<string, { labels: Labels; points: Map<number, Point> }>();

  load(stepMs: number, lines: readonly SeriesLine[]): void {
    for (const { labels, points } of lines) {
      const key = labelsKey(labels);
      const series = this.#series.get(key) ?? { labels, points: new Map<number, Point>() };
      this.#series.set(key, series);
      points.forEach((point, index) => {
        if (point !== "none") series.points.set(index * stepMs, point);
      });
    }
  }

  clear(): void {
    this.#series.clear();
  }

  async select(
    matchers: readonly Matcher[],
    startMs: number,
    endMs: number,
  ): Promise<SeriesColumns[]> {
    const tests = matchers.map(labelTest);
    const selected: SeriesColumns[] = [];
    for (const { labels, points } of this.#series.values()) {
      if (!tests.every((test) => test(labels))) continue;
      const held = [...points].filter(([timeMs]) => timeMs > startMs && timeMs <= endMs);
      held.sort(([a], [b]) => a - b);
      if (held.length > 0) selected.push(columnsOf(labels, held));
    }
    return selected;
  }
}

function columnsOf(labels: Labels, held: readonly (readonly [number, Point])[]): SeriesColumns {
  const times = Float64Array.from(held, ([timeMs]) => timeMs);
  const values = Float64Array.from(held, ([, point]) => (typeof point === "number" ? point : 0));
  const bits = columnBits(values);
  held.forEach(([, point], index) => {
    if (point === "stale") setStale(bits, index);
  });
  return { labels, times, values };
}

function labelTest({ name, type, value }: Matcher): (labels: Labels) => boolean {
  if (type === "=") return (labels) => labelValue(labels, name) === value;
  if (type === "!=") return (labels) => labelValue(labels, name) !== value;
  const pattern = RE2JS.compile(value, RE2JS.DOTALL);
  const wanted = type === "=~";
  return (labels) => pattern.matches(labelValue(labels, name)) === wanted;
}
