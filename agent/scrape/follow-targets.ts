import type { ScrapeConfig } from "./config/scrape-config.ts";
import type { Discovery, DiscoveryPorts } from "./discovery/discovery.ts";
import { dockerDiscovery } from "./discovery/docker-discovery.ts";
import { FileDiscovery } from "./discovery/file-discovery.ts";
import { httpDiscovery } from "./discovery/http-discovery.ts";
import { staticGroups } from "./discovery/static-groups.ts";
import { compileRelabel } from "./relabel.ts";
import { type TargetGroup, type TargetsOfJob, targetsOf } from "./targets.ts";

/**
 * Hands over the targets of a job, at once those of `static_configs`, then all of them whenever one
 * of its discoveries finds others; until the signal.
 */
export async function followTargets(
  config: ScrapeConfig,
  ports: DiscoveryPorts,
  onTargets: (list: TargetsOfJob) => void,
  signal: AbortSignal,
): Promise<void> {
  const relabel = compileRelabel(config.relabel);
  const found: (readonly TargetGroup[])[] = [staticGroups(config.staticGroups)];
  const hand = () => onTargets(targetsOf(config, relabel, found.flat()));
  hand();
  const discoveries = discoveriesOf(config, ports);
  const runs = discoveries.map((discovery, index) => {
    const onGroups = (groups: readonly TargetGroup[]) => {
      found[index + 1] = groups;
      hand();
    };
    return discovery.run(onGroups, signal);
  });
  await Promise.all(runs);
}

function discoveriesOf(config: ScrapeConfig, ports: DiscoveryPorts): Discovery[] {
  return [
    ...config.fileDiscoveries.map((one) => new FileDiscovery(one, ports)),
    ...config.httpDiscoveries.map((one) => httpDiscovery(one, ports)),
    ...config.dockerDiscoveries.map((one) => dockerDiscovery(one, ports)),
  ];
}
