import { formatDuration } from "../../shared/model/duration.ts";
import { compareText, labelsRecord } from "../../shared/model/labels.ts";
import { formatRfc3339, ZERO_TIME } from "../../shared/model/rfc3339.ts";
import type { Parameters } from "./parameters.ts";
import type { StandingTarget, StandingTargets } from "./standing-targets.ts";

/**
 * `/api/v1/targets` and `/api/v1/scrape_pools`; fields that Prometheus does not have are `node` and
 * `asOf`. Source: prometheus.io/docs, "HTTP API", Targets.
 */

/** JSON text. As in Prometheus, a `state` that is none of active, dropped and any shows nothing. */
export function targetsText(nodes: readonly StandingTargets[], parameters: Parameters): string {
  const state = (parameters.get("state") ?? "").toLowerCase() || "any";
  const pool = parameters.get("scrapePool") ?? "";
  const isWanted = ({ job }: { readonly job: string }) => pool === "" || job === pool;
  const showsActive = state === "any" || state === "active";
  const showsDropped = state === "any" || state === "dropped";
  return JSON.stringify({
    activeTargets: showsActive
      ? nodes.flatMap((node) => node.targets.filter(isWanted).map((one) => activeTarget(one, node)))
      : [],
    droppedTargets: showsDropped
      ? nodes.flatMap(({ node, notes }) =>
          notes.dropped.filter(isWanted).map(({ job, discovered }) => {
            return { discoveredLabels: labelsRecord(discovered), scrapePool: job, node };
          }),
        )
      : [],
    droppedTargetCounts: showsDropped ? droppedCounts(nodes) : {},
  });
}

/** JSON text. */
export function scrapePoolsText(nodes: readonly StandingTargets[]): string {
  const jobs = nodes.flatMap(({ targets, notes }) => [...targets, ...notes.droppedCounts]);
  const scrapePools = [...new Set(jobs.map(({ job }) => job))].sort(compareText);
  return JSON.stringify({ scrapePools });
}

function activeTarget(target: StandingTarget, { node, isUp, toldMs }: StandingTargets): object {
  const { lastScrapeMs } = target;
  return {
    discoveredLabels: labelsRecord(target.discovered),
    labels: labelsRecord(target.labels),
    scrapePool: target.job,
    scrapeUrl: target.url,
    globalUrl: target.url,
    lastError: target.error,
    lastScrape: lastScrapeMs === 0 ? ZERO_TIME : formatRfc3339(lastScrapeMs),
    lastScrapeDuration: target.scrapeSeconds,
    health: target.health,
    scrapeInterval: formatDuration(target.intervalMs),
    scrapeTimeout: formatDuration(target.timeoutMs),
    node,
    /** When its agent was last heard of, where it is down. */
    ...(isUp ? {} : { asOf: formatRfc3339(toldMs) }),
  };
}

function droppedCounts(nodes: readonly StandingTargets[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const { notes } of nodes) {
    for (const { job, count } of notes.droppedCounts) {
      counts.set(job, (counts.get(job) ?? 0) + count);
    }
  }
  return Object.fromEntries(counts);
}
