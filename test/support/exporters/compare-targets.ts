import type { StoredTarget } from "./stored-samples.ts";

/** How long a scrape took is each scraper's own. */
const OWN = /^scrape_duration_seconds\{/;
/** Counts from the scrape before. */
const ADDED = /^scrape_series_added\{/;
const MISSING = "nothing";

/** What scrapes of a target left in one store and not in the other. */
export function differences(
  ours: StoredTarget,
  theirs: StoredTarget,
  scrapes: readonly number[],
): string[] {
  const found = [...ours.strays, ...theirs.strays].map((one) => `without a page: ${one}`);
  for (const key of new Set([...theirs.series.keys(), ...ours.series.keys()])) {
    for (const n of scrapes) {
      if (ADDED.test(key) && n > 0 && !scrapes.includes(n - 1)) continue;
      const [a, b] = [shown(ours, key, n), shown(theirs, key, n)];
      if (a !== b) found.push(`scrape ${n}: ${key}: ${a}, Prometheus ${b}`);
    }
  }
  return found;
}

/** The same for what a query sees at the time of a scrape. */
export function seenDifferences(
  ours: ReadonlyMap<string, string>,
  theirs: ReadonlyMap<string, string>,
): string[] {
  const found: string[] = [];
  for (const key of new Set([...theirs.keys(), ...ours.keys()])) {
    const [a, b] = [text(key, ours.get(key)), text(key, theirs.get(key))];
    if (a !== b) found.push(`${key}: ${a}, Prometheus ${b}`);
  }
  return found;
}

/** Scrapes that have a series that the one before had not, or the other way round. */
export function scrapesOfChange({ series }: StoredTarget, scrapes: readonly number[]): number[] {
  const all = [...series.values()];
  return scrapes.filter((n) => n > 0 && all.some((values) => values.has(n) !== values.has(n - 1)));
}

export function samplesOf({ series }: StoredTarget, scrapes: readonly number[]): number {
  const all = [...series.values()];
  const counts = all.map((values) => scrapes.filter((n) => values.has(n)).length);
  return counts.reduce((sum, count) => sum + count, 0);
}

function shown({ series }: StoredTarget, key: string, n: number): string {
  return text(key, series.get(key)?.get(n));
}

function text(key: string, value: string | undefined): string {
  if (value === undefined) return MISSING;
  return OWN.test(key) ? "a duration" : value;
}
