import { METRIC_NAME } from "../../shared/model/labels.ts";

type Figure = readonly [name: string, value: number];

/** As aggregator/api/status-port.ts has them, without times. */
export type PostingFigures = {
  readonly labelPairs: number;
  readonly seriesByMetric: readonly Figure[];
  readonly valuesByLabel: readonly Figure[];
  readonly bytesByLabel: readonly Figure[];
  readonly seriesByPair: readonly Figure[];
};

/** Names and values, with the series that have them. */
type Postings = ReadonlyMap<
  string,
  ReadonlyMap<string, { readonly series: { readonly length: number } }>
>;

/** @param limit entries of each list, the largest first */
export function postingFigures(postings: Postings, limit: number): PostingFigures {
  let labelPairs = 0;
  const valuesByLabel: Figure[] = [];
  const bytesByLabel: Figure[] = [];
  const seriesByPair = new Largest(limit);
  const seriesByMetric = new Largest(limit);
  for (const [name, values] of postings) {
    let bytes = 0;
    for (const [value, { series }] of values) {
      bytes += value.length * series.length;
      seriesByPair.add(`${name}=${value}`, series.length);
      if (name === METRIC_NAME) seriesByMetric.add(value, series.length);
    }
    labelPairs += values.size;
    valuesByLabel.push([name, values.size]);
    bytesByLabel.push([name, bytes]);
  }
  return {
    labelPairs,
    seriesByMetric: seriesByMetric.sorted(),
    valuesByLabel: largest(valuesByLabel, limit),
    bytesByLabel: largest(bytesByLabel, limit),
    seriesByPair: seriesByPair.sorted(),
  };
}

function largest(figures: Figure[], limit: number): Figure[] {
  return figures.sort((a, b) => b[1] - a[1]).slice(0, limit);
}

/** Keeps the largest of many. */
class Largest {
  readonly #limit: number;
  #kept: Figure[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(name: string, value: number): void {
    this.#kept.push([name, value]);
    if (this.#kept.length >= this.#limit * 2 + 100) this.#kept = this.sorted();
  }

  sorted(): Figure[] {
    return largest(this.#kept, this.#limit);
  }
}
