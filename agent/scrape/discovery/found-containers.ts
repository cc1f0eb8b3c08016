import type { ContainerFacts } from "../../containers/container-facts.ts";
import type { FoundTargets } from "../scraper.ts";
import { vantageOf } from "./container-address.ts";
import { containerTargets } from "./container-targets.ts";

/** Who knows the containers of this node. */
export type KnownContainers = {
  readonly changes: number;
  containers(): Iterable<{ readonly facts: ContainerFacts }>;
};

/**
 * Targets that labels of containers ask for.
 * @param node the node's name
 * @param ownId the container that the agent runs in; null: none
 */
export function foundContainers(
  known: KnownContainers | null,
  node: string,
  ownId: string | null,
): FoundTargets {
  return {
    jobName: "containers",
    get changes() {
      return known?.changes ?? 0;
    },
    find: () => {
      const all = [...(known?.containers() ?? [])].map(({ facts }) => facts);
      const own = all.find(({ id }) => id === ownId) ?? null;
      return containerTargets(all, vantageOf(own), node);
    },
  };
}
