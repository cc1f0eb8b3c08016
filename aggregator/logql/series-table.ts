import { dropLabels, type Labels, labelsFrom, labelsKey } from "../../shared/model/labels.ts";
import type { Meter } from "../query/meter.ts";
import type { Grouping } from "./ast.ts";
import type { LineLabels } from "./line-labels.ts";

type SeriesTableOptions<T> = {
  readonly grouping: Grouping | null;
  /** The label that is the sample's value: it tells no series apart. */
  readonly unwrapped: string | null;
  readonly make: () => T;
  readonly meter: Meter;
};

/** One entry for each label set that lines have in what they are grouped by. */
export class SeriesTable<T> {
  readonly #entries = new Map<string, { readonly labels: Labels; readonly value: T }>();
  readonly #grouping: Grouping | null;
  readonly #dropped: ReadonlySet<string>;
  readonly #make: () => T;
  readonly #meter: Meter;
  #lastLabels: Labels | null = null;
  #last: T | null = null;

  constructor({ grouping, unwrapped, make, meter }: SeriesTableOptions<T>) {
    this.#grouping = grouping;
    this.#make = make;
    this.#meter = meter;
    const names = grouping?.grouping === "without" ? grouping.labels : [];
    this.#dropped = new Set(unwrapped === null ? names : [...names, unwrapped]);
  }

  /** @throws OperationalError LIMIT for too many series */
  entry(line: LineLabels): T {
    if (this.#grouping?.grouping === "by") return this.#byNames(line, this.#grouping.labels);
    const labels = line.labels();
    if (labels === this.#lastLabels && this.#last !== null) return this.#last;
    this.#lastLabels = labels;
    const kept = this.#dropped.size === 0 ? labels : dropLabels(labels, this.#dropped);
    this.#last = this.#find(labelsKey(kept), () => kept);
    return this.#last;
  }

  *entries(): Generator<{ readonly labels: Labels; readonly value: T }> {
    yield* this.#entries.values();
  }

  #byNames(line: LineLabels, names: readonly string[]): T {
    let key = "";
    for (const name of names) key += `${line.get(name)}\u0000`;
    return this.#find(key, () => labelsFrom(names.map((name) => [name, line.get(name)])));
  }

  #find(key: string, labelsOf: () => Labels): T {
    const known = this.#entries.get(key);
    if (known !== undefined) return known.value;
    this.#meter.checkSeries(this.#entries.size + 1);
    const value = this.#make();
    this.#entries.set(key, { labels: labelsOf(), value });
    return value;
  }
}
