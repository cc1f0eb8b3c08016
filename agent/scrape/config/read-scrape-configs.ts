import { dirname, resolve } from "node:path";
import type { z } from "zod";
import {
  decodeYaml,
  type Fault,
  formatPath,
  type Path,
} from "../../../shared/config/decode-yaml.ts";
import { type Report, reportBelow } from "../../../shared/config/report.ts";
import { readDiscoveries } from "./discovery-fields.ts";
import { readHttp } from "./http-fields.ts";
import type { ScrapeConfig, ScrapeLimits } from "./scrape-config.ts";
import { agentScrapeFile, prometheusFile, type RawGlobals, type RawJob } from "./scrape-schema.ts";

export type ConfigText = { readonly path: string; readonly text: string };

export type ScrapeReading = {
  readonly configs: readonly ScrapeConfig[];
  /** What a prometheus.yml has that is somebody else's. */
  readonly notes: readonly string[];
  readonly faults: readonly Fault[];
};

const DEFAULTS = { intervalMs: 60_000, timeoutMs: 10_000 };
/** A prometheus.yml may name files in its turn. */
const DEPTH_MAX = 2;

/** What is in effect where a job says nothing. */
type Inherited = { readonly globals: RawGlobals; readonly depth: number };

/**
 * Reads `scrape_configs` and the files of `scrape_config_files`, and finds all faults at once.
 * @param readFiles those that match a path or pattern; throws OperationalError CONFIG
 */
export function readScrapeConfigs(
  agentFile: ConfigText,
  readFiles: (pattern: string) => readonly ConfigText[],
): ScrapeReading {
  const reader = new Reader(readFiles);
  reader.readAgentFile(agentFile);
  return reader;
}

class Reader implements ScrapeReading {
  readonly configs: ScrapeConfig[] = [];
  readonly notes: string[] = [];
  readonly faults: Fault[] = [];
  readonly #readFiles: (pattern: string) => readonly ConfigText[];
  /** Where a job is that has the name. */
  readonly #jobs = new Map<string, string>();
  readonly #filesRead = new Set<string>();

  constructor(readFiles: (pattern: string) => readonly ConfigText[]) {
    this.#readFiles = readFiles;
  }

  readAgentFile(file: ConfigText): void {
    this.#readFile(agentScrapeFile, file, { globals: {}, depth: 0 });
  }

  #readFile(
    schema: typeof agentScrapeFile | typeof prometheusFile,
    { path, text }: ConfigText,
    above: Inherited,
  ): void {
    if (this.#filesRead.has(path)) return; // two patterns may match it
    this.#filesRead.add(path);
    const decoded = decodeYaml<z.infer<typeof agentScrapeFile | typeof prometheusFile>>(
      schema,
      path,
      text,
      "fitted",
    );
    if (decoded.value === null) {
      this.faults.push(...decoded.faults);
      return;
    }
    const { value, lineOf } = decoded;
    const report: Report = (message, at = []) => {
      this.faults.push({ file: path, line: lineOf(at), path: formatPath(at), message });
    };
    const globals = "global" in value ? { ...above.globals, ...value.global } : above.globals;
    if ("global" in value) this.#note(path, value, lineOf);
    checkGlobals(globals, reportBelow(report, "global"));
    for (const [index, job] of value.scrape_configs.entries()) {
      const place = `${path}:${lineOf(["scrape_configs", index])}`;
      const below = reportBelow(reportBelow(report, "scrape_configs"), index);
      this.#checkName(job.job_name, place, below);
      this.configs.push(readJob(job, globals, { folder: dirname(path), report: below }));
    }
    for (const [index, pattern] of value.scrape_config_files.entries()) {
      const below = reportBelow(reportBelow(report, "scrape_config_files"), index);
      this.#readNamed(resolve(dirname(path), pattern), { globals, depth: above.depth + 1 }, below);
    }
  }

  #readNamed(pattern: string, inherited: Inherited, report: Report): void {
    if (inherited.depth > DEPTH_MAX) {
      report("files that name files that name files");
      return;
    }
    for (const file of this.#readFiles(pattern)) this.#readFile(prometheusFile, file, inherited);
  }

  #checkName(name: string, place: string, report: Report): void {
    const other = this.#jobs.get(name);
    if (other === undefined) this.#jobs.set(name, place);
    else report(`the job "${name}" is at ${other} already`, ["job_name"]);
  }

  #note(path: string, value: z.infer<typeof prometheusFile>, lineOf: (path: Path) => number): void {
    for (const [places, use] of IGNORED) {
      const parent: object = places.length === 1 ? value : value.global;
      if ((Reflect.get(parent, places.at(-1) ?? "") ?? null) === null) continue;
      this.notes.push(`${path}:${lineOf(places)}: ${places.join(".")} is ignored${use}`);
    }
  }
}

/** What is read past in a prometheus.yml, and where it belongs instead. */
const IGNORED: readonly (readonly [places: readonly string[], use: string])[] = [
  [["global", "external_labels"], `: labels of all series are "labels" in the agent's own file`],
  [["global", "evaluation_interval"], ": rules are the aggregator's"],
  [["global", "rule_query_offset"], ": rules are the aggregator's"],
  [["global", "query_log_file"], ""],
  [["alerting"], ": alerts are the aggregator's"],
  [["rule_files"], ": rules are the aggregator's"],
  [["remote_write"], ": all samples go to the aggregator"],
  [["remote_read"], ""],
  [["storage"], ": samples are stored by the aggregator"],
  [["tracing"], ""],
  [["otlp"], ""],
  [["runtime"], ""],
];

function checkGlobals(globals: RawGlobals, report: Report): void {
  const { scrape_interval: intervalMs = DEFAULTS.intervalMs, scrape_timeout: timeoutMs } = globals;
  if (timeoutMs !== undefined && timeoutMs > intervalMs) {
    report("must not be over scrape_interval", ["scrape_timeout"]);
  }
}

type JobPlace = { readonly folder: string; readonly report: Report };

function readJob(raw: RawJob, globals: RawGlobals, { folder, report }: JobPlace): ScrapeConfig {
  const intervalMs = raw.scrape_interval ?? globals.scrape_interval ?? DEFAULTS.intervalMs;
  const inherited = globals.scrape_timeout ?? DEFAULTS.timeoutMs;
  const timeoutMs = raw.scrape_timeout ?? Math.min(inherited, intervalMs);
  if (timeoutMs > intervalMs) report("must not be over scrape_interval", ["scrape_timeout"]);
  const absolute = (path: string) => resolve(folder, path);
  return {
    jobName: raw.job_name,
    intervalMs,
    timeoutMs,
    metricsPath: raw.metrics_path || "/metrics",
    scheme: raw.scheme ?? "http",
    params: raw.params ?? {},
    honorLabels: raw.honor_labels ?? false,
    honorTimestamps: raw.honor_timestamps ?? true,
    trackTimestampsStaleness: raw.track_timestamps_staleness ?? false,
    enableCompression: raw.enable_compression ?? true,
    protocols: raw.scrape_protocols ?? globals.scrape_protocols ?? PROTOCOLS,
    fallbackProtocol: raw.fallback_scrape_protocol ?? null,
    fields: raw.fields ?? null,
    limits: readLimits(raw, globals),
    http: readHttp(raw, absolute, report),
    relabel: raw.relabel_configs ?? [],
    metricRelabel: raw.metric_relabel_configs ?? [],
    ...readDiscoveries(raw, absolute, report),
  };
}

/** As in Prometheus, a job's 0 says nothing: the limit of all jobs stands. */
function readLimits(raw: RawJob, globals: RawGlobals): ScrapeLimits {
  const limit = (name: LimitName) => raw[name] || globals[name] || 0;
  return {
    bodyBytes: limit("body_size_limit"),
    samples: limit("sample_limit"),
    labels: limit("label_limit"),
    labelNameLength: limit("label_name_length_limit"),
    labelValueLength: limit("label_value_length_limit"),
    targets: limit("target_limit"),
    keptDroppedTargets: limit("keep_dropped_targets"),
  };
}

type LimitName = Exclude<
  keyof RawGlobals,
  "scrape_interval" | "scrape_timeout" | "scrape_protocols"
>;

const PROTOCOLS = ["OpenMetricsText1.0.0", "OpenMetricsText0.0.1", "PrometheusText0.0.4"] as const;
