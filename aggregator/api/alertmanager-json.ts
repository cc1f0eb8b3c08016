import type { Matcher } from "../../shared/model/columns.ts";
import { labelsRecord } from "../../shared/model/labels.ts";
import { formatRfc3339 } from "../../shared/model/rfc3339.ts";
import { VERSION } from "../../shared/version.ts";
import type { ShownAlert, ShownGroup } from "../model/notification.ts";
import { type Silence, type SilenceState, silenceState } from "../model/silence.ts";

/** The bodies that Alertmanager's API gives. Source: api/v2/openapi.yaml of Alertmanager. */

/** One aggregator is no cluster. */
export function statusBody(configText: string, startedMs: number): string {
  const unknown = { revision: "", branch: "", buildUser: "", buildDate: "", goVersion: "" };
  return jsonBody({
    cluster: { status: "disabled", peers: [] },
    versionInfo: { version: VERSION, ...unknown },
    config: { original: configText },
    uptime: formatRfc3339(startedMs),
  });
}

export function receiversBody(names: readonly string[]): string {
  return jsonBody(names.map(receiverObject));
}

export function alertsBody(alerts: readonly ShownAlert[]): string {
  return jsonBody(alerts.map(alertObject));
}

export function groupsBody(groups: readonly ShownGroup[]): string {
  return jsonBody(
    groups.map(({ labels, receiver, alerts }) => ({
      labels: labelsRecord(labels),
      receiver: receiverObject(receiver),
      alerts: alerts.map(alertObject),
    })),
  );
}

export function silencesBody(silences: readonly Silence[], nowMs: number): string {
  return jsonBody(sortedSilences(silences, nowMs).map((one) => silenceObject(one, nowMs)));
}

export function silenceBody(silence: Silence, nowMs: number): string {
  return jsonBody(silenceObject(silence, nowMs));
}

/** Any value, as Alertmanager ends it. */
export function jsonBody(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}

function receiverObject(name: string) {
  return { name };
}

function alertObject(alert: ShownAlert): object {
  return {
    labels: labelsRecord(alert.labels),
    annotations: labelsRecord(alert.annotations),
    startsAt: formatRfc3339(alert.startsAtMs),
    endsAt: formatRfc3339(alert.endsAtMs),
    updatedAt: formatRfc3339(alert.updatedAtMs),
    ...(alert.generatorUrl === "" ? {} : { generatorURL: alert.generatorUrl }),
    fingerprint: alert.fingerprint,
    receivers: alert.receivers.map(receiverObject),
    status: {
      state: alert.state,
      silencedBy: alert.silencedBy,
      inhibitedBy: alert.inhibitedBy,
      mutedBy: alert.mutedBy,
    },
  };
}

function silenceObject(silence: Silence, nowMs: number): object {
  const { id, matchers, startsAtMs, endsAtMs, updatedAtMs, createdBy, comment } = silence;
  return {
    id,
    status: { state: silenceState(silence, nowMs) },
    matchers: matchers.map(matcherObject),
    startsAt: formatRfc3339(startsAtMs),
    endsAt: formatRfc3339(endsAtMs),
    updatedAt: formatRfc3339(updatedAtMs),
    createdBy,
    comment,
  };
}

function matcherObject({ name, type, value }: Matcher): object {
  const isRegex = type === "=~" || type === "!~";
  return { name, value, isRegex, isEqual: type === "=" || type === "=~" };
}

const STATE_ORDER = { active: 0, pending: 1, expired: 2 } as const;

/** Active ones, the next to end first; pending ones, the next to begin first; the last to end first. */
function sortedSilences(silences: readonly Silence[], nowMs: number): Silence[] {
  const keys: Record<SilenceState, (silence: Silence) => number> = {
    active: ({ endsAtMs }) => endsAtMs,
    pending: ({ startsAtMs }) => startsAtMs,
    expired: ({ endsAtMs }) => -endsAtMs,
  };
  return silences.toSorted((a, b) => {
    const state = silenceState(a, nowMs);
    const other = silenceState(b, nowMs);
    return STATE_ORDER[state] - STATE_ORDER[other] || keys[state](a) - keys[other](b);
  });
}
