import { z } from "zod";
import { reportTo } from "../../../shared/config/report.ts";
import { durationMs } from "../../../shared/model/duration.ts";
import { isLabelText } from "../../../shared/model/labels.ts";
import { isLabelName } from "../label-names.ts";

const LABELS_MAX = 128;

/** As a label's value can hold it. */
export const text = z.string().max(65_536).refine(isLabelText, "holds what no label can hold");
export const path = z.string().min(1).max(4096);
export const count = z.number().int().nonnegative();

/** Over 0, as milliseconds. */
export const duration = z.string().transform((given, context) => {
  const ms = durationMs(given);
  if (ms !== null && ms > 0) return ms;
  reportTo(context)(
    ms === 0 ? "must be over 0" : `not a duration: "${given.slice(0, 50)}" (write it as 30s or 5m)`,
  );
  return z.NEVER;
});

/** Labels of targets: those that begin with `__` are there for relabelling. */
export const targetLabels = z
  .record(z.string(), text)
  .superRefine((record, context) => {
    for (const name of Object.keys(record)) {
      if (!isLabelName(name)) reportTo(context)("not the name of a label", [name]);
    }
  })
  .refine((record) => Object.keys(record).length <= LABELS_MAX, `more than ${LABELS_MAX} labels`);

/** A key of Prometheus' that has no meaning here; null and what `isHarmless` are as if it were not there. */
export function refused(why: string, isHarmless: (value: unknown) => boolean = () => false) {
  return z
    .unknown()
    .refine((value) => value === undefined || value === null || isHarmless(value), why)
    .optional();
}
