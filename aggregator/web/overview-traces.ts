import type { SeriesColumns, VectorSample } from "../../shared/model/columns.ts";
import { getOrInsert } from "../../shared/model/get-or-insert.ts";
import { INSTANCE, labelValue } from "../../shared/model/labels.ts";
import { rounded } from "./overview-columns.ts";
import {
  type FigureColumn,
  POINT_EVERY_MS,
  POINTS,
  TRACED,
  type Traced,
  type Traces,
} from "./overview-shape.ts";

type Trace = Record<Traced, FigureColumn>;

/** The last hour of each node, a value a minute. Every trace has `POINTS` values, up to `endMs`. */
export class TraceTable {
  readonly #traces = new Map<string, Trace>();
  #endMs = 0;
  #columns: { readonly names: readonly string[]; readonly traces: Traces } | null = null;

  /** The full minute of the newest values; 0: there is none. */
  get endMs(): number {
    return this.#endMs;
  }

  /** Values of one minute, the one after the newest. */
  add(endMs: number, samples: Record<Traced, readonly VectorSample[]>): void {
    this.#moveTo(endMs);
    for (const name of TRACED) {
      for (const { labels, value } of samples[name]) {
        this.#traceOf(labels)[name][POINTS - 1] = rounded(name, value);
      }
    }
  }

  /** Values of several minutes up to `endMs`. */
  fill(endMs: number, series: Record<Traced, readonly SeriesColumns[]>): void {
    this.#moveTo(endMs);
    for (const name of TRACED) {
      for (const { labels, times, values } of series[name]) {
        const column = this.#traceOf(labels)[name];
        times.forEach((timeMs, i) => {
          const place = POINTS - 1 - Math.round((endMs - timeMs) / POINT_EVERY_MS);
          if (place >= 0 && place < POINTS) column[place] = rounded(name, values[i]);
        });
      }
    }
  }

  /** The same object while nothing has changed. Nodes that are not named are forgotten. */
  columns(names: readonly string[]): Traces {
    const known = this.#columns;
    if (known !== null && isSameList(known.names, names)) return known.traces;
    const named = new Set(names);
    for (const name of this.#traces.keys()) if (!named.has(name)) this.#traces.delete(name);
    const traces = { endMs: this.#endMs } as Traces;
    for (const figure of TRACED) {
      traces[figure] = names.flatMap((name) => this.#traces.get(name)?.[figure] ?? noPoints());
    }
    this.#columns = { names, traces };
    return traces;
  }

  #moveTo(endMs: number): void {
    const minutes = Math.min(POINTS, Math.round((endMs - this.#endMs) / POINT_EVERY_MS));
    for (const trace of this.#traces.values()) {
      for (const name of TRACED) {
        trace[name] = [...trace[name].slice(minutes), ...noPoints().slice(POINTS - minutes)];
      }
    }
    this.#endMs = endMs;
    this.#columns = null;
  }

  #traceOf(labels: VectorSample["labels"]): Trace {
    return getOrInsert(this.#traces, labelValue(labels, INSTANCE), () => {
      const [cpu, memory, disk, network] = [noPoints(), noPoints(), noPoints(), noPoints()];
      return { cpu, memory, disk, network };
    });
  }
}

function noPoints(): FigureColumn {
  return new Array<null>(POINTS).fill(null);
}

function isSameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}
