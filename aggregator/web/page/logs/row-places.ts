/** Where the rows of a list stand of which some are higher than others. Pure; in pixels. */

export type RowPlaces = {
  readonly heightPx: number;
  /** From the top of the list. */
  topOf(row: number): number;
  /** The row that stands at a place; the last one beyond the end. */
  rowAt(topPx: number): number;
};

/** @param extra by row, what it has more than others; few */
export function rowPlaces(
  count: number,
  rowPx: number,
  extra: ReadonlyMap<number, number>,
): RowPlaces {
  const higher = [...extra].sort(([a], [b]) => a - b);
  const topOf = (row: number) => {
    let top = row * rowPx;
    for (const [at, more] of higher) {
      if (at >= row) break;
      top += more;
    }
    return top;
  };
  const rowAt = (topPx: number) => {
    let passed = 0;
    for (const [at, more] of higher) {
      const top = at * rowPx + passed;
      if (topPx < top + rowPx) break;
      if (topPx < top + rowPx + more) return at;
      passed += more;
    }
    return Math.max(0, Math.min(count - 1, Math.floor((topPx - passed) / rowPx)));
  };
  const heightPx = count * rowPx + higher.reduce((sum, [, more]) => sum + more, 0);
  return { heightPx, topOf, rowAt };
}
