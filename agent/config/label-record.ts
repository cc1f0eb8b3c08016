import { z } from "zod";
import { OWN_LABELS_MAX } from "../../shared/wire/label-limits.ts";

const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

/** Labels that a user sets. @param reserved names that say whose data it is: never theirs to set */
export function labelRecord(reserved: readonly string[]) {
  return z
    .record(z.string(), z.string().max(1024))
    .superRefine((record, context) => {
      for (const name of Object.keys(record)) {
        if (!LABEL_NAME.test(name) || name.startsWith("__") || reserved.includes(name)) {
          context.addIssue({ code: "custom", path: [name], message: "not a label you can set" });
        }
      }
    })
    .refine(
      (record) => Object.keys(record).length <= OWN_LABELS_MAX,
      `more than ${OWN_LABELS_MAX} labels`,
    );
}
