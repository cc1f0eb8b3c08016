import { SeriesRow, type SeriesSink } from "../collector.ts";
import { OOM_SPEC } from "./cgroup-specs.ts";

/** For how long OOM kills are told of after their cgroup went: an alert has to see them. */
const KEPT_MS = 300_000;
/** The oldest goes when there are more. */
const KEPT_MAX = 1000;

type Past = { readonly row: SeriesRow; readonly count: number; untilMs: number };

/** OOM kills of cgroups that are gone: often the kill is why they went. */
export class PastKills {
  readonly #sink: SeriesSink;
  readonly #byPath = new Map<string, Past>();

  constructor(sink: SeriesSink) {
    this.#sink = sink;
  }

  /** The cgroup is gone; the tick that follows is the first to tell of it here. */
  begin(
    path: string,
    kills: { readonly count: number; readonly labels: Readonly<Record<string, string>> } | null,
  ): void {
    if (kills === null) return;
    this.end(path);
    const [oldest] = this.#byPath.keys();
    if (this.#byPath.size >= KEPT_MAX && oldest !== undefined) this.end(oldest);
    const row = new SeriesRow(this.#sink, [OOM_SPEC], kills.labels);
    this.#byPath.set(path, { row, count: kills.count, untilMs: Number.NaN });
  }

  /** A cgroup of the same path has the series now. */
  end(path: string): void {
    this.#byPath.get(path)?.row.retire();
    this.#byPath.delete(path);
  }

  set(nowMs: number): void {
    for (const [path, past] of this.#byPath) {
      if (Number.isNaN(past.untilMs)) past.untilMs = nowMs + KEPT_MS;
      if (nowMs >= past.untilMs) this.end(path);
      else past.row.set(0, past.count);
    }
  }
}
