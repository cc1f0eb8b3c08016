import { labelsFrom, labelsKey } from "../shared/model/labels.ts";
import type { Clock, Logger } from "../shared/platform/ports.ts";
import type { SystemAuthorities } from "../shared/platform/system-authorities.ts";
import { labelledLogger } from "../shared/telemetry/labelled-logger.ts";
import type { ProbeConfig } from "./probes/config/probe-config.ts";
import type { ProbePages, probeContexts } from "./probes/probe-pages.ts";
import type { MadeTarget } from "./scrape/scraper.ts";
import type { GetPage } from "./scrape/target-loop.ts";

/** Beyond the probe's own time: so that there is a page that says that it was over. */
const SLACK_MS = 2000;
const JOB = "probe";

type Ports = {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly authorities: SystemAuthorities;
};
type Load = () => Promise<{
  readonly Pages: typeof ProbePages;
  readonly contexts: ReturnType<typeof probeContexts>;
}>;

/**
 * Probes as targets of the scraper: what one finds is its page. Several agents may probe the same
 * target, so that each says by the label `node` whose finding it is.
 */
export function probeTargets(
  configs: readonly ProbeConfig[],
  node: string,
  ports: Ports,
): readonly MadeTarget[] {
  const load = loadOnce(ports.authorities);
  return configs.map((config) => {
    const { target, intervalMs, timeoutMs } = config;
    const own = Object.entries(config.labels);
    const labels = labelsFrom([["job", JOB], ...own, ["instance", target], ["node", node]]);
    const made = {
      key: `${target}\u0000${labelsKey(labels)}`,
      job: JOB,
      url: target,
      labels,
      discovered: labels,
      intervalMs,
      timeoutMs: timeoutMs + SLACK_MS,
    };
    return { target: made, getPage: pagesOf(config, ports, load) };
  });
}

/** The probers are loaded by the first probe: an agent that has none keeps none of it in memory. */
function loadOnce(authorities: SystemAuthorities): Load {
  let loading: ReturnType<Load> | null = null;
  const load: Load = async () => {
    const { ProbePages: Pages, probeContexts: contextsOf } = await import(
      "./probes/probe-pages.ts"
    );
    return { Pages, contexts: contextsOf(authorities) };
  };
  return () => {
    loading ??= load();
    return loading;
  };
}

function pagesOf(config: ProbeConfig, { clock, logger }: Ports, load: Load): GetPage {
  const named = labelledLogger(logger, { job: JOB, instance: config.target });
  let pages: ProbePages | null = null;
  return async ({ lease }, signal) => {
    const { Pages, contexts } = await load();
    pages ??= new Pages(config, { clock, logger: named, contexts });
    const { page: body, finding } = await pages.page(lease, signal);
    return { status: 200, contentType: "text/plain", body, finding };
  };
}
