import { overview } from "../overview-store.ts";
import { parameters } from "../route.ts";
import { words } from "../settings.ts";
import { AlertList, matchingAlerts } from "./alert-list.tsx";
import { PendingList } from "./pending-list.tsx";
import { isMuted, type ShownAlert } from "./shown-alert.ts";
import { SilenceList } from "./silence-list.tsx";

/** Every alert by how it stands, and the silences. */
export function AlertsView() {
  const columns = overview.value?.alerts;
  if (columns === undefined) return <p class="placeholder">{words.value.loading}</p>;
  const filter = parameters.value.get("q") ?? "";
  const alerts = matchingAlerts(columns, filter);
  const muted = alerts.filter(isMuted);
  const isAcknowledged = (alert: ShownAlert) => !isMuted(alert) && alert.acknowledgedBy !== "";
  const acknowledged = alerts.filter(isAcknowledged);
  const firing = alerts.filter((alert) => !isMuted(alert) && !isAcknowledged(alert));
  const { firingTitle, mutedTitle, acknowledgedTitle } = words.value;
  return (
    <>
      <h1 class="unseen">{words.value.alerts}</h1>
      <Group id="firing" title={firingTitle} alerts={firing} />
      <PendingList filter={filter} />
      <Group id="acknowledged" title={acknowledgedTitle} alerts={acknowledged} />
      <Group id="muted" title={mutedTitle} alerts={muted} />
      <SilenceList turn={columns} />
    </>
  );
}

function Group(props: { id: string; title: string; alerts: readonly ShownAlert[] }) {
  const { id, title, alerts } = props;
  return (
    <section class="part" aria-labelledby={`${id}-title`}>
      <h2 id={`${id}-title`}>
        {title} <span class="quiet">{alerts.length}</span>
      </h2>
      {alerts.length === 0 ? (
        <p class="quiet">{words.value.noneHere}</p>
      ) : (
        <AlertList alerts={alerts} label={title} />
      )}
    </section>
  );
}
