import { z } from "zod";
import { address, duration, LOG_LEVELS, size } from "../shared/config/fields.ts";
import { errorMessage } from "../shared/errors.ts";
import { type Address, isLoopback } from "../shared/model/address.ts";
import { parseDuration } from "../shared/model/duration.ts";
import { parseLogSelector } from "./logql/parse.ts";
import type { LogRetention } from "./logs/store/expiry-plan.ts";
import { logMetrics } from "./logs/understand/log-metrics-config.ts";
import { FEATURES } from "./promql/features.ts";

/** The only routing file that need not be there. */
export const DEFAULT_ROUTING = "/etc/telltale/notify.yaml";

/** Log streams, as `{service="x"}`. */
const selector = z.string().transform((text, context) => {
  try {
    return parseLogSelector(text);
  } catch (error) {
    context.addIssue({ code: "custom", message: errorMessage(error) });
    return z.NEVER;
  }
});

/** No segment is empty, `.` or `..`, so that a browser leaves it as it is. */
const webPrefix = z
  .string()
  .max(200)
  .regex(/^(?:\/(?!\.{1,2}(?:\/|$))[0-9A-Za-z._~-]+)*\/?$/, "not a path such as /telltale")
  .transform((path) => path.replace(/\/$/, ""));

const logAge = duration.refine((ms) => ms >= 3_600_000, "at least 1h");

const logsSchema = z.strictObject({
  /** Metrics made of log lines, beside those of access logs. */
  metrics: logMetrics.default([]),
  /** Lines are packed at night, and before that when those that are not take more. */
  hot_bytes_max: size.refine((n) => n >= 1024 ** 2, "at least 1MiB").default(256 * 1024 ** 2),
  retention: z
    .strictObject({
      /** As `retention` of samples when it is not said. */
      age: logAge.optional(),
      /** Of all lines as they are stored; beyond it the oldest days go. */
      bytes_max: size.refine((n) => n >= 1024 ** 2, "at least 1MiB").optional(),
      /** Streams with an age of their own: the first that matches counts. */
      streams: z
        .array(z.strictObject({ match: selector, age: logAge }))
        .max(100)
        .default([]),
    })
    .prefault({}),
});

/** /etc/telltale/aggregator.yaml. Durations are milliseconds once they are read. */
export const aggregatorConfigSchema = z
  .strictObject({
    data_dir: z.string().min(1).default("/var/lib/telltale/aggregator"),
    /** Agents and the `telltale` command connect here. */
    grpc: z
      .strictObject({ listen: address.default({ host: "127.0.0.1", port: 7070 }) })
      .prefault({}),
    /** Prometheus' HTTP API, /metrics, /-/healthy and /-/ready. */
    http: z
      .strictObject({
        listen: address.default({ host: "127.0.0.1", port: 7071 }),
        /** Pages of these origins may ask Prometheus' API from a browser; `*`: of any. */
        cors_origins: z.array(z.string().min(1).max(256)).max(100).default([]),
      })
      .prefault({}),
    /** Stands before every path of HTTP, such as `/telltale`; "": nothing. */
    web_prefix: webPrefix.default(""),
    /** Rule files; `*` stands for any part of a file name. A pattern may match nothing. */
    rules: z.array(z.string().min(1)).max(100).default(["/etc/telltale/rules/*.yaml"]),
    /** Routing in Alertmanager's format; without the default file nobody is notified. */
    notify: z.string().min(1).default(DEFAULT_ROUTING),
    /** Rules, routing, its templates and secret files are read again when one of them has changed. */
    reload_on_change: z.boolean().default(true),
    /** How people reach this aggregator: goes into notifications. */
    external_url: z.string().max(1024).default(""),
    external_labels: z.record(z.string(), z.string().max(1024)).default({}),
    /** For rule groups that name none. */
    evaluation_interval: duration
      .refine((ms) => ms >= 100 && ms <= 3_600_000, "must be from 100ms to 1h")
      .default(1000),
    /** No notification is sent for so long after the start: as Alertmanager's flag of this name. */
    dispatch_start_delay: duration.refine((ms) => ms <= 3_600_000, "at most 1h").default(0),
    /** Notifications say what ran on the node of an alert, what it logged, and what changed there. */
    alert_context: z.boolean().default(true),
    retention: duration
      .refine((ms) => ms >= 3_600_000, "at least 1h")
      .default(parseDuration("15d")),
    logs: logsSchema.prefault({}),
    /**
     * A sample further ahead of this machine's clock is refused, counted and reported. What is nearer
     * is kept, however wrong the node's clock: the limit protects the store from times that it would
     * keep for ever.
     */
    future_max: duration.refine((ms) => ms >= 1000, "at least 1s").default(parseDuration("1d")),
    /** A node whose clock is further from this machine's has TelltaleClockOffset. */
    clock_offset_max: duration
      .refine((ms) => ms >= 100 && ms <= 3_600_000, "must be from 100ms to 1h")
      .default(2000),
    query: z
      .strictObject({
        timeout: duration.refine((ms) => ms >= 100, "at least 100ms").default(120_000),
        samples_max: z.number().int().min(1000).default(50_000_000),
        /** Experimental parts of PromQL, as Prometheus calls them in its --enable-feature. */
        features: z.array(z.enum(FEATURES)).max(FEATURES.length).default([]),
      })
      .prefault({}),
    /** What others send to /api/v1/write. */
    remote_write_receiver: z
      .strictObject({
        /** Of one request, unpacked. */
        request_bytes_max: size
          .refine((n) => n >= 65_536 && n <= 256 * 1024 ** 2, "must be from 64KiB to 256MiB")
          .default(32 * 1024 ** 2),
        /** Series that are written to at a time. */
        series_max: z.number().int().min(1).max(20_000_000).default(1_000_000),
      })
      .prefault({}),
    log_level: z.enum(LOG_LEVELS).default("info"),
    /** TLS and authentication: on every address but loopback ("auto"), or there too ("required"). */
    tls: z.enum(["auto", "required"]).default("auto"),
    /** Further names and addresses that people and programs reach this aggregator by. */
    tls_names: z
      .array(z.string().regex(/^[0-9A-Za-z.:_-]{1,253}$/, "not a host name or an address"))
      .max(100)
      .default([]),
    /** How long an agent's certificate is good; the agent renews it when a third of that is left. */
    certificate_lifetime: duration
      .refine((ms) => ms >= 5000 && ms <= 366 * 86_400_000, "must be from 5s to 366d")
      .default(parseDuration("30d")),
    /** Neither encryption nor authentication, on any address. */
    insecure: z.boolean().default(false),
  })
  .refine(
    ({ insecure, tls }) => !(insecure && tls === "required"),
    'there is either "insecure: true" or "tls: required"',
  );

/** Whether what listens there is encrypted and asks who calls. */
export function hasTls(
  { tls, insecure }: Pick<AggregatorConfig, "tls" | "insecure">,
  listen: Address,
): boolean {
  return tls === "required" || (!insecure && !isLoopback(listen));
}

/** How long lines are kept: as long as samples where nothing else is said. */
export function logRetention({
  logs: { retention },
  retention: ageMs,
}: Pick<AggregatorConfig, "logs" | "retention">): LogRetention {
  return {
    ageMs: retention.age ?? ageMs,
    bytesMax: retention.bytes_max ?? Number.POSITIVE_INFINITY,
    streams: retention.streams.map(({ match, age }) => ({ matchers: match, ageMs: age })),
  };
}

export type AggregatorConfig = z.infer<typeof aggregatorConfigSchema>;
