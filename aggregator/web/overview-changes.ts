import {
  type Changed,
  FIGURES,
  type FigureColumn,
  type NodeChanges,
  type NodeColumns,
  type Overview,
  type OverviewChange,
  POINT_EVERY_MS,
  POINTS,
  TRACED,
  type Traces,
} from "./overview-shape.ts";

type Point = NonNullable<OverviewChange["point"]>;

const COLUMNS = ["state", "sinceMs", ...FIGURES] as const;

/**
 * What leads from one overview to the next: `changed(before, changeOf(before, after))` is `after`.
 * Null: it has to be read anew, for other nodes are in it, or more of the past.
 */
export function changeOf(before: Overview, after: Overview): OverviewChange | null {
  if (!areSame(before.nodes.name, after.nodes.name)) return null;
  const point = pointOf(before.traces, after.traces);
  if (point === null) return null;
  const nodes = nodeChanges(before.nodes, after.nodes);
  const { alerts, services, changes } = after;
  return {
    ...{ seq: after.seq, timeMs: after.timeMs },
    ...(Object.keys(nodes).length === 0 ? {} : { nodes }),
    ...(point === undefined ? {} : { point }),
    ...(isSame(before.alerts, alerts) ? {} : { alerts }),
    ...(isSame(before.services, services) ? {} : { services }),
    ...(isSame(before.changes, changes) ? {} : { changes }),
  };
}

/** The overview after the change; what has not changed is shared with the old one. */
export function changed(overview: Overview, change: OverviewChange): Overview {
  const { nodes, point, alerts, services, changes } = change;
  return {
    ...{ seq: change.seq, timeMs: change.timeMs },
    nodes: nodes === undefined ? overview.nodes : changedNodes(overview.nodes, nodes),
    traces: point === undefined ? overview.traces : withPoint(overview.traces, point),
    alerts: alerts ?? overview.alerts,
    services: services ?? overview.services,
    changes: changes ?? overview.changes,
  };
}

/** The traces a minute on: of each node the oldest value goes. */
function withPoint(traces: Traces, point: Point): Traces {
  const next: Traces = { ...traces, endMs: point.endMs };
  for (const name of TRACED) {
    const column = [...traces[name], null].slice(1);
    point[name].forEach((value, node) => {
      column[node * POINTS + POINTS - 1] = value;
    });
    next[name] = column;
  }
  return next;
}

function nodeChanges(before: NodeColumns, after: NodeColumns): NodeChanges {
  const changes: Record<string, Changed<unknown>> = {};
  for (const name of COLUMNS) {
    const [old, now]: [readonly unknown[], readonly unknown[]] = [before[name], after[name]];
    const one: Changed<unknown> = { at: [], to: [] };
    for (let i = 0; i < now.length; i += 1) {
      if (old[i] === now[i]) continue;
      one.at.push(i);
      one.to.push(now[i]);
    }
    if (one.at.length > 0) changes[name] = one;
  }
  return changes as NodeChanges;
}

function changedNodes(nodes: NodeColumns, changes: NodeChanges): NodeColumns {
  const next: Record<string, unknown[]> = { ...nodes };
  for (const name of COLUMNS) {
    const one = changes[name];
    if (one === undefined) continue;
    const column: unknown[] = [...nodes[name]];
    one.at.forEach((place, i) => {
      column[place] = one.to[i];
    });
    next[name] = column;
  }
  return next as unknown as NodeColumns;
}

/** Undefined: none is new. Null: the traces differ by more than one minute. */
function pointOf(before: Traces, after: Traces): Point | undefined | null {
  if (before === after) return undefined;
  if (after.endMs - before.endMs !== POINT_EVERY_MS) return null;
  const point = { endMs: after.endMs } as Point;
  for (const name of TRACED) point[name] = lastPoints(after[name]);
  return point;
}

function lastPoints(column: FigureColumn): FigureColumn {
  return column.filter((_, i) => i % POINTS === POINTS - 1);
}

function areSame<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}

function isSame(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}
