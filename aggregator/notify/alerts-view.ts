/** The alert table, the silences and the outbox as people and programs see them. */

import type { Matcher } from "../../shared/model/columns.ts";
import { getOrInsert } from "../../shared/model/get-or-insert.ts";
import {
  compareLabels,
  compareText,
  type Labels,
  labelPairs,
  labelsFrom,
} from "../../shared/model/labels.ts";
import type {
  Delivery,
  PostedAlert,
  Preview,
  ShownAlert,
  ShownGroup,
  TestAnswer,
} from "../model/notification.ts";
import type { PostedSilence, Silence } from "../model/silence.ts";
import { type Acknowledging, readAcknowledging } from "./acknowledging-state.ts";
import type { AlertTable } from "./alerts.ts";
import { annotationsOf, isResolved, type KnownAlert } from "./dispatch/known-alert.ts";
import { matchRoutes } from "./dispatch/match-routes.ts";
import { fingerprint } from "./message-parts.ts";
import { RESOLVE_TIMEOUT_MS } from "./routing.ts";
import type { Silences } from "./silences.ts";
import {
  previewMessages,
  previewRoute,
  receiverOf,
  type TryDeps,
  testReceiver,
} from "./try-receivers.ts";

export type AlertsViewDeps = TryDeps & { readonly externalLabels: Labels };

export class AlertsView {
  readonly #table: AlertTable;
  readonly #silences: Silences;
  readonly #deps: AlertsViewDeps;
  /** By the alert's key. */
  #fingerprints = new Map<string, string>();

  constructor(table: AlertTable, silences: Silences, deps: AlertsViewDeps) {
    this.#table = table;
    this.#silences = silences;
    this.#deps = deps;
  }

  alerts(): ShownAlert[] {
    const nowMs = this.#deps.clock.nowMs();
    const { known } = this.#table.dispatcher;
    const before = this.#fingerprints;
    this.#fingerprints = new Map();
    const shown: ShownAlert[] = [];
    for (const alert of known.values()) {
      const print = before.get(alert.key);
      if (print !== undefined) this.#fingerprints.set(alert.key, print);
      if (!isResolved(alert, nowMs)) shown.push(this.#shown(alert, nowMs));
    }
    return shown.sort((a, b) => compareText(a.fingerprint, b.fingerprint));
  }

  externalLabels(): Labels {
    return this.#deps.externalLabels;
  }

  groups(): ShownGroup[] {
    const nowMs = this.#deps.clock.nowMs();
    const { dispatcher } = this.#table;
    const found: ShownGroup[] = [];
    for (const { labels, route, alerts: keys } of dispatcher.groups()) {
      const alerts = [...keys].flatMap((key) => {
        const alert = dispatcher.known.get(key);
        if (alert === undefined || isResolved(alert, nowMs)) return [];
        return { ...this.#shown(alert, nowMs), mutedBy: dispatcher.mutedBy(route, nowMs) };
      });
      if (alerts.length > 0) found.push({ labels, receiver: route.receiver, alerts });
    }
    return found.sort(
      (a, b) => compareText(a.receiver, b.receiver) || compareLabels(a.labels, b.labels),
    );
  }

  receivers(): string[] {
    return [...(this.#table.dispatcher.config?.receivers.keys() ?? [])];
  }

  configText(): string {
    return this.#table.dispatcher.config?.text ?? "";
  }

  post(alerts: readonly PostedAlert[]): Promise<void> {
    return this.#table.post(alerts);
  }

  silences(): Silence[] {
    return this.#silences.list();
  }

  setSilence(silence: PostedSilence): Promise<string> {
    return this.#silences.set(silence, this.#deps.clock.nowMs());
  }

  expireSilence(id: string): Promise<boolean> {
    return this.#silences.expire(id, this.#deps.clock.nowMs());
  }

  /** Those that wait first, then what became of others, newest first. */
  async deliveries(limit: number): Promise<Delivery[]> {
    const waiting = this.#table.outbox.waiting();
    const ended = await this.#table.outbox.log.newest(Math.max(0, limit - waiting.length));
    return [...waiting, ...ended].slice(0, limit);
  }

  acknowledge(matchers: readonly Matcher[], by: Acknowledging["by"]): Promise<number> {
    const acknowledging = readAcknowledging(matchers, by);
    return this.#table.acknowledge(acknowledging.matches, acknowledging.by);
  }

  async testReceiver(name: string, createdBy: string): Promise<TestAnswer[]> {
    const receiver = receiverOf(this.#table.dispatcher.config, name);
    return await testReceiver(receiver, createdBy, this.#deps);
  }

  async preview(ownLabels: Labels, name: string | null): Promise<Preview> {
    const { dispatcher } = this.#table;
    const { config } = dispatcher;
    const { externalLabels, clock, ports } = this.#deps;
    const labels = labelsFrom([...labelPairs(externalLabels), ...labelPairs(ownLabels)]);
    if (config === null) {
      if (name !== null) receiverOf(config, name);
      return { labels, routes: [], messages: [] };
    }
    const taken = matchRoutes(config.root, labels);
    const routes = taken.map((route) => {
      return previewRoute(route, labels, config, dispatcher.mutedBy(route, clock.nowMs()));
    });
    if (name === null) return { labels, routes, messages: [] };
    const route = taken.find(({ receiver }) => receiver === name) ?? config.root;
    const receiver = receiverOf(config, name);
    return { labels, routes, messages: await previewMessages(receiver, labels, route, ports) };
  }

  #shown(alert: KnownAlert, nowMs: number): ShownAlert {
    const { dispatcher } = this.#table;
    const { config } = dispatcher;
    const silencedBy = this.#silences.activeFor(alert.labels, nowMs);
    const inhibitedBy = dispatcher.inhibitors(alert, nowMs).map((one) => this.#fingerprint(one));
    const routes = config === null ? [] : matchRoutes(config.root, alert.labels);
    const acknowledgement = dispatcher.isAcknowledged(alert)
      ? dispatcher.acknowledged.get(alert.key)
      : undefined;
    const isMuted = silencedBy.length + inhibitedBy.length > 0;
    const { labels, startsAtMs, updatedAtMs, generatorUrl } = alert;
    return {
      ...{ labels, annotations: annotationsOf(alert), startsAtMs, updatedAtMs, generatorUrl },
      endsAtMs: alert.endsAtMs ?? nowMs + (config?.resolveTimeoutMs ?? RESOLVE_TIMEOUT_MS),
      fingerprint: this.#fingerprint(alert),
      receivers: [...new Set(routes.map(({ receiver }) => receiver))],
      state: isMuted ? "suppressed" : "active",
      ...{ silencedBy, inhibitedBy, mutedBy: [] },
      acknowledgedBy: acknowledgement?.createdBy ?? "",
      acknowledgeComment: acknowledgement?.comment ?? "",
    };
  }

  #fingerprint({ key, labels }: KnownAlert): string {
    return getOrInsert(this.#fingerprints, key, () => fingerprint(labels));
  }
}
