import { columnBits, isStale } from "../../shared/model/stale.ts";
import type { Piece } from "./chunk-decoder.ts";
import type { ColumnSpace } from "./column-space.ts";

/** A piece and the order of where it comes from: of two samples at one time the lower rank's stands. */
export type RankedPiece = Piece & { readonly rank: number };

/**
 * Puts the pieces of a series together, by time and no time twice. A staleness marker gives way to
 * a value of the same time: the series went on elsewhere. Joined times are remembered from one
 * series to the next, as those of one scrape share theirs.
 */
export class PieceMerger {
  readonly #space: ColumnSpace;
  #timesOf: readonly Float64Array[] = [];
  #times = new Float64Array(0);

  /** @param space where the pieces lie, and what is made of them */
  constructor(space: ColumnSpace) {
    this.#space = space;
  }

  /** The pieces must not be empty, and there must be one at least. */
  merge(pieces: RankedPiece[]): Piece {
    const first = pieces[0];
    if (pieces.length === 1 && first !== undefined) return first;
    if (isSequence(pieces)) return this.#join(pieces);
    pieces.sort((a, b) => a.rank - b.rank || startOf(a) - startOf(b));
    const bySource: Piece[] = [];
    for (let from = 0; from < pieces.length; ) {
      const rank = pieces[from]?.rank;
      let end = from + 1;
      while (end < pieces.length && pieces[end]?.rank === rank) end += 1;
      bySource.push(this.#combine(pieces.slice(from, end)));
      from = end;
    }
    const inTime = bySource.toSorted((a, b) => startOf(a) - startOf(b));
    return isSequence(inTime) ? this.#join(inTime) : this.#combine(bySource);
  }

  #combine(pieces: readonly Piece[]): Piece {
    return isSequence(pieces) ? this.#join(pieces) : pieces.reduce(mergeTwo);
  }

  #join(pieces: readonly Piece[]): Piece {
    const isKnown =
      pieces.length === this.#timesOf.length &&
      pieces.every((piece, i) => piece.times === this.#timesOf[i]);
    if (!isKnown) {
      this.#times = joined(pieces.map(({ times }) => times));
      // Times that lie in the space are overwritten by the next series.
      const isLasting = pieces.every(({ times, values }) => times.buffer !== values.buffer);
      this.#timesOf = isLasting ? pieces.map(({ times }) => times) : [];
    }
    return { times: this.#times, values: this.#joinedValues(pieces) };
  }

  /** Those that lie side by side are one already. */
  #joinedValues(pieces: readonly Piece[]): Float64Array {
    const first = pieces[0]?.values ?? new Float64Array(0);
    let count = 0;
    let isWhole = true;
    for (const { values } of pieces) {
      const isNext = values.byteOffset === first.byteOffset + count * 8;
      if (!isNext || values.buffer !== first.buffer) isWhole = false;
      count += values.length;
    }
    if (isWhole) return new Float64Array(first.buffer, first.byteOffset, count);
    const values = this.#space.take(count);
    let at = 0;
    for (const piece of pieces) {
      values.set(piece.values, at);
      at += piece.values.length;
    }
    return values;
  }
}

function joined(columns: readonly Float64Array[]): Float64Array<ArrayBuffer> {
  const whole = new Float64Array(columns.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const column of columns) {
    whole.set(column, at);
    at += column.length;
  }
  return whole;
}

function startOf(piece: Piece): number {
  return piece.times[0] ?? 0;
}

/** Each piece lies after the one before it. */
function isSequence(pieces: readonly Piece[]): boolean {
  let last = Number.NEGATIVE_INFINITY;
  for (const { times } of pieces) {
    if ((times[0] ?? 0) <= last) return false;
    last = times[times.length - 1] ?? 0;
  }
  return true;
}

/** At equal times `a` stands, unless it is a marker. */
function mergeTwo(a: Piece, b: Piece): Piece {
  const times = new Float64Array(a.times.length + b.times.length);
  const values = new Float64Array(times.length);
  const bits = columnBits(values);
  const aBits = columnBits(a.values);
  const bBits = columnBits(b.values);
  let count = 0;
  let i = 0;
  let j = 0;
  while (i < a.times.length || j < b.times.length) {
    const aTime = a.times[i] ?? Number.POSITIVE_INFINITY;
    const bTime = b.times[j] ?? Number.POSITIVE_INFINITY;
    const takesA = aTime < bTime || (aTime === bTime && !isStale(aBits, i));
    const from = takesA ? aBits : bBits;
    const index = takesA ? i : j;
    times[count] = takesA ? aTime : bTime;
    bits[count * 2] = from[index * 2] ?? 0;
    bits[count * 2 + 1] = from[index * 2 + 1] ?? 0;
    count += 1;
    if (aTime <= bTime) i += 1;
    if (bTime <= aTime) j += 1;
  }
  return { times: times.subarray(0, count), values: values.subarray(0, count) };
}
