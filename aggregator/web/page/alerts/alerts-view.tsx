import { overview } from "../overview-store.ts";
import { parameters } from "../route.ts";
import { words } from "../settings.ts";
import { LateView } from "../shell/late-view.tsx";
import { addressOf } from "../view.ts";
import { AlertList, matchingAlerts } from "./alert-list.tsx";
import { NotificationsPart } from "./notifications-part.tsx";
import { PendingList } from "./pending-list.tsx";
import { RulesPart } from "./rules-part.tsx";
import { isMuted, type ShownAlert } from "./shown-alert.ts";
import { SilenceList } from "./silence-list.tsx";

const TABS = ["now", "rules", "history", "notifications"] as const;
type Tab = (typeof TABS)[number];

/** Alerts by how they stand, the rules they are of, when they fired, and who was told. */
export function AlertsView() {
  const shown = parameters.value.get("show");
  const tab = TABS.find((one) => one === shown) ?? "now";
  return (
    <>
      <h1 class="unseen">{words.value.alerts}</h1>
      <Tabs tab={tab} />
      <TabContent tab={tab} />
    </>
  );
}

function Tabs({ tab }: { tab: Tab }) {
  const w = words.value;
  const titles = { now: w.now, rules: w.rules, history: w.history, notifications: w.notifications };
  return (
    <nav class="tabs" aria-label={w.alerts}>
      {TABS.map((one) => (
        <a
          key={one}
          href={`${addressOf("/alerts")}${one === "now" ? "" : `?show=${one}`}`}
          aria-current={one === tab ? "page" : undefined}
        >
          {titles[one]}
        </a>
      ))}
    </nav>
  );
}

function TabContent({ tab }: { tab: Tab }) {
  switch (tab) {
    case "now":
      return <AlertsNow />;
    case "rules":
      return <RulesPart />;
    case "history":
      return <LateView key="history" load={loadHistory} props={{}} />;
    case "notifications":
      return <NotificationsPart />;
  }
}

const loadHistory = async () => (await import("./history-part.tsx")).HistoryPart;

/** Every alert by how it stands, and the silences. */
function AlertsNow() {
  const columns = overview.value?.alerts;
  if (columns === undefined) return <p class="placeholder">{words.value.loading}</p>;
  const filter = parameters.value.get("q") ?? "";
  const alerts = matchingAlerts(columns, filter);
  const isSilenced = ({ silencedBy }: ShownAlert) => silencedBy.length > 0;
  const isAcknowledged = (alert: ShownAlert) => !isMuted(alert) && alert.acknowledgedBy !== "";
  const silenced = alerts.filter(isSilenced);
  const inhibited = alerts.filter((alert) => alert.isInhibited && !isSilenced(alert));
  const acknowledged = alerts.filter(isAcknowledged);
  const firing = alerts.filter((alert) => !isMuted(alert) && !isAcknowledged(alert));
  const { firingTitle, silencedTitle, inhibitedTitle, acknowledgedTitle } = words.value;
  return (
    <>
      <Group id="firing" title={firingTitle} alerts={firing} />
      <PendingList filter={filter} />
      <Group id="acknowledged" title={acknowledgedTitle} alerts={acknowledged} />
      <Group id="silenced" title={silencedTitle} alerts={silenced} />
      <Group id="inhibited" title={inhibitedTitle} alerts={inhibited} />
      <SilenceList turn={columns} />
    </>
  );
}

function Group(props: { id: string; title: string; alerts: readonly ShownAlert[] }) {
  const { id, title, alerts } = props;
  if (alerts.length === 0 && id !== "firing") return null;
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
