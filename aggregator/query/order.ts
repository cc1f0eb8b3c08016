import { compareLabels, type Labels } from "../../shared/model/labels.ts";
import type { Meter } from "./meter.ts";

type Labelled = { readonly labels: Labels };

/** Sorted at once: a millisecond or two. */
const RUN = 512;
/** Units of work that a comparison of labels is. */
export const COMPARISON_WORK = 50;

/**
 * The items by their labels; equal ones stay in their order. A merge sort that rests: a result can have
 * hundreds of thousands of series.
 */
export async function sortedByLabels<T extends Labelled>(
  items: readonly T[],
  meter: Meter,
): Promise<T[]> {
  let sorted: T[] = [];
  for (let from = 0; from < items.length; from += RUN) {
    const run = items.slice(from, from + RUN).sort((a, b) => compareLabels(a.labels, b.labels));
    for (const one of run) sorted.push(one);
    if (meter.work(RUN * 9 * COMPARISON_WORK)) await meter.rest();
  }
  for (let width = RUN; width < items.length; width *= 2) {
    const merged: T[] = [];
    for (let from = 0; from < items.length; from += 2 * width) {
      await merge(sorted, { from, middle: from + width, end: from + 2 * width }, merged, meter);
    }
    sorted = merged;
  }
  return sorted;
}

/** Two sorted stretches that lie side by side become one in `merged`. */
async function merge<T extends Labelled>(
  sorted: readonly T[],
  { from, middle, end }: { readonly from: number; readonly middle: number; readonly end: number },
  merged: T[],
  meter: Meter,
): Promise<void> {
  let [left, right] = [from, middle];
  for (;;) {
    const [a, b] = [
      left < middle ? sorted[left] : undefined,
      right < end ? sorted[right] : undefined,
    ];
    if (a === undefined && b === undefined) return;
    const takesA = b === undefined || (a !== undefined && compareLabels(a.labels, b.labels) <= 0);
    if (takesA && a !== undefined) merged.push(a);
    else if (b !== undefined) merged.push(b);
    if (takesA) left += 1;
    else right += 1;
    if (meter.work(COMPARISON_WORK)) await meter.rest();
  }
}
