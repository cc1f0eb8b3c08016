import { FIGURES, type Figure, type Overview } from "../../overview-shape.ts";

export const SORTS = ["worst", "name", ...FIGURES] as const;
export type Sort = (typeof SORTS)[number];

/** Alerts of a node that nobody has silenced: the worst one's severity, and how many there are. */
export type NodeAlerts = { readonly count: number; readonly isCritical: boolean };

const NO_ALERTS: NodeAlerts = { count: 0, isCritical: false };
/** Figures by which a node is bad, each from where it begins to be. */
const STRAINED: Partial<Record<Figure, number>> = { cpu: 0.7, memory: 0.8, disk: 0.8 };
/** Nodes that differ by less keep their places, so that rows stay where they are. */
const STEP = 0.05;

/** What fires and is not silenced, by the node that it is about. */
export function alertsByNode({ alerts }: Overview): ReadonlyMap<string, NodeAlerts> {
  const found = new Map<string, NodeAlerts>();
  alerts.labels.forEach((labels, i) => {
    const node = labels["instance"];
    if (node === undefined || (alerts.silencedBy[i]?.length ?? 0) > 0) return;
    const { count, isCritical } = found.get(node) ?? NO_ALERTS;
    const isWorst = isCritical || labels["severity"] === "critical";
    found.set(node, { count: count + 1, isCritical: isWorst });
  });
  return found;
}

/** Places of the nodes that match, in the order in which they are shown. */
export function nodeOrder(
  { nodes }: Overview,
  { filter, sort, state }: { readonly filter: string; readonly sort: Sort; readonly state: string },
  alerts: ReadonlyMap<string, NodeAlerts>,
): number[] {
  const texts = wordsOf(filter);
  const places: number[] = [];
  nodes.name.forEach((name, i) => {
    if (state !== "" && nodes.state[i] !== state) return;
    if (hasAll(name.toLowerCase(), texts)) places.push(i);
  });
  if (sort === "name") return places;
  const score = scoreBy(nodes, sort, alerts);
  const scores = new Map(places.map((place) => [place, score(place)]));
  return places.sort((a, b) => (scores.get(b) ?? 0) - (scores.get(a) ?? 0) || a - b);
}

function scoreBy(
  nodes: Overview["nodes"],
  sort: Exclude<Sort, "name">,
  alerts: ReadonlyMap<string, NodeAlerts>,
): (place: number) => number {
  if (sort !== "worst") return (place) => nodes[sort][place] ?? -1;
  return (place) => badness(nodes, place, alerts.get(nodes.name[place] ?? "") ?? NO_ALERTS);
}

/** A node that fell silent is worse than any alert; one that has left is no trouble. */
function badness(nodes: Overview["nodes"], place: number, alerts: NodeAlerts): number {
  const state = nodes.state[place];
  if (state === "left") return -1;
  const silence = state === "down" ? 1000 : state === "awaited" ? 400 : 0;
  const alerting =
    alerts.count === 0 ? 0 : (alerts.isCritical ? 200 : 100) + Math.min(50, alerts.count);
  let strain = 0;
  for (const name of FIGURES) {
    const from = STRAINED[name];
    const value = nodes[name][place] ?? 0;
    if (from !== undefined) strain = Math.max(strain, value >= from ? 1 + value : value);
  }
  return silence + alerting + Math.round(strain / STEP) * STEP;
}

/** How a share reads: worth a look from here on, bad from there on. */
export function levelOf(figure: Figure, value: number | null): "none" | "good" | "high" | "full" {
  if (value === null) return "none";
  const from = STRAINED[figure];
  if (from === undefined || value < from + 0.05) return "good";
  return value >= 0.95 ? "full" : "high";
}

export function wordsOf(filter: string): string[] {
  return filter
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== "");
}

export function hasAll(text: string, words: readonly string[]): boolean {
  return words.every((word) => text.includes(word));
}
