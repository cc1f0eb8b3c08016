/** Rows of a long list that are made: those that can be seen, and some around them. */
export type RowSlice = { readonly first: number; readonly end: number };

/** Slices begin at multiples of it, so that not every bit of scrolling makes another one. */
const STEP = 10;

/**
 * @param topPx where the visible part begins, from the top of the list; may lie above it
 * @param heightPx of the visible part
 */
export function visibleRows(
  topPx: number,
  heightPx: number,
  rowPx: number,
  count: number,
): RowSlice {
  const first = Math.floor(Math.max(0, topPx) / rowPx / STEP) * STEP - STEP;
  const end = Math.ceil((Math.max(0, topPx) + heightPx) / rowPx / STEP) * STEP + STEP;
  return { first: Math.min(Math.max(0, first), Math.max(0, count - 1)), end: Math.min(count, end) };
}
