import { nowMs, rfc3339, sendJson } from "../browser.ts";
import type { ShownAlert } from "./shown-alert.ts";

/** What a person can do about alerts. Each throws RequestError where the aggregator refuses. */

export async function silenceAlert(
  { labels }: Pick<ShownAlert, "labels">,
  { untilMs, comment, createdBy }: { untilMs: number; comment: string; createdBy: string },
): Promise<void> {
  await sendJson("POST", "/api/v2/silences", {
    matchers: Object.entries(labels).map(([name, value]) => {
      return { name, value, isRegex: false, isEqual: true };
    }),
    startsAt: rfc3339(nowMs()),
    endsAt: rfc3339(untilMs),
    createdBy,
    comment,
  });
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
