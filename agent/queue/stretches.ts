import { strict as assert } from "node:assert";

/** How much was put in a queue since it was made. */
export type Totals = {
  readonly entries: number;
  /** As they are stored, with what was written along with them. */
  readonly bytes: number;
  readonly items: number;
};

/** An entry that a reader can begin with, and those up to the next such one. */
export type Stretch = {
  /** Of its first entry. */
  readonly seq: number;
  readonly timeMs: number;
  /** What had been queued before it. */
  readonly before: Totals;
};

/**
 * The stretches that are kept, oldest first. Sequences within a stretch have no gap, so the place of
 * every entry, counted from 1 since the queue was made, is known without a look at the entries.
 */
export type Layout = { readonly stretches: readonly Stretch[]; readonly queued: Totals };

/**
 * What had been queued once the entry `seq` was, whether it is there or not; where all stretches are
 * later, what was queued before them. Items within a stretch count as spread evenly.
 */
export function upTo({ stretches, queued }: Layout, seq: number): Omit<Totals, "bytes"> {
  const index = indexOf(stretches, seq);
  const stretch = stretches[index];
  if (stretch === undefined) return stretches[0]?.before ?? queued;
  const { before } = stretch;
  const end = stretches[index + 1]?.before ?? queued;
  const length = end.entries - before.entries;
  assert(length > 0, "a stretch has an entry");
  const count = Math.min(length, seq - stretch.seq + 1);
  const items = Math.round(((end.items - before.items) * count) / length);
  return { entries: before.entries + count, items: before.items + items };
}

/** The sequence of the entry at a place, or that it would have at the end; 0 before all stretches. */
export function seqAt({ stretches }: Layout, place: number): number {
  const stretch = stretches[lastWhere(stretches, ({ before }) => before.entries < place)];
  return stretch === undefined ? 0 : stretch.seq + (place - stretch.before.entries) - 1;
}

/** The entry that follows `seq` in the queue, or would. */
export function seqAfter(layout: Layout, seq: number): number {
  return seqAt(layout, upTo(layout, seq).entries + 1);
}

/** When the stretch in which `seq` lies began; 0 before all of them. */
export function timeAt({ stretches }: Layout, seq: number): number {
  return stretches[indexOf(stretches, seq)]?.timeMs ?? 0;
}

/** When the stretch after that of `seq` began; of the last one, when that did. */
export function timeAfter({ stretches }: Layout, seq: number): number {
  const index = indexOf(stretches, seq);
  return (stretches[index + 1] ?? stretches[index])?.timeMs ?? 0;
}

/** How many of the oldest a reader needs no more that has everything up to `seq`. */
export function countBelow({ stretches }: Layout, seq: number): number {
  return Math.max(0, indexOf(stretches, seq));
}

/** The stretch in which `seq` lies, -1 when it lies before all of them. */
function indexOf(stretches: readonly Stretch[], seq: number): number {
  return lastWhere(stretches, (stretch) => stretch.seq <= seq);
}

/** How many of the oldest hold so many bytes; all of them where those do not. */
export function countHolding({ stretches }: Layout, bytes: number): number {
  const first = stretches[0];
  if (bytes <= 0 || first === undefined) return 0;
  const count = stretches.findIndex(({ before }) => before.bytes - first.before.bytes >= bytes);
  return count < 0 ? stretches.length : count;
}

/** How many of the oldest have no entry after the first `entries` that were queued. */
export function countWithin({ stretches, queued }: Layout, entries: number): number {
  if (queued.entries <= entries) return stretches.length;
  const last = lastWhere(stretches, ({ before }) => before.entries <= entries);
  return Math.max(0, last); // the last one begins within, and does not end there
}

/** The last index for which it holds, -1 for none; it must hold for all before. */
function lastWhere(stretches: readonly Stretch[], holds: (one: Stretch) => boolean): number {
  let low = 0;
  let high = stretches.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const stretch = stretches[middle];
    if (stretch !== undefined && holds(stretch)) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
