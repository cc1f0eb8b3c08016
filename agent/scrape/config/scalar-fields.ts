import { z } from "zod";
import { durationMs } from "../../../shared/model/duration.ts";
import { isLabelText } from "../../../shared/model/labels.ts";
import { isLabelName } from "../label-names.ts";
import { reportTo } from "./report.ts";

const LABELS_MAX = 128;

/** As a label's value can hold it. */
export const text = z.string().max(65_536).refine(isLabelText, "holds what no label can hold");
/** A key, a certificate, a password: never repeated in an error. */
export const secret = z.string().max(65_536);
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

const SIZE = /^(\d+(?:\.\d+)?)([KMGTPE]?)i?B$/;
const POWERS = ["", "K", "M", "G", "T", "P", "E"];

/** As Prometheus reads one: 10MB is as much as 10MiB. As bytes; 0 needs no unit. */
export const bytes = z.string().transform((given, context) => {
  const [, digits, unit = ""] = SIZE.exec(given) ?? [];
  const size = given === "0" ? 0 : Math.round(Number(digits) * 1024 ** POWERS.indexOf(unit));
  if (Number.isSafeInteger(size)) return size;
  reportTo(context)(`not a size: "${given.slice(0, 50)}" (write it as 10MB)`);
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
