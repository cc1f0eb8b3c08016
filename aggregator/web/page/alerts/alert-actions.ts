import { nowMs, rfc3339, sendJson } from "../browser.ts";
import type { ShownAlert } from "./shown-alert.ts";
import type { Silence } from "./silence.ts";

/** What a person can do about alerts. Each throws RequestError where the aggregator refuses. */

export async function silenceAlert(
  { labels }: Pick<ShownAlert, "labels">,
  { untilMs, comment, createdBy }: { untilMs: number; comment: string; createdBy: string },
): Promise<void> {
  await setSilence({
    matchers: Object.entries(labels).map(([name, value]) => {
      return { name, value, isRegex: false, isEqual: true };
    }),
    ...{ startsAtMs: nowMs(), endsAtMs: untilMs, createdBy, comment },
  });
}

/** Makes a silence, or changes the one of the id. */
export async function setSilence(
  given: Pick<Silence, "matchers" | "createdBy" | "comment"> & {
    readonly id?: string;
    readonly startsAtMs: number;
    readonly endsAtMs: number;
  },
): Promise<void> {
  const { startsAtMs, endsAtMs, ...silence } = given;
  const times = { startsAt: rfc3339(startsAtMs), endsAt: rfc3339(endsAtMs) };
  await sendJson("POST", "/api/v2/silences", { ...silence, ...times });
}

export async function endSilences(ids: readonly string[]): Promise<void> {
  for (const id of ids) await sendJson("DELETE", `/api/v2/silence/${encodeURIComponent(id)}`);
}

export async function acknowledgeAlert(
  { fingerprint }: Pick<ShownAlert, "fingerprint">,
  createdBy: string,
): Promise<void> {
  await sendJson("POST", "/api/telltale/v1/acknowledgements", { fingerprint, createdBy });
}
