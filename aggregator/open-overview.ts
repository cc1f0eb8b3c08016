import { repeat } from "../shared/time/repeat.ts";
import type { QueryPort } from "./api/ports.ts";
import type { Fleet } from "./fleet/fleet.ts";
import type { AlertsView } from "./notify/alerts-view.ts";
import type { Opening } from "./platform.ts";
import { ChangeLog } from "./web/change-log.ts";
import { ContainerList } from "./web/container-list.ts";
import { OverviewFeed } from "./web/overview-feed.ts";

/** What the page shows, of all that is open. */
export function openOverview(
  { platform, parts }: Opening,
  query: QueryPort,
  fleet: Fleet,
  alerts: AlertsView,
): { readonly overview: OverviewFeed; readonly containers: ContainerList } {
  const { clock, logger } = platform;
  const compile = (text: string) => query.compile(text);
  const nodes = () => fleet.nodes();
  const log = new ChangeLog({ compile, nodes, clock });
  parts.run((signal) => repeat(log.task, platform, signal));
  const overview = new OverviewFeed({
    ...{ compile, nodes },
    alerts: () => alerts.alerts(),
    silences: () => alerts.silences(),
    changes: () => log.changes(),
    ...{ clock, logger },
  });
  const containers = new ContainerList({ compile, clock });
  parts.use(containers);
  parts.use(overview);
  return { overview, containers };
}
