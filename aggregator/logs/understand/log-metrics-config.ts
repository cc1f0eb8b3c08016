import { z } from "zod";
import { errorMessage } from "../../../shared/errors.ts";
import { compilePattern } from "../../matching/pattern.ts";
import { DEFAULT_BUCKETS } from "./metric-table.ts";

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const BUCKETS_MAX = 50;
/** These the table and the store give themselves. */
const RESERVED = new Set(["le", "__name__", "service"]);

const pattern = z.string().transform((text, context) => {
  try {
    return compilePattern(text);
  } catch (error) {
    context.addIssue({ code: "custom", message: errorMessage(error) });
    return z.NEVER;
  }
});

const buckets = z
  .array(z.number())
  .min(1)
  .max(BUCKETS_MAX)
  .refine((all) => all.every((one, i) => i === 0 || one > (all[i - 1] ?? one)), {
    message: "Buckets must ascend",
  });

/**
 * One metric of the configuration: lines that match `pattern` count, or give the value of its group
 * `value`; its groups named in `labels` become labels.
 *
 *     - name: payments_total
 *       type: counter
 *       pattern: 'paid by (?P<method>\w+), (?P<value>\d+) cents'
 *       labels: [method]
 *       value: value        # without it a counter counts lines
 */
export const logMetric = z
  .strictObject({
    name: z.string().regex(NAME, "Not a metric name"),
    type: z.enum(["counter", "gauge", "histogram"]),
    help: z.string().max(1024).default(""),
    pattern,
    labels: z.array(z.string().regex(LABEL_NAME, "Not a label name")).max(10).default([]),
    value: z.string().optional(),
    buckets: buckets.default(DEFAULT_BUCKETS),
    series_max: z.number().int().min(1).max(100_000).default(1000),
  })
  .superRefine((metric, context) => {
    const fault = (path: string, message: string) =>
      context.addIssue({ code: "custom", path: [path], message });
    const groups = metric.pattern.namedGroups();
    for (const label of metric.labels) {
      if (RESERVED.has(label)) fault("labels", `The label "${label}" is set by itself`);
      else if (!Object.hasOwn(groups, label))
        fault("labels", `The pattern has no group "${label}"`);
    }
    if (metric.value !== undefined && !Object.hasOwn(groups, metric.value)) {
      fault("value", `The pattern has no group "${metric.value}"`);
    }
    if (metric.value === undefined && metric.type !== "counter") {
      fault("value", `A ${metric.type} needs the name of a group`);
    }
  });

export type LogMetricConfig = z.output<typeof logMetric>;
