import type { QueryPort } from "./api/ports.ts";
import type { Fleet } from "./fleet/fleet.ts";
import type { AlertsView } from "./notify/alerts-view.ts";
import type { Opening } from "./platform.ts";
import { OverviewFeed } from "./web/overview-feed.ts";

/** What the page shows, of all that is open. */
export function openOverview(
  { platform, parts }: Opening,
  query: QueryPort,
  fleet: Fleet,
  alerts: AlertsView,
): OverviewFeed {
  const { clock, logger } = platform;
  const overview = new OverviewFeed({
    compile: (text) => query.compile(text),
    nodes: () => fleet.nodes(),
    alerts: () => alerts.alerts(),
    silences: () => alerts.silences(),
    ...{ clock, logger },
  });
  parts.use(overview);
  return overview;
}
