import { SeriesRow, type SeriesSink } from "../collector.ts";
import { OOM_SPEC } from "./cgroup-specs.ts";

/** For how long OOM kills are told of after their cgroup went: an alert has to see them. */
const KEPT_MS = 300_000;
/** The oldest goes when there are more. */
const KEPT_MAX = 1000;

/** OOM kills of a cgroup and of those before it under the same path. */
export type Kills = {
  readonly count: number;
  readonly labels: Readonly<Record<string, string>>;
  /** Whose runtime may tell of more; null: no container's. */
  readonly containerId: string | null;
};

type Past = { readonly kills: Kills; readonly row: SeriesRow; untilMs: number };

/**
 * OOM kills of cgroups that are gone, and often that is why. The kernel's count goes with the cgroup,
 * and where the first process was killed nobody has read it: then the runtime's events tell, which
 * may come later.
 */
export class PastKills {
  readonly #sink: SeriesSink;
  readonly #eventsOf: (containerId: string) => number | null;
  readonly #byPath = new Map<string, Past>();

  constructor(sink: SeriesSink, eventsOf: (containerId: string) => number | null) {
    this.#sink = sink;
    this.#eventsOf = eventsOf;
  }

  /** The cgroup is gone; the tick that follows is the first to tell of it here. */
  begin(path: string, kills: Kills | null): void {
    this.takeOver(path);
    if (kills === null || (kills.count === 0 && kills.containerId === null)) return;
    const [oldest] = this.#byPath.keys();
    if (this.#byPath.size >= KEPT_MAX && oldest !== undefined) this.takeOver(oldest);
    const row = new SeriesRow(this.#sink, [OOM_SPEC], kills.labels);
    this.#byPath.set(path, { kills, row, untilMs: Number.NaN });
  }

  /** A cgroup of the same path has the series now, and goes on from what is returned. */
  takeOver(path: string): number {
    const past = this.#byPath.get(path);
    if (past === undefined) return 0;
    this.#byPath.delete(path);
    past.row.retire();
    return this.#countOf(past.kills);
  }

  set(nowMs: number): void {
    for (const [path, past] of this.#byPath) {
      if (Number.isNaN(past.untilMs)) past.untilMs = nowMs + KEPT_MS;
      const count = this.#countOf(past.kills);
      if (nowMs >= past.untilMs) this.takeOver(path);
      else if (count > 0) past.row.set(0, count);
    }
  }

  #countOf({ count, containerId }: Kills): number {
    const events = containerId === null ? null : this.#eventsOf(containerId);
    return Math.max(count, events ?? 0);
  }
}
