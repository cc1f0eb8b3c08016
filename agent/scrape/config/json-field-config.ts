import { z } from "zod";
import type { Path } from "../../../shared/config/decode-yaml.ts";
import { reportTo } from "../../../shared/config/report.ts";
import type { JsonField, JsonLabel } from "../json/json-field.ts";
import { ALL, type JsonPath, parseJsonPath } from "../json/json-path.ts";
import { isLabelName } from "../label-names.ts";
import { text } from "./scalar-fields.ts";

const FIELDS_MAX = 500;
const LABELS_MAX = 32;
const METRIC = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;

const path = z.string().transform((given, context): JsonPath => {
  const parsed = parseJsonPath(given);
  if (typeof parsed !== "string") return parsed;
  reportTo(context)(parsed);
  return z.NEVER;
});

/** A path, or a text that stands as it is. */
const labelValue = text.transform((given, context): { path: JsonPath } | { text: string } => {
  if (!given.startsWith("$")) return { text: given };
  const parsed = parseJsonPath(given);
  const fault = typeof parsed === "string" ? parsed : isOne(parsed) ? null : "has a * in it";
  if (fault === null && typeof parsed !== "string") return { path: parsed };
  reportTo(context)(fault ?? "");
  return z.NEVER;
});

const labels = z
  .record(z.string(), labelValue)
  .refine((record) => Object.keys(record).length <= LABELS_MAX, `more than ${LABELS_MAX} labels`);
type Labels = z.infer<typeof labels>;

const block = z.strictObject({
  path,
  type: z
    .enum(["gauge", "counter", "untyped"], { error: "must be gauge, counter or untyped" })
    .default("gauge"),
  unit: z
    .string()
    .regex(/^[a-z0-9_]{0,64}$/, "must be a word, such as seconds")
    .default(""),
  help: text.default(""),
  labels: labels.optional(),
});

const shortOrLong = z.preprocess(
  (given) => (typeof given === "string" ? { path: given } : given),
  block,
);

/** `fields` of a job: metrics by name, each a path or a block. */
export const jsonFields = z
  .record(z.string(), shortOrLong)
  .transform((record, context): readonly JsonField[] => {
    const report = reportTo(context);
    const count = Object.keys(record).length;
    if (count === 0) report("at least one field");
    if (count > FIELDS_MAX) report(`more than ${FIELDS_MAX} fields`);
    return Object.entries(record).map(([name, { labels, ...rest }]) => {
      if (!METRIC.test(name)) report("not the name of a metric", [name]);
      return { name, ...rest, labels: labels === undefined ? null : labelList(labels, [name]) };
    });

    function labelList(labels: Labels, at: Path): readonly JsonLabel[] {
      return Object.entries(labels).map(([label, value]) => {
        if (!isLabelName(label) || label.startsWith("__")) {
          report("not the name of a label", [...at, "labels", label]);
        }
        return { name: label, ...value };
      });
    }
  });

function isOne(path: JsonPath): boolean {
  return !path.includes(ALL);
}
