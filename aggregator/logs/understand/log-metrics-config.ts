import { z } from "zod";
import { errorMessage } from "../../../shared/errors.ts";
import { compilePattern } from "../../matching/pattern.ts";
import { DEFAULT_BUCKETS } from "./metric-table.ts";

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const BUCKETS_MAX = 50;
const METRICS_MAX = 100;
/** Of one metric, those of a histogram counted one by one: they are written together. */
const SERIES_MAX = 100_000;
/** These the table and the store give themselves. */
const RESERVED = new Set(["le", "__name__", "instance", "service"]);

/** What access logs give by themselves. */
const BUILT_IN = [
  { name: "http_requests_total", type: "counter" },
  { name: "http_request_duration_seconds", type: "histogram" },
];

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
    const { length } = seriesNames(metric);
    const each = length === 1 ? 1 : metric.buckets.length + length;
    if (metric.series_max * each > SERIES_MAX) {
      fault("series_max", `At most ${Math.floor(SERIES_MAX / each)}: each has ${each} series`);
    }
  });

export type LogMetricConfig = z.output<typeof logMetric>;

/** All of them; no two give a series of the same name. */
export const logMetrics = z
  .array(logMetric)
  .max(METRICS_MAX)
  .superRefine((metrics, context) => {
    const taken = new Set(BUILT_IN.flatMap(seriesNames));
    for (const [i, metric] of metrics.entries()) {
      const name = seriesNames(metric).find((one) => taken.has(one));
      const message = `There is a series "${name}" already`;
      if (name !== undefined) context.addIssue({ code: "custom", path: [i, "name"], message });
      for (const one of seriesNames(metric)) taken.add(one);
    }
  });

function seriesNames({ name, type }: { readonly name: string; readonly type: string }): string[] {
  return type === "histogram" ? [`${name}_bucket`, `${name}_count`, `${name}_sum`] : [name];
}
