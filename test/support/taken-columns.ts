import type { SelectedSeries, SeriesColumns } from "../../shared/model/columns.ts";

/** All that a select found, to be kept. */
export async function takenColumns(selected: SelectedSeries): Promise<SeriesColumns[]> {
  const kept: SeriesColumns[] = [];
  for await (const { labels, times, values } of selected) {
    kept.push({ labels, times: times.slice(), values: values.slice() });
  }
  return kept;
}
