/** What the shaper did to the text, since the start. One object may serve all files of an agent. */
export type ShapeCounts = {
  /** Lines that were longer than the limit. */
  linesCut: number;
  /** Bytes of those that were left out. */
  bytesCut: number;
  /** Lines with bytes that are no UTF-8. */
  linesReplaced: number;
  /** Records of a container runtime that are none: passed on as they stand. */
  recordsMalformed: number;
  /** Bytes of holes: a run of NUL at the beginning of a line that is longer than a line may be. */
  holeBytes: number;
  /** Lines that became part of the one before. */
  linesJoined: number;
  /** What was masked, by rule. */
  readonly masked: Map<string, number>;
};

export function newShapeCounts(): ShapeCounts {
  return {
    linesCut: 0,
    bytesCut: 0,
    linesReplaced: 0,
    recordsMalformed: 0,
    holeBytes: 0,
    linesJoined: 0,
    masked: new Map(),
  };
}

export function countMasked(counts: ShapeCounts, rule: string): void {
  counts.masked.set(rule, (counts.masked.get(rule) ?? 0) + 1);
}
