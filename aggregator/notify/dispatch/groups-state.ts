/**
 * Alerts in their groups, and when each group is flushed next. Pure: it is made of the alerts and the
 * route tree at any time, so nothing of it is stored.
 */

import { getOrInsert } from "../../../shared/model/get-or-insert.ts";
import { keepLabels, type Labels, labelPairs } from "../../../shared/model/labels.ts";
import type { Route } from "../routing.ts";
import type { KnownAlert } from "./known-alert.ts";
import { matchRoutes } from "./match-routes.ts";

export type Group = {
  readonly route: Route;
  readonly labels: Labels;
  /** As Alertmanager writes it: the route's key and the labels. */
  readonly key: string;
  /** Of what its escalations are sent, in their order. */
  readonly escalationKeys: readonly string[];
  /** Keys of its alerts. */
  readonly alerts: Set<string>;
  /** When it is flushed next, by the monotonic clock. */
  dueMs: number;
  hasFlushed: boolean;
  /** Alerts that were resolved when it was last flushed, as they were. They leave once that is sent. */
  over: readonly KnownAlert[];
};

/** One moment on both clocks, milliseconds. */
export type Moment = { readonly wallMs: number; readonly monotonicMs: number };

export class Groups {
  readonly #root: Route;
  /** No group is flushed before, by the monotonic clock. */
  readonly #notBeforeMs: number;
  /** Routes that share their matchers may have groups of one key. */
  readonly #byKey = new Map<string, Set<Group>>();
  readonly #byEscalationKey = new Map<string, Group>();
  /** By the alert's key. */
  readonly #byAlert = new Map<string, Set<Group>>();
  /** No group is due before; a group may be due later than that. */
  #nextDueMs = Number.POSITIVE_INFINITY;

  constructor(root: Route, notBeforeMs: number) {
    this.#root = root;
    this.#notBeforeMs = notBeforeMs;
  }

  /** Puts the alert into a group for each route that it takes. */
  insert(alert: KnownAlert, now: Moment): void {
    for (const route of matchRoutes(this.#root, alert.labels)) {
      const group = this.#groupOf(route, alert.labels, now);
      group.alerts.add(alert.key);
      getOrInsert(this.#byAlert, alert.key, () => new Set()).add(group);
      const hasWaited = now.wallMs - alert.startsAtMs > route.groupWaitMs;
      if (!group.hasFlushed && hasWaited)
        group.dueMs = Math.max(now.monotonicMs, this.#notBeforeMs);
      this.#nextDueMs = Math.min(this.#nextDueMs, group.dueMs);
    }
  }

  #groupOf(route: Route, labels: Labels, now: Moment): Group {
    const { labels: groupLabels, key } = groupName(route, labels);
    const ofKey = getOrInsert(this.#byKey, key, () => new Set());
    for (const group of ofKey) if (group.route === route) return group;
    const group: Group = {
      route,
      labels: groupLabels,
      key,
      escalationKeys: route.escalations.map((_, i) => `${key}/escalate[${i}]`),
      alerts: new Set<string>(),
      dueMs: Math.max(now.monotonicMs + route.groupWaitMs, this.#notBeforeMs),
      hasFlushed: false,
      over: [],
    };
    ofKey.add(group);
    for (const own of group.escalationKeys) this.#byEscalationKey.set(own, group);
    return group;
  }

  /** When to look for groups that are due, by the monotonic clock. */
  get nextDueMs(): number {
    return this.#nextDueMs;
  }

  /** Groups that are due, the one that waits longest first; each is due again after its interval. */
  takeDue(monotonicMs: number): Group[] {
    if (monotonicMs < this.#nextDueMs) return [];
    const due: Group[] = [];
    let nextDueMs = Number.POSITIVE_INFINITY;
    for (const group of this.all()) {
      if (group.dueMs <= monotonicMs) due.push(group);
      else nextDueMs = Math.min(nextDueMs, group.dueMs);
    }
    due.sort((a, b) => a.dueMs - b.dueMs);
    for (const group of due) {
      group.dueMs = monotonicMs + group.route.groupIntervalMs;
      group.hasFlushed = true;
      nextDueMs = Math.min(nextDueMs, group.dueMs);
    }
    this.#nextDueMs = nextDueMs;
    return due;
  }

  /** The group is flushed then, if not before. */
  makeDue(group: Group, monotonicMs: number): void {
    group.dueMs = Math.min(group.dueMs, monotonicMs);
    this.#nextDueMs = Math.min(this.#nextDueMs, group.dueMs);
  }

  /** The alert leaves the group; a group without alerts ends. True: it is in no group any more. */
  remove(group: Group, alertKey: string): boolean {
    group.alerts.delete(alertKey);
    if (group.alerts.size === 0) this.#end(group);
    const groups = this.#byAlert.get(alertKey);
    groups?.delete(group);
    if (groups === undefined || groups.size > 0) return false;
    this.#byAlert.delete(alertKey);
    return true;
  }

  has(alertKey: string): boolean {
    return this.#byAlert.has(alertKey);
  }

  /** Of a group or of one of its escalations. */
  withKey(key: string): Iterable<Group> {
    const escalating = this.#byEscalationKey.get(key);
    return escalating === undefined ? (this.#byKey.get(key) ?? []) : [escalating];
  }

  *all(): Iterable<Group> {
    for (const ofKey of this.#byKey.values()) yield* ofKey;
  }

  #end(group: Group): void {
    const ofKey = this.#byKey.get(group.key);
    ofKey?.delete(group);
    if (ofKey?.size === 0) this.#byKey.delete(group.key);
    for (const own of group.escalationKeys) this.#byEscalationKey.delete(own);
  }
}

/** What the group of an alert with these labels is called on this route. */
export function groupName(
  { key, groupBy }: Route,
  alertLabels: Labels,
): Pick<Group, "labels" | "key"> {
  const labels = groupBy === null ? alertLabels : keepLabels(alertLabels, new Set(groupBy));
  return { labels, key: `${key}:${labelsText(labels)}` };
}

function labelsText(labels: Labels): string {
  const pairs = labelPairs(labels).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return `{${pairs.join(", ")}}`;
}
