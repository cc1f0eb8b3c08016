import { labelsFrom } from "../../../shared/model/labels.ts";
import type { StaticGroup } from "../config/scrape-config.ts";
import type { TargetGroup } from "../targets.ts";

/** `static_configs`. */
export function staticGroups(groups: readonly StaticGroup[]): TargetGroup[] {
  return groups.map(({ targets, labels }) => ({
    targets: targets.map((address) => labelsFrom([["__address__", address]])),
    labels: labelsFrom(Object.entries(labels)),
  }));
}
