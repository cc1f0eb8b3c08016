/**
 * From alerts to what waits in the outbox: routes, groups, inhibition, silences and times, by the
 * pure parts of dispatch/. It decides and changes memory; the alert table makes it safe.
 */

import { compareLabels } from "../../shared/model/labels.ts";
import {
  type Acknowledgement,
  type Author,
  deleteAcknowledgement,
  deleteKept,
  putAcknowledgement,
  putKept,
} from "./alert-records.ts";
import type { ChangeSet } from "./change-set.ts";
import { Begins, flappingText } from "./dispatch/flapping-state.ts";
import { mayBeWrong, needsSend, type Standing } from "./dispatch/flush-state.ts";
import { type Group, Groups, type Moment } from "./dispatch/groups-state.ts";
import { Inhibition } from "./dispatch/inhibition-state.ts";
import { isResolved, type KnownAlert, notifiedAlert } from "./dispatch/known-alert.ts";
import type { Integration } from "./integrations/integration.ts";
import type { Ending, Outbox, Queue, Waiting } from "./outbox.ts";
import type { LabelsTest, NotifyConfig, Route } from "./routing.ts";

/** Which silences hold. */
export type SilenceCheck = {
  /** Ids of those that mute an alert with these labels. */
  activeFor(labels: KnownAlert["labels"], nowMs: number): readonly string[];
};

/** What is sent at a time. */
type Content = { readonly alerts: readonly KnownAlert[]; readonly standing: Standing };

/** Who hears of a group, under which key; `afterMs` null: at once. */
type Target = {
  readonly key: string;
  readonly integrations: readonly Integration[];
  readonly group: Group;
  readonly afterMs: number | null;
};

type Flush = {
  readonly group: Group;
  readonly key: string;
  readonly integration: Integration;
  readonly content: Content;
};

const NO_INTEGRATIONS: readonly Integration[] = [];
const NO_INHIBITION = new Inhibition([], []);

export class Dispatcher {
  /** By their keys: what fires, and what ended and has not left its groups. */
  readonly known = new Map<string, KnownAlert>();
  /** By the alert's key. */
  readonly acknowledged = new Map<string, Acknowledgement>();
  config: NotifyConfig | null = null;
  readonly #begins = new Begins();
  readonly #outbox: Outbox;
  readonly #silences: SilenceCheck;
  #groups: Groups | null = null;
  /** Null: to be made of the alerts as they are. */
  #inhibition: Inhibition | null = null;

  constructor(outbox: Outbox, silences: SilenceCheck) {
    this.#outbox = outbox;
    this.#silences = silences;
  }

  /** Monotonic; when `flushDue` has something to do. */
  get nextDueMs(): number {
    return this.#groups?.nextDueMs ?? Number.POSITIVE_INFINITY;
  }

  hasGroup(key: string): boolean {
    for (const _ of this.#groups?.withKey(key) ?? []) return true;
    return false;
  }

  groups(): Iterable<Group> {
    return this.#groups?.all() ?? [];
  }

  /** Makes all groups anew of the alerts. No group is flushed before `notBeforeMs`, monotonic. */
  rebuild(config: NotifyConfig | null, now: Moment, notBeforeMs = now.monotonicMs): void {
    this.config = config;
    this.#inhibition = null;
    this.#groups = config === null ? null : new Groups(config.root, notBeforeMs);
    for (const alert of this.known.values()) this.#groups?.insert(alert, now);
  }

  /** An alert began, changed or ended. What no rule holds has a record of its own. */
  take(changes: ChangeSet, came: KnownAlert, now: Moment): void {
    const before = this.known.get(came.key);
    const alert = this.#withFlapping(changes, before, came, now);
    this.#inhibition = null;
    if (this.#groups === null && isResolved(alert, now.wallMs)) {
      if (before !== undefined) this.#drop(changes, before);
      return;
    }
    changes.set(this.known, alert.key, alert);
    if (alert.endKind !== "open") changes.operations.push(putKept(alert));
    else if (before !== undefined && before.endKind !== "open") {
      changes.operations.push(deleteKept(before));
    }
    this.#groups?.insert(alert, now);
  }

  /** One that flaps is one alert from its first beginning until it has been calm. */
  #withFlapping(
    changes: ChangeSet,
    before: KnownAlert | undefined,
    came: KnownAlert,
    { wallMs, monotonicMs }: Moment,
  ): KnownAlert {
    const { key } = came;
    const options = this.config?.flapping ?? null;
    if (options === null) return came;
    const count = this.#begins.count(key, monotonicMs, options);
    const isOn = before !== undefined && !isResolved(before, wallMs);
    if (isResolved(came, wallMs)) {
      if (!isOn || before.flapping === "") return came;
      const { startsAtMs, flapping } = before;
      if (count < options.begins) return { ...came, startsAtMs, flapping };
      const endsAtMs = before.endKind === "held" ? before.endsAtMs : wallMs + options.calmMs;
      return { ...came, startsAtMs, endKind: "held", endsAtMs, flapping };
    }
    if (isOn && before.endKind !== "held") return { ...came, flapping: before.flapping };
    changes.onDone(() => this.#begins.add(key, monotonicMs, options));
    const startsAtMs = isOn ? before.startsAtMs : came.startsAtMs;
    const isFlapping = isOn || count + 1 >= options.begins;
    return { ...came, startsAtMs, flapping: isFlapping ? flappingText(options) : "" };
  }

  forgetBegins(monotonicMs: number): void {
    const options = this.config?.flapping ?? null;
    if (options !== null) this.#begins.prune(monotonicMs, options);
  }

  /** Flushes every group whose time has come. */
  flushDue(changes: ChangeSet, now: Moment): void {
    for (const group of this.#groups?.takeDue(now.monotonicMs) ?? []) {
      this.#flush(changes, group, now);
      this.#settle(changes, group);
    }
  }

  /** What waited for an integration has come to an end. */
  ended(changes: ChangeSet, queue: Queue, waiting: Waiting, ending: Ending): void {
    this.#outbox.end(changes, queue, waiting, ending);
    // What was flushed meanwhile was not for this integration: it is flushed again, and settled then.
    if (waiting.isOutdated) return;
    for (const group of this.#groups?.withKey(waiting.groupKey) ?? []) {
      this.#settle(changes, group);
    }
  }

  /** The group was flushed while something of it was being sent: it is looked at again. */
  lookAgain(groupKey: string, now: Moment): void {
    for (const group of this.#groups?.withKey(groupKey) ?? []) {
      this.#groups?.makeDue(group, now.monotonicMs);
    }
  }

  /** Posted alerts that ended while there is no routing. */
  dropEnded(changes: ChangeSet, nowMs: number): void {
    if (this.#groups !== null) return;
    for (const alert of [...this.known.values()]) {
      if (isResolved(alert, nowMs)) this.#drop(changes, alert);
    }
  }

  integrationsOf({ receiver }: Route): readonly Integration[] {
    return this.#integrationsOf(receiver);
  }

  #integrationsOf(receiver: string): readonly Integration[] {
    return this.config?.receivers.get(receiver)?.integrations ?? NO_INTEGRATIONS;
  }

  /** Whether somebody has said that it is seen to, since it began. */
  isAcknowledged({ key, startsAtMs }: KnownAlert): boolean {
    const acknowledgement = this.acknowledged.get(key);
    return acknowledgement !== undefined && startsAtMs <= acknowledgement.startsAtMs;
  }

  /** @returns the alerts that fire and match, all acknowledged now */
  acknowledge(changes: ChangeSet, matches: LabelsTest["matches"], by: Author, nowMs: number) {
    const found = [...this.known.values()].filter((alert) => {
      return !isResolved(alert, nowMs) && matches(alert.labels);
    });
    for (const { key, digest, startsAtMs } of found) {
      const acknowledgement = { ...by, key, startsAtMs, timeMs: nowMs };
      changes.set(this.acknowledged, key, acknowledgement);
      changes.operations.push(putAcknowledgement(digest, acknowledgement));
    }
    return found;
  }

  /** Names of the time intervals by which the route is mute now. */
  mutedBy({ muteTimes, activeTimes }: Route, nowMs: number): readonly string[] {
    const isIn = (name: string) => this.config?.timeIntervals.get(name)?.(nowMs) ?? false;
    const muted = muteTimes.filter(isIn);
    return muted.length > 0 || activeTimes.length === 0 || activeTimes.some(isIn)
      ? muted
      : activeTimes;
  }

  inhibitors({ labels }: KnownAlert, nowMs: number): readonly KnownAlert[] {
    this.#inhibition ??=
      this.config === null
        ? NO_INHIBITION
        : new Inhibition(this.config.inhibitRules, this.known.values());
    return this.#inhibition.sourcesOf(labels, nowMs);
  }

  #flush(changes: ChangeSet, group: Group, now: Moment): void {
    const all = [...group.alerts].flatMap((key) => this.known.get(key) ?? []);
    group.over = all.filter((alert) => isResolved(alert, now.wallMs));
    const isMute = this.mutedBy(group.route, now.wallMs).length > 0;
    const loud = isMute ? [] : all.filter((alert) => this.#isLoud(alert, now.wallMs));
    this.#noteUnheard(changes, group, loud);
    if (isMute) return;
    for (const target of this.#targetsOf(group)) {
      const content = this.#contentOf(target, loud, now);
      if (content.alerts.length === 0) continue; // all is silenced or inhibited: nothing is judged
      for (const integration of target.integrations) {
        this.#flushTo(changes, { group, key: target.key, integration, content }, now);
      }
    }
  }

  /**
   * Of what ends while it is muted nobody hears. When it fires again it is another alert: what was told
   * before says nothing of it.
   */
  #noteUnheard(changes: ChangeSet, group: Group, loud: readonly KnownAlert[]): void {
    const heard = new Set(loud);
    const unheard = group.over.filter((alert) => !heard.has(alert));
    if (unheard.length === 0) return;
    const digests = new Set(unheard.map(({ digest }) => digest));
    for (const { key, integrations } of this.#targetsOf(group)) {
      for (const { queue } of integrations) {
        this.#outbox.noteUnheard(changes, this.#outbox.queue(queue), key, digests);
      }
    }
  }

  #isLoud(alert: KnownAlert, nowMs: number): boolean {
    if (this.inhibitors(alert, nowMs).length > 0) return false;
    return this.#silences.activeFor(alert.labels, nowMs).length === 0;
  }

  /** The group's own receiver, then those that it escalates to. */
  #targetsOf(group: Group): Target[] {
    const { route, key, escalationKeys } = group;
    const escalations = route.escalations.map(({ afterMs, receiver }, i) => {
      const integrations = this.#integrationsOf(receiver);
      return { key: escalationKeys[i] ?? key, integrations, group, afterMs };
    });
    return [
      { key, integrations: this.integrationsOf(route), group, afterMs: null },
      ...escalations,
    ];
  }

  #contentOf(target: Target, loud: readonly KnownAlert[], now: Moment): Content {
    const alerts = target.afterMs === null ? loud : this.#escalated(target, loud, now);
    const [firing, resolved] = [new Set<string>(), new Set<string>()];
    let isAcknowledged = true;
    for (const alert of alerts) {
      const isOver = isResolved(alert, now.wallMs);
      (isOver ? resolved : firing).add(alert.digest);
      if (!isOver && !this.isAcknowledged(alert)) isAcknowledged = false;
    }
    return { alerts, standing: { firing, resolved, isAcknowledged } };
  }

  /**
   * What has fired for so long without being acknowledged, and of what was escalated before how it
   * stands now. The group is looked at again when the next one has.
   */
  #escalated(target: Target, loud: readonly KnownAlert[], now: Moment): KnownAlert[] {
    const told = new Set<string>();
    for (const { queue } of target.integrations) {
      for (const digest of this.#outbox.queue(queue).sent.get(target.key)?.firing ?? []) {
        told.add(digest);
      }
    }
    return loud.filter((alert) => {
      if (told.has(alert.digest)) return true;
      if (isResolved(alert, now.wallMs) || this.isAcknowledged(alert)) return false;
      const waitMs = alert.startsAtMs + (target.afterMs ?? 0) - now.wallMs;
      if (waitMs > 0) this.#groups?.makeDue(target.group, now.monotonicMs + waitMs);
      return waitMs <= 0;
    });
  }

  #flushTo(changes: ChangeSet, parts: Flush, now: Moment): void {
    const { group, key, integration, content } = parts;
    const { standing } = content;
    const { sendsResolved } = integration;
    const { repeatIntervalMs } = group.route;
    const queue = this.#outbox.queue(integration.queue);
    const waiting = queue.waiting.get(key);
    if (waiting?.isBusy) {
      waiting.isOutdated = true;
      return;
    }
    const sent = queue.sent.get(key) ?? null;
    const timing = { nowMs: now.wallMs, repeatIntervalMs, sendsResolved };
    const isDoubtful = waiting !== undefined && mayBeWrong(waiting.heard, standing);
    const isNeeded = isDoubtful || needsSend(sent, standing, timing);
    if (isNeeded && (standing.firing.size > 0 || sendsResolved)) {
      this.#write(changes, queue, parts, now);
      return;
    }
    if (waiting !== undefined) {
      const answer = "over before the receiver took it";
      this.#outbox.end(changes, queue, waiting, { outcome: "collapsed", answer, entry: null });
    }
    if (isNeeded) this.#outbox.forget(changes, queue, key);
  }

  #write(changes: ChangeSet, queue: Queue, parts: Flush, now: Moment): void {
    const { group, key, integration, content } = parts;
    const { firing, resolved } = content.standing;
    const shown = integration.sendsResolved
      ? content.alerts
      : content.alerts.filter(({ digest }) => firing.has(digest));
    const alerts = shown
      .toSorted((a, b) => compareLabels(a.labels, b.labels))
      .map((alert) => notifiedAlert(alert, now.wallMs));
    this.#outbox.write(changes, queue, {
      notification: { timeMs: now.wallMs, groupKey: key, groupLabels: group.labels, alerts },
      firing: [...firing],
      resolved: [...resolved],
      repeatIntervalMs: group.route.repeatIntervalMs,
    });
  }

  /** Alerts that ended leave the group once nobody has to be told of it any more. */
  #settle(changes: ChangeSet, group: Group): void {
    if (group.over.length === 0) return;
    const isWaiting = this.#targetsOf(group).some(({ key, integrations }) => {
      return this.#outbox.isWaiting(key, integrations);
    });
    if (isWaiting) return;
    for (const over of group.over) {
      const alert = this.known.get(over.key);
      // One that fires again is another.
      if (alert?.startsAtMs !== over.startsAtMs || alert.endsAtMs !== over.endsAtMs) continue;
      if (this.#groups?.remove(group, over.key)) this.#drop(changes, alert);
    }
    group.over = [];
  }

  #drop(changes: ChangeSet, alert: KnownAlert): void {
    changes.set(this.known, alert.key, undefined);
    if (alert.endKind !== "open") changes.operations.push(deleteKept(alert));
    this.#inhibition = null;
    if (!this.acknowledged.has(alert.key)) return;
    changes.set(this.acknowledged, alert.key, undefined);
    changes.operations.push(deleteAcknowledgement(alert.digest));
  }
}
