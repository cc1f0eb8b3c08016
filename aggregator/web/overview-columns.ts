import type { VectorSample } from "../../shared/model/columns.ts";
import { INSTANCE, labelsRecord, labelValue } from "../../shared/model/labels.ts";
import type { NodeStatus } from "../model/node.ts";
import type { ShownAlert } from "../model/notification.ts";
import type { Silence } from "../model/silence.ts";
import {
  type AlertColumns,
  FIGURES,
  type Figure,
  type FigureColumn,
  type NodeColumns,
} from "./overview-shape.ts";

/** Alerts that one overview shows; it says how many there are. */
const ALERTS_MAX = 1000;
/** Characters of the labels of all of them. */
const LABELS_LENGTH_MAX = 1024 * 1024;
/** Characters of a text. */
const TEXT_MAX = 1000;

/** What was found of the figures. A node that is not up has none, whatever was found. */
export type FigureVectors = Record<Figure, readonly VectorSample[]>;

export function nodeColumns(nodes: readonly NodeStatus[], figures: FigureVectors): NodeColumns {
  const sorted = nodes.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const columns: Partial<Record<Figure, FigureColumn>> = {};
  for (const name of FIGURES) {
    const values = byInstance(figures[name]);
    columns[name] = sorted.map(({ state, name: node }) => {
      return state === "up" ? rounded(name, values.get(node)) : null;
    });
  }
  return {
    name: sorted.map(({ name }) => name),
    state: sorted.map(({ state }) => state),
    sinceMs: sorted.map(({ stateSinceMs }) => stateSinceMs),
    ...(columns as Record<Figure, FigureColumn>),
  };
}

function byInstance(samples: readonly VectorSample[]): Map<string, number> {
  return new Map(samples.map(({ labels, value }) => [labelValue(labels, INSTANCE), value]));
}

/**
 * To what a person can tell apart: a figure that is not rounded is another one each time, and would
 * have to be sent again.
 */
export function rounded(figure: Figure, value: number | undefined): number | null {
  if (value === undefined || !Number.isFinite(value)) return null;
  if (figure === "network") return Number(Math.max(0, value).toPrecision(2));
  if (figure === "load") return Math.round(value * 10) / 10;
  return Math.round(Math.min(1, Math.max(0, value)) * 100) / 100;
}

const SEVERITIES = ["critical", "page", "error", "warning", "info", "none"];

/** The lower, the worse; what nobody has a word for stands between warning and info. */
function severityRank(severity: string): number {
  const rank = SEVERITIES.indexOf(severity.toLowerCase());
  return rank === -1 ? SEVERITIES.indexOf("warning") + 0.5 : rank;
}

/** What nobody sees to stands first, then by severity, then what began last. */
export function alertColumns(
  alerts: readonly ShownAlert[],
  silences: readonly Silence[],
): AlertColumns {
  const ends = new Map(silences.map(({ id, endsAtMs }) => [id, endsAtMs]));
  const shown = withinRoom(alerts.toSorted(compareAlerts));
  return {
    total: alerts.length,
    fingerprint: shown.map(({ fingerprint }) => fingerprint),
    labels: shown.map(({ labels }) => labelsRecord(labels)),
    summary: shown.map((alert) => cut(labelValue(alert.annotations, "summary"))),
    description: shown.map((alert) => cut(labelValue(alert.annotations, "description"))),
    startsAtMs: shown.map(({ startsAtMs }) => startsAtMs),
    silencedBy: shown.map(({ silencedBy }) => [...silencedBy]),
    silencedUntilMs: shown.map(({ silencedBy }) =>
      Math.max(0, ...silencedBy.map((id) => ends.get(id) ?? 0)),
    ),
    inhibitors: shown.map(({ inhibitedBy }) => inhibitedBy.length),
    acknowledgedBy: shown.map(({ acknowledgedBy }) => cut(acknowledgedBy)),
  };
}

function compareAlerts(a: ShownAlert, b: ShownAlert): number {
  return (
    attention(a) - attention(b) ||
    severityRank(labelValue(a.labels, "severity")) -
      severityRank(labelValue(b.labels, "severity")) ||
    b.startsAtMs - a.startsAtMs ||
    (a.fingerprint < b.fingerprint ? -1 : 1)
  );
}

function attention({ state, acknowledgedBy }: ShownAlert): number {
  if (state === "suppressed") return 2;
  return acknowledgedBy === "" ? 0 : 1;
}

/** As many of the first as there is room for. */
function withinRoom(alerts: readonly ShownAlert[]): ShownAlert[] {
  let room = LABELS_LENGTH_MAX;
  const shown: ShownAlert[] = [];
  for (const alert of alerts) {
    for (const text of alert.labels) room -= text.length;
    if (room < 0 || shown.length === ALERTS_MAX) break;
    shown.push(alert);
  }
  return shown;
}

function cut(text: string): string {
  return text.length <= TEXT_MAX ? text : `${text.slice(0, TEXT_MAX)}…`;
}
