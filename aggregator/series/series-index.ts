import type { Matcher } from "../../shared/model/columns.ts";
import { getOrInsert } from "../../shared/model/get-or-insert.ts";
import { INSTANCE, type Labels, labelsKey, labelValue } from "../../shared/model/labels.ts";
import { type CompiledMatcher, compileMatcher } from "../matching/matcher.ts";
import type { GroupRows } from "./group-rows.ts";
import { type PostingFigures, postingFigures } from "./index-figures.ts";

/** Where a series has recent samples. */
type HeadColumn = { readonly rows: GroupRows; readonly column: number };

export type Series = {
  /** Counted from 1, never given twice. */
  readonly ref: number;
  /** With `instance`. */
  readonly labels: Labels;
  /** Time of its first sample, as far as known. */
  firstMs: number;
  /** Time of the last sample that is in a chunk; it has later ones where it has head columns. */
  lastMs: number;
  head: readonly HeadColumn[];
  /** Its slot among the series that others write (written-head.ts); -1: it has none. */
  written: number;
};

type Posting = { readonly value: string; series: Series[] };

/**
 * All series by their labels. Names map to values, values to the series that have them, refs ascending.
 * What it holds grows with the series there are, not with those there were.
 */
export class SeriesIndex {
  /** Refs ascending. */
  readonly #series = new Map<number, Series>();
  readonly #byKey = new Map<string, Series>();
  readonly #postings = new Map<string, Map<string, Posting>>();
  #nextRef = 1;

  get size(): number {
    return this.#byKey.size;
  }

  /** The ref that the next new series gets. */
  get nextRef(): number {
    return this.#nextRef;
  }

  /** Refs below `ref` are taken. */
  skipTo(ref: number): void {
    this.#nextRef = Math.max(this.#nextRef, ref);
  }

  get(ref: number): Series | undefined {
    return this.#series.get(ref);
  }

  find(labels: Labels): Series | undefined {
    return this.#byKey.get(labelsKey(labels));
  }

  /** Refs ascend from call to call; labels must not be known yet. */
  add(ref: number, labels: Labels, firstMs: number, lastMs: number): Series {
    const interned: string[] = [];
    const series: Series = { ref, labels: interned, firstMs, lastMs, head: [], written: -1 };
    for (let i = 0; i < labels.length; i += 2) {
      const name = labels[i] ?? "";
      const posting = this.#posting(name, labels[i + 1] ?? "");
      posting.series.push(series);
      interned.push(name, posting.value);
    }
    this.#series.set(ref, series);
    this.#byKey.set(labelsKey(labels), series);
    this.skipTo(ref + 1);
    return series;
  }

  /** Removes many at once: each list of series is gone through once. */
  remove(refs: readonly number[]): void {
    const touched = new Map<string, Set<string>>();
    for (const ref of refs) {
      const series = this.#series.get(ref);
      if (series === undefined) continue;
      this.#series.delete(ref);
      this.#byKey.delete(labelsKey(series.labels));
      for (let i = 0; i < series.labels.length; i += 2) {
        const values = getOrInsert(touched, series.labels[i] ?? "", () => new Set());
        values.add(series.labels[i + 1] ?? "");
      }
    }
    for (const [name, values] of touched) for (const value of values) this.#sweep(name, value);
  }

  /**
   * The series that every matcher matches, refs ascending.
   * @throws OperationalError QUERY for a pattern that is not a regular expression
   */
  select(matchers: readonly Matcher[]): Series[] {
    const compiled = matchers.map(compileMatcher);
    const lead = this.#smallest(compiled);
    const found: Series[] = [];
    const tests = compiled.filter((matcher) => matcher !== lead?.matcher).map(rememberedTest);
    for (const list of lead?.lists ?? [this.#series.values()]) {
      for (const series of list) {
        if (tests.every((test) => test(series.labels))) found.push(series);
      }
    }
    if (lead !== null && lead.lists.length > 1) found.sort((a, b) => a.ref - b.ref);
    return found;
  }

  /** @param limit entries of each list */
  figures(limit: number): PostingFigures {
    return postingFigures(this.#postings, limit);
  }

  *all(): Iterable<Series> {
    yield* this.#series.values();
  }

  #posting(name: string, value: string): Posting {
    const values = getOrInsert(this.#postings, name, () => new Map());
    return getOrInsert(values, value, () => ({ value, series: [] }));
  }

  #sweep(name: string, value: string): void {
    const values = this.#postings.get(name);
    const posting = values?.get(value);
    if (values === undefined || posting === undefined) return;
    posting.series = posting.series.filter(({ ref }) => this.#series.has(ref));
    if (posting.series.length > 0) return;
    values.delete(value);
    if (values.size === 0) this.#postings.delete(name);
  }

  /** The matcher that leaves fewest series to look at, of those that need their label present. */
  #smallest(matchers: readonly CompiledMatcher[]): Lead | null {
    let best: Lead | null = null;
    for (const matcher of matchers) {
      if (matcher.matchesEmpty) continue;
      const lists = this.#listsOf(matcher, best?.count ?? Number.POSITIVE_INFINITY);
      if (lists !== null && (best === null || lists.count < best.count)) best = lists;
    }
    return best;
  }

  /** The lists of series that match, or null when they hold `limit` series or more. */
  #listsOf(matcher: CompiledMatcher, limit: number): Lead | null {
    const values = this.#postings.get(matcher.name);
    const lists: (readonly Series[])[] = [];
    let count = 0;
    const take = (posting: Posting | undefined) => {
      if (posting === undefined) return;
      lists.push(posting.series);
      count += posting.series.length;
    };
    if (values !== undefined && matcher.values !== null) {
      for (const value of new Set(matcher.values)) take(values.get(value));
    } else if (values !== undefined) {
      // A pattern over more values than there are series to test would not pay.
      if (values.size >= limit) return null;
      for (const posting of values.values()) if (matcher.test(posting.value)) take(posting);
    }
    return count < limit ? { matcher, lists, count } : null;
  }
}

type Lead = {
  readonly matcher: CompiledMatcher;
  readonly lists: readonly (readonly Series[])[];
  readonly count: number;
};

/** A test of label sets that asks a slow matcher once for each value it meets. */
function rememberedTest(matcher: CompiledMatcher): (labels: Labels) => boolean {
  if (!matcher.isSlow) return (labels) => matcher.test(labelValue(labels, matcher.name));
  const known = new Map<string, boolean>();
  return (labels) => {
    const value = labelValue(labels, matcher.name);
    return getOrInsert(known, value, () => matcher.test(value));
  };
}

/**
 * The labels of a stream's series in this store: with the node's name as `instance`, unless they say
 * themselves of what they are, or the node has no name.
 */
export function storedLabels(node: string, labels: Labels): Labels {
  if (node === "" || labelValue(labels, INSTANCE) !== "") return labels;
  const stored: string[] = [];
  let isPlaced = false;
  for (let i = 0; i < labels.length; i += 2) {
    const name = labels[i] ?? "";
    if (!isPlaced && name >= INSTANCE) {
      stored.push(INSTANCE, node);
      isPlaced = true;
    }
    stored.push(name, labels[i + 1] ?? "");
  }
  if (!isPlaced) stored.push(INSTANCE, node);
  return stored;
}
