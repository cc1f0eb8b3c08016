/**
 * The dispatcher's decisions: given alerts of the table, the routing and a time, what to send.
 * Pure, so that the simulation and a test see all of it.
 *
 * An alert's record names the queues that were notified that it fires. So a decision follows from the
 * table alone: what fires goes to the queues that were not notified of it, what ended to those that
 * were, whether it changed in this evaluation or the routing did.
 */

import assert from "node:assert/strict";
import { formatDuration } from "../../shared/model/duration.ts";
import { getOrInsert } from "../../shared/model/get-or-insert.ts";
import { keepLabels, type Labels, labelPairs, labelsFrom } from "../../shared/model/labels.ts";
import type { Alert, External } from "../model/alert.ts";

export type DispatchedAlert = {
  readonly alert: Alert;
  /** Null: it is pending or fires. */
  readonly endsAtMs: number | null;
  /** How old the data is that it changed by, where its node catches up with a backlog; else 0. */
  readonly latenessMs: number;
  /** Queues that were notified that it fires. */
  readonly notified: readonly string[];
};

export type Routing = {
  readonly receiver: {
    readonly webhooks: readonly { readonly queue: string; readonly sendsResolved: boolean }[];
  };
  /** Alerts with the same values of these labels are sent together; null: every label counts. */
  readonly groupBy: readonly string[] | null;
};

/** An alert as a receiver gets it. Times are Unix milliseconds. */
export type NotifiedAlert = {
  readonly status: "firing" | "resolved";
  readonly labels: Labels;
  readonly annotations: Labels;
  readonly startsAtMs: number;
  /** Null while it fires. */
  readonly endsAtMs: number | null;
  readonly generatorUrl: string;
};

/** Alerts that are sent in one request. */
export type Notification = {
  readonly timeMs: number;
  /** Which group it is, as Alertmanager writes it. */
  readonly groupKey: string;
  readonly groupLabels: Labels;
  readonly alerts: readonly NotifiedAlert[];
};

export type Send = { readonly queue: string; readonly notification: Notification };

export type Decision = {
  readonly sends: readonly Send[];
  /** For each alert, in their order, the queues that are notified of it with these sends. */
  readonly notified: readonly (readonly string[])[];
};

/** Alerts of one request, so that none grows without bound. */
const ALERTS_PER_NOTIFICATION_MAX = 1000;
const NO_QUEUES: readonly string[] = [];

/** `routing` null: nothing is sent, and whoever is configured later is notified of what fires then. */
export function dispatch(
  alerts: readonly DispatchedAlert[],
  { routing, external }: { readonly routing: Routing | null; readonly external: External },
  nowMs: number,
): Decision {
  const webhooks = routing?.receiver.webhooks ?? [];
  const queues = webhooks.map(({ queue }) => queue);
  const sends = webhooks.flatMap(({ queue, sendsResolved }) => {
    const due = alerts.filter((one) => isDue(one, queue, sendsResolved));
    const described = due.map((one) => describe(one, nowMs, external));
    return group(described, routing?.groupBy ?? null, nowMs).map((notification) => {
      return { queue, notification };
    });
  });
  const notified = alerts.map((one) => {
    const next = isFiring(one) ? queues : NO_QUEUES;
    return isSame(next, one.notified) ? one.notified : next;
  });
  return { sends, notified };
}

function isFiring({ alert, endsAtMs }: DispatchedAlert): boolean {
  return endsAtMs === null && alert.state.kind === "firing";
}

function isDue(one: DispatchedAlert, queue: string, sendsResolved: boolean): boolean {
  const isNotified = one.notified.includes(queue);
  assert(!isNotified || one.alert.state.kind === "firing", "notified of an alert that never fired");
  return isFiring(one) ? !isNotified : isNotified && one.endsAtMs !== null && sendsResolved;
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a === b || (a.length === b.length && a.every((one, i) => one === b[i]));
}

/** Receivers also get the external labels that the alert has no label of its own for. */
function describe(one: DispatchedAlert, nowMs: number, external: External): NotifiedAlert {
  const { alert, endsAtMs, latenessMs } = one;
  const late = formatDuration(Math.round(latenessMs / 1000) * 1000);
  const mark: [string, string][] = latenessMs === 0 ? [] : [["telltale_late", late]];
  const expr = encodeURIComponent(alert.query).replaceAll("%20", "+");
  return {
    status: endsAtMs === null ? "firing" : "resolved",
    labels: labelsFrom([...labelPairs(external.labels), ...labelPairs(alert.labels)]),
    annotations: labelsFrom([...labelPairs(alert.annotations), ...mark]),
    startsAtMs: alert.firedAtMs ?? nowMs,
    endsAtMs,
    generatorUrl: `${external.url}/graph?g0.expr=${expr}&g0.tab=1`,
  };
}

/** Alerts that go together, in their order. */
function group(
  alerts: readonly NotifiedAlert[],
  groupBy: readonly string[] | null,
  timeMs: number,
): Notification[] {
  const names = groupBy === null ? null : new Set(groupBy);
  const groups = new Map<string, { groupLabels: Labels; alerts: NotifiedAlert[] }>();
  for (const alert of alerts) {
    const groupLabels = names === null ? alert.labels : keepLabels(alert.labels, names);
    const key = groupKeyOf(groupLabels);
    getOrInsert(groups, key, () => ({ groupLabels, alerts: [] })).alerts.push(alert);
  }
  return [...groups].flatMap(([groupKey, { groupLabels, alerts }]) => {
    const parts: Notification[] = [];
    for (let i = 0; i < alerts.length; i += ALERTS_PER_NOTIFICATION_MAX) {
      const part = alerts.slice(i, i + ALERTS_PER_NOTIFICATION_MAX);
      parts.push({ timeMs, groupKey, groupLabels, alerts: part });
    }
    return parts;
  });
}

/** The root route and the group's labels. */
function groupKeyOf(groupLabels: Labels): string {
  const pairs = labelPairs(groupLabels).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return `{}:{${pairs.join(", ")}}`;
}
