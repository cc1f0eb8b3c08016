import type { Tokens } from "./tokens.ts";

/** What lines have in common. Only the miner changes it; whoever holds it sees it change. */
export type Pattern = {
  /** Counts from 1 in the order of making; 0 is the pattern of all other lines. */
  readonly number: number;
  /** Of its text as it was first made; it stays when the pattern becomes more general. */
  readonly id: string;
  /** `MARKER` for what varies. Empty when it was merged into another. */
  texts: readonly string[];
  /** `gaps[i]`: a space stands before token i. */
  gaps: readonly boolean[];
  readonly hasHeader: boolean;
  /** A line of it. */
  example: string;
  /** Lines. */
  count: number;
  /** How many patterns were merged into it, and itself. */
  leaves: number;
  /** The number of its newest line, counted from 1. */
  lastLine: number;
  /** Times of the earliest and latest line, as `Miner.add` was told. */
  firstUs: number;
  lastUs: number;
  shape: Shape;
  mergedInto: Pattern | null;
};

/** Patterns with the same number of tokens and the same punctuation. */
export type Shape = {
  readonly key: string;
  /** By number. */
  patterns: Pattern[];
  /** Those since the last comparison. */
  fresh: number;
  /** No pattern was made since the last comparison of all there is. */
  isSettled: boolean;
  /** Positions that vary in one of them by comparison, in the order in which they are tried. */
  readonly masks: Map<string, readonly number[]>;
  /** Changes when its lines may lead elsewhere. */
  version: number;
};

export function newShape(key: string): Shape {
  return { key, patterns: [], fresh: 0, isSettled: true, masks: new Map(), version: 0 };
}

/** What a pattern is now: itself, or what it was merged into. */
export function current(pattern: Pattern): Pattern {
  let now = pattern;
  while (now.mergedInto !== null) now = now.mergedInto;
  return now;
}

export function newPattern(
  name: { readonly number: number; readonly id: string },
  { texts, gaps }: Tokens,
  shape: Shape,
  about: { readonly hasHeader: boolean; readonly example: string },
): Pattern {
  const times = { lastLine: 0, firstUs: Number.MAX_SAFE_INTEGER, lastUs: 0 };
  return { ...name, texts, gaps, ...about, count: 0, leaves: 1, ...times, shape, mergedInto: null };
}
