import type { AlertColumns } from "../../overview-shape.ts";
import { formatCount } from "../format.ts";
import { hasAll, wordsOf } from "../overview/node-rows.ts";
import { locale, words } from "../settings.ts";
import { AlertRow } from "./alert-row.tsx";
import { isMuted, type ShownAlert, searchText, shownAlerts } from "./shown-alert.ts";

/** Rows that are made: beyond them a filter helps more than scrolling does. */
const ROWS_MAX = 200;

/** Those that match the filter, as they come: worst first. */
export function matchingAlerts(columns: AlertColumns, filter: string): ShownAlert[] {
  const texts = wordsOf(filter);
  return shownAlerts(columns).filter((alert) => hasAll(searchText(alert), texts));
}

export function AlertList({ alerts, label }: { alerts: readonly ShownAlert[]; label: string }) {
  const more = alerts.length - ROWS_MAX;
  return (
    <>
      <ul class="alerts" aria-label={label}>
        {alerts.slice(0, ROWS_MAX).map((alert) => (
          <AlertRow key={alert.fingerprint} alert={alert} />
        ))}
      </ul>
      {more > 0 ? (
        <p class="quiet more">{words.value.moreAlerts(formatCount(locale.value, more))}</p>
      ) : null}
    </>
  );
}

export function countUnmuted(alerts: readonly ShownAlert[]): number {
  return alerts.filter((alert) => !isMuted(alert)).length;
}
