import type { OomEvents } from "../../containers/container-facts.ts";
import { SeriesRow, type SeriesSink } from "../collector.ts";
import { OOM_SPEC } from "./cgroup-specs.ts";
import { OomKills } from "./oom-kills.ts";

/** For how long OOM kills are reported after their cgroup went: an alert has to see them. */
const KEPT_MS = 300_000;
/** The oldest goes when there are more. */
const KEPT_MAX = 1000;

/** What is left of a cgroup that is gone. */
export type Ended = {
  readonly kills: OomKills;
  /** Null: they never became known. Nothing is reported, but the next cgroup goes on counting. */
  readonly labels: Readonly<Record<string, string>> | null;
  /** Whose runtime may report more; null: no container's. */
  readonly containerId: string | null;
};

type Past = Ended & { readonly row: SeriesRow | null; untilMs: number };

/** OOM kills of cgroups that are gone, and often that is why. The runtime's event may come later. */
export class PastKills {
  readonly #sink: SeriesSink;
  readonly #eventsOf: (containerId: string) => OomEvents | null;
  readonly #byPath = new Map<string, Past>();

  constructor(sink: SeriesSink, eventsOf: (containerId: string) => OomEvents | null) {
    this.#sink = sink;
    this.#eventsOf = eventsOf;
  }

  /** The cgroup is gone; the tick that follows is the first to report its kills from here. */
  begin(path: string, ended: Ended): void {
    this.#remove(path);
    if (ended.kills.count <= 0 && ended.containerId === null) return;
    const [oldest] = this.#byPath.keys();
    if (this.#byPath.size >= KEPT_MAX && oldest !== undefined) this.#remove(oldest);
    const { labels } = ended;
    const row = labels === null ? null : new SeriesRow(this.#sink, [OOM_SPEC], labels);
    this.#byPath.set(path, { ...ended, row, untilMs: Number.NaN });
  }

  /** A cgroup of the same path has the series now, and goes on counting from what is returned. */
  takeOver(path: string): OomKills {
    const past = this.#byPath.get(path);
    if (past === undefined) return new OomKills();
    this.#hear(past);
    past.kills.beginAnew();
    this.#remove(path);
    return past.kills;
  }

  set(nowMs: number): void {
    for (const [path, past] of this.#byPath) {
      if (Number.isNaN(past.untilMs)) past.untilMs = nowMs + KEPT_MS;
      this.#hear(past);
      if (nowMs >= past.untilMs) this.#remove(path);
      else if (past.kills.count > 0) past.row?.set(0, past.kills.count);
    }
  }

  #hear({ kills, containerId }: Past): void {
    if (containerId !== null) kills.hear(this.#eventsOf(containerId));
  }

  #remove(path: string): void {
    this.#byPath.get(path)?.row?.retire();
    this.#byPath.delete(path);
  }
}
