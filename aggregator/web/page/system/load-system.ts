import type { NodeState } from "../../overview-shape.ts";
import type { Delivery } from "../alerts/delivery.ts";
import { getJson } from "../browser.ts";
import type { PromSample } from "../node/prom-answer.ts";
import { queryNow } from "../node/queries.ts";
import { SYSTEM_QUERIES, type SystemQuery } from "./system-queries.ts";

/** How the parts of Telltale stand, as its API says it. */
export type SystemState = {
  readonly version: string;
  readonly nodes: readonly SystemNode[];
  readonly targets: readonly SystemTarget[];
  readonly receivers: readonly string[];
  /** Newest first. */
  readonly deliveries: readonly Delivery[];
  readonly figures: Readonly<Record<SystemQuery, readonly PromSample[]>>;
};

/** As `telltale nodes --output json`. */
export type SystemNode = {
  readonly name: string;
  readonly state: NodeState;
  readonly stateSince: string | null;
  readonly agentVersion: string;
  readonly series: number;
  readonly clockAheadMs: number | null;
  readonly isClockOff: boolean;
  readonly accounting: Accounting | null;
  readonly logAccounting: Accounting | null;
};

/** Of frames, or of blocks of log lines. */
type Accounting = {
  readonly waiting: number;
  readonly dropped: Readonly<Record<string, number>>;
  readonly unaccounted: number;
};

/** As Prometheus' API says it, with the node whose agent scrapes it. */
export type SystemTarget = {
  readonly labels: Readonly<Record<string, string>>;
  readonly scrapePool: string;
  readonly scrapeUrl: string;
  readonly health: "up" | "down" | "unknown";
  readonly lastError: string;
  readonly node: string;
};

const NAMES = Object.keys(SYSTEM_QUERIES) as SystemQuery[];

/** @throws RequestError; the signal's reason */
export async function loadSystem(signal: AbortSignal): Promise<SystemState> {
  const asked = NAMES.map(async (name) => [name, await queryNow(SYSTEM_QUERIES[name], signal)]);
  const [build, nodes, targets, receivers, deliveries, ...figures] = await Promise.all([
    getJson<{ data: { version: string } }>("/api/v1/status/buildinfo", signal),
    getJson<SystemNode[]>("/api/telltale/v1/nodes", signal),
    getJson<{ data: { activeTargets: SystemTarget[] } }>("/api/v1/targets?state=active", signal),
    getJson<{ name: string }[]>("/api/v2/receivers", signal),
    getJson<Delivery[]>("/api/telltale/v1/notifications?limit=1000", signal),
    ...asked,
  ]);
  return {
    ...{ version: build.data.version, nodes, targets: targets.data.activeTargets },
    ...{ receivers: receivers.map(({ name }) => name), deliveries },
    figures: Object.fromEntries(figures) as SystemState["figures"],
  };
}

/** The value of the only series, or of that of a node; null: there is none. */
export function figureOf(
  { figures }: Pick<SystemState, "figures">,
  name: SystemQuery,
  node?: string,
): number | null {
  const found = figures[name].find(({ metric }) => {
    return node === undefined || metric["instance"] === node;
  });
  const value = Number(found?.value[1]);
  return found === undefined || !Number.isFinite(value) ? null : value;
}

export function sumOf({ figures }: Pick<SystemState, "figures">, name: SystemQuery): number {
  return figures[name].reduce((sum, { value }) => sum + (Number(value[1]) || 0), 0);
}

export function droppedOf({ accounting, logAccounting }: SystemNode): number {
  return [accounting, logAccounting]
    .flatMap((one) => Object.values(one?.dropped ?? {}))
    .reduce((sum, count) => sum + count, 0);
}

export function unaccountedOf({ accounting, logAccounting }: SystemNode): number {
  return (accounting?.unaccounted ?? 0) + (logAccounting?.unaccounted ?? 0);
}

export function waitingOf({ accounting, logAccounting }: SystemNode): number {
  return (accounting?.waiting ?? 0) + (logAccounting?.waiting ?? 0);
}
