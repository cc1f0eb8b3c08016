/**
 * From what a discovery finds to what is scraped, as Prometheus 2.42 makes targets.
 * Source: prometheus.io/docs, "Configuration", relabel_config.
 */

import { isIPv6 } from "node:net";
import { durationMs, formatDuration } from "../../shared/model/duration.ts";
import {
  isLabelText,
  type Labels,
  labelPairs,
  labelsFrom,
  labelsKey,
  labelValue,
} from "../../shared/model/labels.ts";
import type { DroppedTarget } from "../../shared/model/target.ts";
import type { ScrapeConfig } from "./config/scrape-config.ts";
import type { Relabel } from "./relabel.ts";
import { targetUrl } from "./target-url.ts";

/** What a discovery says of one place: each target's own labels win over those of the group. */
export type TargetGroup = {
  readonly targets: readonly Labels[];
  readonly labels: Labels;
};

export type Target = {
  /** Another one for each target of a job, and the same as long as its labels and URL are. */
  readonly key: string;
  /** `job_name`; the label `job` may be another. */
  readonly job: string;
  readonly url: string;
  /** Without those that begin with `__`. */
  readonly labels: Labels;
  /** Before relabelling. */
  readonly discovered: Labels;
  readonly intervalMs: number;
  readonly timeoutMs: number;
};

export type TargetsOfJob = {
  readonly targets: readonly Target[];
  /** The first of those that are not scraped, for display. */
  readonly dropped: readonly DroppedTarget[];
  readonly droppedCount: number;
  /** More targets than `target_limit`: as in Prometheus, then none of them is scraped. */
  readonly isOverLimit: boolean;
};

/** Of a job, whatever its configuration says. */
const TARGETS_MAX = 10_000;
const KEPT_DROPPED_MAX = 1000;
const INTERVAL_MS_MIN = 1000;

/** The targets of a job, each once. */
export function targetsOf(
  config: ScrapeConfig,
  relabel: Relabel,
  groups: readonly TargetGroup[],
): TargetsOfJob {
  const targets = new Map<string, Target>();
  const dropped: DroppedTarget[] = [];
  const keptMax = Math.min(config.limits.keptDroppedTargets || KEPT_DROPPED_MAX, KEPT_DROPPED_MAX);
  let droppedCount = 0;
  const drop = (discovered: Labels, reason: string) => {
    droppedCount += 1;
    if (dropped.length < keptMax) dropped.push({ job: config.jobName, discovered, reason });
  };
  for (const group of groups) {
    for (const own of group.targets) {
      const discovered = discoveredLabels(config, own, group.labels);
      const target = targetOf(config, relabel, discovered);
      if (typeof target === "string") drop(discovered, target);
      else if (targets.has(target.key)) continue;
      else if (targets.size < TARGETS_MAX) targets.set(target.key, target);
      else drop(discovered, `a job has at most ${TARGETS_MAX} targets`);
    }
  }
  const { targets: limit } = config.limits;
  const isOverLimit = limit > 0 && targets.size > limit;
  return { targets: [...targets.values()], dropped, droppedCount, isOverLimit };
}

/** What relabelling begins with: the configuration stands where the target does not say. */
function discoveredLabels(config: ScrapeConfig, own: Labels, group: Labels): Labels {
  const labels = new Map([...labelPairs(group), ...labelPairs(own)]);
  const byDefault = [
    ["job", config.jobName],
    ["__scrape_interval__", formatDuration(config.intervalMs)],
    ["__scrape_timeout__", formatDuration(config.timeoutMs)],
    ["__metrics_path__", config.metricsPath],
    ["__scheme__", config.scheme],
  ] as const;
  for (const [name, value] of byDefault) if (!labels.get(name)) labels.set(name, value);
  for (const [name, [first]] of Object.entries(config.params)) {
    if (first !== undefined) labels.set(`__param_${name}`, first);
  }
  return labelsFrom(labels);
}

/** Or why there is none. */
function targetOf(config: ScrapeConfig, relabel: Relabel, discovered: Labels): Target | string {
  const relabelled = relabel(discovered);
  if (relabelled === null) return "relabel_configs dropped it";
  if (!relabelled.every(isLabelText)) return "a label holds what no label can hold";
  const scheme = labelValue(relabelled, "__scheme__");
  if (scheme !== "http" && scheme !== "https") return `__scheme__ is neither http nor https`;
  const address = withPort(labelValue(relabelled, "__address__"), scheme);
  if (address === null) return "__address__ is not HOST:PORT";
  const times = timesOf(relabelled);
  if (typeof times === "string") return times;
  const url = targetUrl({ scheme, address, labels: relabelled, params: config.params });
  if (!URL.canParse(url)) return "__address__ and __metrics_path__ make no URL";
  const labels = labelsFrom([
    ["instance", address],
    ...labelPairs(relabelled).filter(([name]) => !name.startsWith("__")),
  ]);
  return {
    key: `${url}\u0000${labelsKey(labels)}`,
    job: config.jobName,
    url,
    labels,
    discovered,
    ...times,
  };
}

const ADDRESS = /^(?:\[([^[\]]*)\]|([^:[\]]*))(?::([^:[\]]*))?$/;
const DEFAULT_PORTS = { http: "80", https: "443" } as const;

/** As Prometheus 2.42, which names the port even where it is the scheme's; null: no address. */
function withPort(address: string, scheme: "http" | "https"): string | null {
  const [, bracketed, plain, port] = ADDRESS.exec(address) ?? [];
  const host = bracketed ?? plain ?? "";
  if (host === "" || /[\s/?#@\\]/.test(address)) return null;
  if (bracketed !== undefined && !isIPv6(bracketed.split("%")[0] ?? "")) return null;
  if (port === undefined) return `${address}:${DEFAULT_PORTS[scheme]}`;
  return /^\d{1,5}$/.test(port) && Number(port) <= 65_535 ? address : null;
}

type Times = Pick<Target, "intervalMs" | "timeoutMs">;

function timesOf(labels: Labels): Times | string {
  const intervalMs = durationMs(labelValue(labels, "__scrape_interval__"));
  const timeoutMs = durationMs(labelValue(labels, "__scrape_timeout__"));
  if (intervalMs === null) return "__scrape_interval__ is not a duration";
  if (timeoutMs === null || timeoutMs === 0) return "__scrape_timeout__ is not a duration over 0";
  if (intervalMs < INTERVAL_MS_MIN) return "__scrape_interval__ is under 1s";
  if (timeoutMs > intervalMs) return "__scrape_timeout__ is over __scrape_interval__";
  return { intervalMs, timeoutMs };
}
