import { formatG } from "../../shared/model/go-number.ts";
import type { AggregateRun } from "./aggregate.ts";
import { labelsOffset } from "./label-hash.ts";
import { queryError } from "./query-error.ts";
import type { Remarks } from "./result.ts";
import { hasSample, type StepSeries } from "./step-series.ts";

/**
 * limit_ratio: the elements whose labels' hash lies in the first `ratio` of all hashes; a negative
 * ratio takes the rest, so that `r` and `r - 1` share out all elements. `ratio` has one number a
 * step; `place` is where it is written.
 */
export async function aggregateRatio(
  { series, meter }: AggregateRun,
  ratio: Float64Array,
  place: string,
  remarks: Remarks,
): Promise<StepSeries[]> {
  if (ratio.some(Number.isNaN)) throw queryError(place, "the ratio of limit_ratio is NaN");
  const remark = (found: number, capped: number) => {
    const text = `ratio value should be between -1 and 1, got ${formatG(found, null)}`;
    remarks.warn(place, `${text}, capping to ${capped}`);
  };
  const [least, most] = [Math.min(...ratio), Math.max(...ratio)];
  if (least < -1) remark(least, -1);
  if (most > 1) remark(most, 1);
  for (const { labels, present } of series) {
    const offset = labelsOffset(labels);
    for (let i = 0; i < present.length; i += 1) {
      if (!isSampled(offset, ratio[i] ?? 0)) present[i] = 0;
    }
    if (meter.work(present.length + 20)) await meter.rest();
  }
  return series.filter(hasSample);
}

function isSampled(offset: number, ratio: number): boolean {
  const capped = Math.max(-1, Math.min(1, ratio));
  return capped >= 0 ? offset < capped : offset >= 1 + capped;
}
