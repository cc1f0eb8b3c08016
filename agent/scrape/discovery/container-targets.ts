import { formatDuration } from "../../../shared/model/duration.ts";
import { type Labels, labelsOf } from "../../../shared/model/labels.ts";
import type { RefusedTarget } from "../../../shared/model/target.ts";
import type { ContainerFacts } from "../../containers/container-facts.ts";
import type { ContainerNetwork } from "../../containers/container-network.ts";
import { containerService } from "../../containers/service-name.ts";
import type { TargetGroup } from "../targets.ts";
import { containerAddress, type Vantage } from "./container-address.ts";
import { FOUND_TIMEOUT_MS } from "./found-config.ts";
import { type AskedScrape, askedScrape } from "./scrape-labels.ts";

/** Targets that were found by themselves, and why others were not taken. */
export type Found = {
  readonly groups: readonly TargetGroup[];
  readonly refused: readonly RefusedTarget[];
};

const TARGETS_MAX = 2000;
const NETWORK_OF_MAX = 4;
const SHORT_ID = 12;

/**
 * The targets that labels of running containers ask for, one a container and port.
 * @param node the node's name: with the port it is `instance`, which an address of a container that
 * is made anew would not be
 */
export function containerTargets(
  containers: Iterable<ContainerFacts>,
  vantage: Vantage,
  node: string,
): Found {
  const byId = new Map([...containers].map((facts) => [facts.id, facts]));
  const targets: Labels[] = [];
  const refused: RefusedTarget[] = [];
  for (const facts of byId.values()) {
    const asked = facts.state === "running" ? askedScrape(facts.labels) : null;
    if (asked === null) continue;
    const found =
      typeof asked === "string" ? asked : targetsOfOne(facts, asked, { byId, vantage, node });
    const reason =
      typeof found === "string"
        ? found
        : targets.length + found.length > TARGETS_MAX
          ? `there are more than ${TARGETS_MAX} targets`
          : null;
    if (reason !== null) refused.push({ subject: nameOf(facts), reason });
    if (typeof found !== "string" && reason === null) targets.push(...found);
  }
  return { groups: [{ targets, labels: [] }], refused };
}

type Place = { readonly port: number; readonly address: string };
type Surroundings = {
  readonly byId: ReadonlyMap<string, ContainerFacts>;
  readonly vantage: Vantage;
  readonly node: string;
};

/** Or why there is none. */
function targetsOfOne(
  facts: ContainerFacts,
  asked: AskedScrape,
  { byId, vantage, node }: Surroundings,
): readonly Labels[] | string {
  const network = networkFor(facts, byId);
  if (network === null) return "its engine does not say at which address it is";
  const ports = asked.ports.length > 0 ? asked.ports : (facts.network?.exposed ?? []);
  const [port] = ports;
  if (port === undefined) return "it names no port, and exposes none";
  if (asked.ports.length === 0 && ports.length > 1) {
    return `it names no port, and exposes several: ${ports.slice(0, 10).join(", ")}`;
  }
  const targets: Labels[] = [];
  for (const one of ports) {
    const address = containerAddress(network, one, vantage);
    if (address === null) return `no address leads to its port ${one}: publish it`;
    targets.push(labelsOfTarget(facts, asked, { port: one, address }, node));
  }
  return targets;
}

/** That of the container whose network it shares, where it shares one. */
function networkFor(
  facts: ContainerFacts,
  byId: ReadonlyMap<string, ContainerFacts>,
): ContainerNetwork | null {
  let { network } = facts;
  for (let hops = 0; hops < NETWORK_OF_MAX; hops += 1) {
    const other = /^container:(.+)$/.exec(network?.mode ?? "")?.[1];
    if (other === undefined) return network;
    network = byId.get(other)?.network ?? null;
  }
  return null;
}

function nameOf({ name, id }: ContainerFacts): string {
  return name || id.slice(0, SHORT_ID);
}

function labelsOfTarget(
  facts: ContainerFacts,
  asked: AskedScrape,
  { port, address }: Place,
  node: string,
): Labels {
  const own = (name: string) => (Object.hasOwn(facts.labels, name) ? facts.labels[name] : "") ?? "";
  const service = own("com.docker.compose.service");
  return labelsOf({
    __address__: address,
    __scheme__: asked.scheme,
    __metrics_path__: asked.path,
    ...intervalLabels(asked.intervalMs),
    job: service || nameOf(facts),
    instance: `${node}:${port}`,
    container: nameOf(facts),
    image: facts.image,
    compose_project: own("com.docker.compose.project"),
    compose_service: service,
    service: containerService(facts),
  });
}

function intervalLabels(intervalMs: number | null): Record<string, string> {
  if (intervalMs === null) return {};
  return {
    __scrape_interval__: formatDuration(intervalMs),
    __scrape_timeout__: formatDuration(Math.min(intervalMs, FOUND_TIMEOUT_MS)),
  };
}
