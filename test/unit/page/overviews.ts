import {
  FIGURES,
  type Figure,
  type NodeState,
  type Overview,
  POINTS,
} from "../../../aggregator/web/overview-shape.ts";

type GivenNode = { name: string; state?: NodeState } & Partial<Record<Figure, number>>;

/** An overview of these nodes, in this order, with alerts of these labels. */
export function overviewOf(
  nodes: readonly GivenNode[],
  alerts: readonly Record<string, string>[] = [],
): Overview {
  const column = (figure: Figure) => nodes.map((node) => node[figure] ?? null);
  const [cpu, memory, disk, network, load] = FIGURES.map(column) as [
    ...[ReturnType<typeof column>, ReturnType<typeof column>, ReturnType<typeof column>],
    ...[ReturnType<typeof column>, ReturnType<typeof column>],
  ];
  const points = () => new Array<null>(nodes.length * POINTS).fill(null);
  return {
    ...{ seq: 1, timeMs: 1 },
    nodes: {
      name: nodes.map(({ name }) => name),
      state: nodes.map(({ state }) => state ?? "up"),
      sinceMs: nodes.map(() => 1),
      ...{ cpu, memory, disk, network, load },
    },
    traces: { endMs: 0, cpu: points(), memory: points(), disk: points(), network: points() },
    alerts: {
      total: alerts.length,
      fingerprint: alerts.map((_, i) => String(i)),
      labels: [...alerts],
      ...{ summary: alerts.map(() => ""), description: alerts.map(() => "") },
      ...{ startsAtMs: alerts.map(() => 1), silencedBy: alerts.map(() => []) },
      ...{ silencedUntilMs: alerts.map(() => 0), inhibitors: alerts.map(() => 0) },
      acknowledgedBy: alerts.map(() => ""),
    },
    services: {
      ...{ total: 0, name: [], requestsPerSecond: [], errorRatio: [], latencySeconds: [] },
      alerts: [],
    },
    changes: [],
  };
}
