import type { DroppedRange } from "../../shared/model/accounts.ts";

/** One drop as it happens. */
export type Drop = Omit<DroppedRange, "id"> & {
  /** The last frame of the queue before `fromSeq`. */
  readonly afterSeq: number;
};

/** Ranges that wait to be reported, ids ascending. Those up to `frozenId` are not changed. */
export type DroppedRanges = {
  readonly lastId: number;
  readonly frozenId: number;
  readonly ranges: readonly DroppedRange[];
};

/** More are joined: their place gets vaguer, their counts stay exact. */
export const RANGES_MAX = 128;
/** So many may be handed out and not yet be confirmed. */
export const RANGES_UNDERWAY_MAX = 64;

export const NO_RANGES: DroppedRanges = { lastId: 0, frozenId: 0, ranges: [] };

/** Drops of one reason with no other frame of the queue between them become one range. */
export function withDrop(known: DroppedRanges, { afterSeq, ...drop }: Drop): DroppedRanges {
  if (drop.frames === 0) return known;
  const place = known.ranges.findLastIndex(({ reason }) => reason === drop.reason);
  const last = known.ranges[place];
  const isNext = last !== undefined && last.toSeq >= afterSeq && last.toSeq < drop.fromSeq;
  if (isNext && last.id > known.frozenId) {
    return { ...known, ranges: known.ranges.with(place, joined(last, drop)) };
  }
  const lastId = known.lastId + 1;
  return bounded({ ...known, lastId, ranges: [...known.ranges, { id: lastId, ...drop }] });
}

/** Everything up to `id` keeps its shape from now on. */
export function withFrozen(known: DroppedRanges, id: number): DroppedRanges {
  return id <= known.frozenId ? known : { ...known, frozenId: id };
}

/** Without the ranges up to `id`: they were reported. */
export function withReported(known: DroppedRanges, id: number): DroppedRanges {
  const ranges = known.ranges.filter((range) => range.id > id);
  return ranges.length === known.ranges.length ? known : { ...known, ranges };
}

/** Joins the two oldest of one reason that may be changed; there are fewer reasons than ranges. */
function bounded(known: DroppedRanges): DroppedRanges {
  if (known.ranges.length <= RANGES_MAX) return known;
  const seen = new Map<string, DroppedRange>();
  for (const range of known.ranges) {
    const before = seen.get(range.reason);
    if (before !== undefined && before.id > known.frozenId) {
      const rest = known.ranges.filter(({ id }) => id !== before.id);
      const one = { ...joined(before, range), id: range.id };
      return { ...known, ranges: rest.map((other) => (other.id === range.id ? one : other)) };
    }
    seen.set(range.reason, range);
  }
  return known;
}

function joined(first: DroppedRange, next: Omit<DroppedRange, "id">): DroppedRange {
  return {
    ...first,
    fromSeq: Math.min(first.fromSeq, next.fromSeq),
    toSeq: Math.max(first.toSeq, next.toSeq),
    toMs: next.toMs,
    frames: first.frames + next.frames,
    samples: first.samples + next.samples,
  };
}
