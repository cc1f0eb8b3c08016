import { useComputed } from "@preact/signals";
import { getJson, timeOf } from "../browser.ts";
import { formatDuration } from "../format.ts";
import { useLoaded } from "../loaded.ts";
import { hasAll, wordsOf } from "../overview/node-rows.ts";
import { clockMs } from "../overview-store.ts";
import { locale, words } from "../settings.ts";
import { culpritOf } from "./shown-alert.ts";

type PendingAlert = {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly state: string;
  readonly activeAt: string;
};
type Body = { readonly data: { readonly alerts: readonly PendingAlert[] } };

const EVERY_MS = 5000;
const ROWS_MAX = 200;

/** What holds, but not yet for long enough. */
export function PendingList({ filter }: { filter: string }) {
  const turn = useComputed(() => Math.floor(clockMs.value / EVERY_MS)).value;
  const loaded = useLoaded(
    async (signal) => {
      const { data } = await getJson<Body>("/api/v1/alerts", signal);
      return data.alerts.filter(({ state }) => state === "pending");
    },
    [turn],
  ).value;
  const texts = wordsOf(filter);
  const alerts = (loaded.value ?? []).filter(({ labels }) =>
    hasAll(Object.values(labels).join(" ").toLowerCase(), texts),
  );
  return (
    <section class="part" aria-labelledby="pending-title">
      <h2 id="pending-title">
        {words.value.pending} <span class="quiet">{alerts.length}</span>
      </h2>
      {alerts.length === 0 ? (
        <p class="quiet">{loaded.problem || words.value.noPending}</p>
      ) : (
        <ul class="alerts">
          {alerts.slice(0, ROWS_MAX).map((alert) => (
            <PendingRow key={JSON.stringify(alert.labels)} alert={alert} />
          ))}
        </ul>
      )}
    </section>
  );
}

function PendingRow({ alert }: { alert: PendingAlert }) {
  const { node, parts } = culpritOf(alert);
  const { severity = "", alertname = "" } = alert.labels;
  return (
    <li class="alert pending">
      <div class="alert-line">
        <span class="alert-name">
          <span class="severity">{severity}</span>
          <bdi>{alertname}</bdi>
        </span>
        <span class="culprit">
          <bdi>{node}</bdi>
          {parts.map((part) => (
            <bdi class="part" key={part}>
              {part}
            </bdi>
          ))}
        </span>
        <span class="summary">{alert.annotations["summary"] ?? ""}</span>
        <span class="alert-times">
          {formatDuration(locale.value, clockMs.value - timeOf(alert.activeAt))}
        </span>
      </div>
    </li>
  );
}
