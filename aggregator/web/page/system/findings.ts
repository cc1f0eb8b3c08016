import type { Delivery } from "../alerts/delivery.ts";
import { figureOf, type SystemNode, type SystemState, unaccountedOf } from "./load-system.ts";

/** What somebody should look at. `subject`: a node, a target, a receiver; "" where there is only one. */
export type Finding = {
  readonly kind: FindingKind;
  readonly level: "critical" | "warning" | "info";
  readonly subject: string;
  readonly value: number;
  /** What was said of it. */
  readonly text: string;
};

type FindingKind =
  | "unaccounted"
  | "clockOff"
  | "lost"
  | "logBehind"
  | "targetDown"
  | "receiverWaits"
  | "receiverRefuses"
  | "nearLimit"
  | "mixedVersions";

/** How near to a limit something is. `most` in the unit of `now`. */
export type Limit = {
  readonly name: "nodes" | "disk" | "outbox" | "pages" | "agentMemory";
  readonly unit: "count" | "bytes" | "share";
  /** Of which node it is. */
  readonly subject: string;
  readonly now: number;
  readonly most: number;
};

/** docs/limits.md has them. */
const NODES_MAX = 10_000;
const OUTBOX_MAX = 100_000;
const PAGES_MAX = 500;
export const NEAR_FROM = 0.8;
const FULL_FROM = 0.95;
const LAG_MAX_S = 30;
const WAIT_MAX_S = 300;
/** Of one kind. */
const FINDINGS_MAX = 20;

const LEVELS = ["critical", "warning", "info"];

/** Worst first. */
export function findingsOf(state: SystemState): Finding[] {
  const kinds = [
    state.nodes.flatMap(accountFindings),
    nodeFindings(state, "lost", 0.5, "warning"),
    nodeFindings(state, "logBehind", LAG_MAX_S, "warning"),
    targetFindings(state),
    receiverFindings(state),
    limitFindings(state),
    versionFindings(state),
  ];
  return kinds
    .flatMap((found) => found.slice(0, FINDINGS_MAX))
    .sort((a, b) => LEVELS.indexOf(a.level) - LEVELS.indexOf(b.level));
}

function accountFindings(node: SystemNode): Finding[] {
  const found: Finding[] = [];
  const unaccounted = unaccountedOf(node);
  const of = { subject: node.name, text: "" };
  if (unaccounted > 0) {
    found.push({ ...of, kind: "unaccounted", level: "critical", value: unaccounted });
  }
  if (node.isClockOff && node.state === "up") {
    found.push({ ...of, kind: "clockOff", level: "warning", value: node.clockAheadMs ?? 0 });
  }
  return found;
}

function nodeFindings(
  { figures }: SystemState,
  kind: "lost" | "logBehind",
  from: number,
  level: Finding["level"],
): Finding[] {
  return figures[kind === "lost" ? "lost" : "logLag"]
    .map(({ metric, value }): Finding => {
      const [subject, number] = [metric["instance"] ?? "", Number(value[1])];
      return { kind, level, subject, value: number, text: "" };
    })
    .filter(({ value }) => value > from)
    .sort((a, b) => b.value - a.value);
}

function targetFindings({ targets }: SystemState): Finding[] {
  return targets
    .filter(({ health }) => health === "down")
    .map(({ scrapeUrl, lastError }): Finding => {
      return {
        kind: "targetDown",
        level: "warning",
        subject: scrapeUrl,
        value: 0,
        text: lastError,
      };
    });
}

/** Each receiver by what its last notification came to. */
function receiverFindings(state: SystemState): Finding[] {
  return state.receivers.flatMap((subject): Finding[] => {
    const last = lastDelivery(state.deliveries, subject);
    const text = last?.answer ?? "";
    const waitsS = Number(
      state.figures.oldestWaiting.find(({ metric }) => metric["receiver"] === subject)?.value[1] ??
        0,
    );
    if (waitsS > WAIT_MAX_S) {
      return [{ kind: "receiverWaits", level: "critical", subject, value: waitsS, text }];
    }
    const isRefused = last?.outcome === "rejected" || last?.outcome === "expired";
    return isRefused
      ? [{ kind: "receiverRefuses", level: "critical", subject, value: 0, text }]
      : [];
  });
}

export function lastDelivery(
  deliveries: readonly Delivery[],
  receiver: string,
): Delivery | undefined {
  return deliveries.find((one) => one.receiver === receiver);
}

function limitFindings(state: SystemState): Finding[] {
  return limitsOf(state)
    .filter(({ now, most }) => now / most >= NEAR_FROM)
    .map(({ name, subject, now, most }): Finding => {
      const share = now / most;
      const level = share >= FULL_FROM && name !== "agentMemory" ? "critical" : "warning";
      return { kind: "nearLimit", level, subject, value: share, text: name };
    });
}

function versionFindings({ version, nodes }: SystemState): Finding[] {
  const others = versionsOf(nodes).filter(([one]) => one !== version);
  if (others.length === 0) return [];
  const text = others.map(([one, count]) => `${one} (${count})`).join(", ");
  return [{ kind: "mixedVersions", level: "info", subject: version, value: others.length, text }];
}

/** Of the agents, with how many have each; most first. */
export function versionsOf(nodes: readonly SystemNode[]): [version: string, count: number][] {
  const counts = new Map<string, number>();
  for (const { agentVersion } of nodes) {
    if (agentVersion !== "") counts.set(agentVersion, (counts.get(agentVersion) ?? 0) + 1);
  }
  return [...counts].sort((a, b) => b[1] - a[1]);
}

/** What is known of limits, the nearest first. */
export function limitsOf(state: SystemState): Limit[] {
  const limits: Limit[] = [
    { name: "nodes", unit: "count", subject: "", now: state.nodes.length, most: NODES_MAX },
    {
      ...{ name: "outbox", unit: "count", subject: "" },
      ...{ now: figureOf(state, "outbox") ?? 0, most: OUTBOX_MAX },
    },
    {
      ...{ name: "pages", unit: "count", subject: "" },
      ...{ now: figureOf(state, "pages") ?? 0, most: PAGES_MAX },
    },
  ];
  const [free, size] = [figureOf(state, "diskFree"), figureOf(state, "diskSize")];
  if (free !== null && size !== null && size > 0) {
    limits.push({ name: "disk", unit: "bytes", subject: "", now: size - free, most: size });
  }
  const shares = state.figures.memoryShare.map(({ metric, value }) => {
    return { subject: metric["instance"] ?? "", now: Number(value[1]) };
  });
  const worst = shares.sort((a, b) => b.now - a.now)[0];
  if (worst !== undefined) limits.push({ name: "agentMemory", unit: "share", ...worst, most: 1 });
  return limits.sort((a, b) => b.now / b.most - a.now / a.most);
}

/** Worst first: unaccounted, clocks off, then by what waits. */
export function accountOrder(nodes: readonly SystemNode[], waits: (name: string) => number) {
  const rank = (node: SystemNode) =>
    (unaccountedOf(node) > 0 ? 4 : 0) + (node.isClockOff ? 2 : 0) + (node.state === "down" ? 1 : 0);
  return nodes.toSorted(
    (a, b) => rank(b) - rank(a) || waits(b.name) - waits(a.name) || (a.name < b.name ? -1 : 1),
  );
}
