import { z } from "zod";
import { bytes } from "../../../shared/config/prometheus-fields.ts";
import { discoveryFields } from "./discovery-fields.ts";
import { httpFields } from "./http-fields.ts";
import { jsonFields } from "./json-field-config.ts";
import { relabelRules } from "./relabel-fields.ts";
import { count, duration, refused, text } from "./scalar-fields.ts";
import type { ScrapeProtocol } from "./scrape-config.ts";

const JOBS_MAX = 1000;
const SECOND_MS = 1000;

const TEXT_PROTOCOLS = [
  "OpenMetricsText1.0.0",
  "OpenMetricsText0.0.1",
  "PrometheusText1.0.0",
  "PrometheusText0.0.4",
] as const satisfies readonly ScrapeProtocol[];
/** It is passed over in a list, for a target that has it has text, too. */
const PROTOBUF = "PrometheusProto";

const protocol = z.enum([...TEXT_PROTOCOLS, PROTOBUF], {
  error: `must be one of ${[...TEXT_PROTOCOLS, PROTOBUF].join(", ")}`,
});
const protocols = z
  .array(protocol)
  .min(1, "at least one")
  .refine((list) => new Set(list).size === list.length, "a protocol is there twice")
  .transform((list) => list.filter((one) => one !== PROTOBUF))
  .refine((list) => list.length > 0, "protobuf is not supported: name a text protocol as well");

const interval = duration.refine((ms) => ms >= SECOND_MS, "at least 1s");

const limits = {
  body_size_limit: bytes.optional(),
  sample_limit: count.optional(),
  target_limit: count.optional(),
  label_limit: count.optional(),
  label_name_length_limit: count.optional(),
  label_value_length_limit: count.optional(),
  keep_dropped_targets: count.optional(),
  scrape_protocols: protocols.optional(),
};

const isOff = (value: unknown) => value === false || value === 0;
const NATIVE = "not supported: native histograms come by protobuf, and only texts are scraped";

/** What newer releases of Prometheus have in a job and in `global` alike. */
const refusedFormats = {
  scrape_classic_histograms: refused(NATIVE, isOff),
  always_scrape_classic_histograms: refused(NATIVE, isOff),
  scrape_native_histograms: refused(NATIVE, isOff),
  convert_classic_histograms_to_nhcb: refused(
    "not supported: classic histograms stay what they are",
    isOff,
  ),
  metric_name_validation_scheme: refused(
    "not supported: remove it; names are those of the legacy scheme",
    (value) => value === "legacy",
  ),
  metric_name_escaping_scheme: refused(
    "not supported: remove it; names that are not of the legacy scheme are asked for with underscores",
    (value) => value === "underscores",
  ),
  scrape_failure_log_file: refused(
    "not supported: remove it; `telltale targets` shows why a scrape failed",
    (value) => value === "",
  ),
  extra_scrape_metrics: refused("not supported: remove it", isOff),
};

const scrapeJob = z.strictObject({
  job_name: text.min(1, "must not be empty").max(1024),
  scrape_interval: interval.optional(),
  scrape_timeout: duration.optional(),
  metrics_path: text.optional(),
  scheme: z.enum(["http", "https"], { error: "must be http or https" }).optional(),
  params: z.record(text, z.array(text).max(1000)).optional(),
  honor_labels: z.boolean().optional(),
  honor_timestamps: z.boolean().optional(),
  track_timestamps_staleness: z.boolean().optional(),
  enable_compression: z.boolean().optional(),
  fallback_scrape_protocol: z
    .enum(TEXT_PROTOCOLS, { error: `must be one of ${TEXT_PROTOCOLS.join(", ")}` })
    .optional(),
  relabel_configs: relabelRules.optional(),
  metric_relabel_configs: relabelRules.optional(),
  ...limits,
  ...httpFields,
  ...discoveryFields,
  ...refusedFormats,
  native_histogram_bucket_limit: refused(NATIVE, isOff),
  native_histogram_min_bucket_factor: refused(NATIVE, isOff),
});

/** Prometheus reads no JSON: only the agent's own jobs do. */
const agentJob = scrapeJob.extend({ fields: jsonFields.optional() });

/** Somebody else's: see IGNORED in read-scrape-configs.ts. */
const ignored = z.unknown().optional();

/** `global`: what it says of rules and of other servers is somebody else's. */
const globals = z.strictObject({
  scrape_interval: interval.optional(),
  scrape_timeout: duration.optional(),
  ...limits,
  ...refusedFormats,
  evaluation_interval: ignored,
  rule_query_offset: ignored,
  query_log_file: ignored,
  external_labels: ignored,
});

const jobsOf = <Job extends z.ZodType>(job: Job) =>
  z
    .array(job)
    .max(JOBS_MAX)
    .nullish()
    .transform((list) => list ?? []);
const fileNames = z
  .array(z.string().min(1).max(4096))
  .max(JOBS_MAX)
  .nullish()
  .transform((list) => list ?? []);

/** What an agent's own file has of scraping; its other keys are checked elsewhere. */
export const agentScrapeFile = z.object({
  scrape_configs: jobsOf(agentJob),
  scrape_config_files: fileNames,
});

/** A file of `scrape_config_files`, which may be a whole prometheus.yml. */
export const prometheusFile = z.strictObject({
  global: globals.nullish().transform((given) => given ?? {}),
  scrape_configs: jobsOf(scrapeJob),
  scrape_config_files: fileNames,
  alerting: ignored,
  rule_files: ignored,
  remote_write: ignored,
  remote_read: ignored,
  storage: ignored,
  tracing: ignored,
  otlp: ignored,
  runtime: ignored,
});

export type RawJob = z.infer<typeof agentJob>;
export type RawGlobals = Pick<
  z.infer<typeof globals>,
  "scrape_interval" | "scrape_timeout" | keyof typeof limits
>;
