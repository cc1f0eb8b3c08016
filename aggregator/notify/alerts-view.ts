/** The alert table, the silences and the outbox as people and programs see them. */

import { getOrInsert } from "../../shared/model/get-or-insert.ts";
import { compareLabels, compareText } from "../../shared/model/labels.ts";
import type { Clock } from "../../shared/platform/ports.ts";
import type { Delivery, PostedAlert, ShownAlert, ShownGroup } from "../model/notification.ts";
import type { PostedSilence, Silence } from "../model/silence.ts";
import type { AlertTable } from "./alerts.ts";
import { annotationsOf, isResolved, type KnownAlert } from "./dispatch/known-alert.ts";
import { matchRoutes } from "./dispatch/match-routes.ts";
import { fingerprint } from "./message-parts.ts";
import { RESOLVE_TIMEOUT_MS } from "./routing.ts";
import type { Silences } from "./silences.ts";

export class AlertsView {
  readonly #table: AlertTable;
  readonly #silences: Silences;
  readonly #clock: Clock;
  /** By the alert's key. */
  #fingerprints = new Map<string, string>();

  constructor(table: AlertTable, silences: Silences, clock: Clock) {
    this.#table = table;
    this.#silences = silences;
    this.#clock = clock;
  }

  alerts(): ShownAlert[] {
    const nowMs = this.#clock.nowMs();
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

  groups(): ShownGroup[] {
    const nowMs = this.#clock.nowMs();
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
    return this.#silences.set(silence, this.#clock.nowMs());
  }

  expireSilence(id: string): Promise<boolean> {
    return this.#silences.expire(id, this.#clock.nowMs());
  }

  /** Those that wait first, then what became of others, newest first. */
  async deliveries(limit: number): Promise<Delivery[]> {
    const waiting = this.#table.outbox.waiting();
    const ended = await this.#table.outbox.log.newest(Math.max(0, limit - waiting.length));
    return [...waiting, ...ended].slice(0, limit);
  }

  #shown(alert: KnownAlert, nowMs: number): ShownAlert {
    const { dispatcher } = this.#table;
    const { config } = dispatcher;
    const silencedBy = this.#silences.activeFor(alert.labels, nowMs);
    const inhibitedBy = dispatcher.inhibitors(alert, nowMs).map((one) => this.#fingerprint(one));
    const routes = config === null ? [] : matchRoutes(config.root, alert.labels);
    const isMuted = silencedBy.length + inhibitedBy.length > 0;
    const { labels, startsAtMs, updatedAtMs, generatorUrl } = alert;
    return {
      ...{ labels, annotations: annotationsOf(alert), startsAtMs, updatedAtMs, generatorUrl },
      endsAtMs: alert.endsAtMs ?? nowMs + (config?.resolveTimeoutMs ?? RESOLVE_TIMEOUT_MS),
      fingerprint: this.#fingerprint(alert),
      receivers: [...new Set(routes.map(({ receiver }) => receiver))],
      state: isMuted ? "suppressed" : "active",
      ...{ silencedBy, inhibitedBy, mutedBy: [] },
    };
  }

  #fingerprint({ key, labels }: KnownAlert): string {
    return getOrInsert(this.#fingerprints, key, () => fingerprint(labels));
  }
}
