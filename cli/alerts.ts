import { sampleText } from "../shared/model/go-number.ts";
import {
  dropLabels,
  formatLabels,
  labelPairs,
  labelsFrom,
  labelsKey,
  labelsRecord,
  labelValue,
} from "../shared/model/labels.ts";
import type { Alert__Output } from "../shared/wire/generated/telltale/v1/Alert.ts";
import type { ListAlertsResponse__Output } from "../shared/wire/generated/telltale/v1/ListAlertsResponse.ts";
import type { ShownAlert__Output } from "../shared/wire/generated/telltale/v1/ShownAlert.ts";
import { type CommandContext, type Run, runCommand } from "./command.ts";
import { formatAgo, formatNumber, isoTime } from "./format.ts";
import { type Cell, type Column, formatTable } from "./table.ts";

const ALERT_NAME: ReadonlySet<string> = new Set(["alertname"]);

export function addAlertsCommand(context: CommandContext): void {
  context.program
    .command("alerts")
    .description("The alerts that are pending or firing")
    .addHelpText(
      "after",
      `
"no data" beside a state: the alert stands because its data stopped, not because its condition holds.
NOTIFYING says why nobody is told of an alert that fires, or who sees to it.

Examples:
  $ telltale alerts
  $ telltale alerts --output json | jq -r '.[] | select(.state == "firing") | .labels.alertname'`,
    )
    .action((_options, command) =>
      runCommand(context, command, async (run) => {
        const [{ alerts: found }, heard] = await Promise.all([
          run.aggregator.ask((client) => client.alerts, {}),
          run.aggregator.askAlerts((client) => client.list, {}),
        ]);
        const alerts = withNotifying(found, heard);
        // "firing" before "pending", each as the rules stand.
        const sorted = alerts.toSorted((a, b) => a.state.localeCompare(b.state, "en"));
        run.print(sorted.map(alertJson), () => alertsText(sorted, run));
      }),
    );
}

type Notifying = Pick<
  ShownAlert__Output,
  "silencedBy" | "inhibitedBy" | "acknowledgedBy" | "acknowledgeComment"
>;
type Row = Alert__Output & { readonly notifying: Notifying };

const NOTHING: Notifying = {
  silencedBy: [],
  inhibitedBy: [],
  acknowledgedBy: "",
  acknowledgeComment: "",
};

/** Receivers know an alert by its labels and the external ones that it has none of its own for. */
function withNotifying(
  alerts: readonly Alert__Output[],
  { alerts: heard, externalLabels }: ListAlertsResponse__Output,
): Row[] {
  const external = labelPairs(externalLabels);
  const byLabels = new Map(heard.map((one) => [labelsKey(one.labels), one]));
  return alerts.map((alert) => {
    const key = labelsKey(labelsFrom([...external, ...labelPairs(alert.labels)]));
    const shown = alert.state === "firing" ? byLabels.get(key) : undefined;
    return { ...alert, notifying: shown ?? NOTHING };
  });
}

/** JSON form: a list of these, firing before pending. */
function alertJson({ notifying, ...alert }: Row) {
  return {
    state: alert.state,
    labels: labelsRecord(alert.labels),
    annotations: labelsRecord(alert.annotations),
    /** RFC 3339 in UTC. */
    activeAt: isoTime(alert.activeAtMs),
    /** As a text, as in Prometheus' API ("NaN", "+Inf"). */
    value: sampleText(alert.value),
    /** It stands because its data stopped. */
    noData: alert.isNoData,
    /** Ids of silences. */
    silencedBy: notifying.silencedBy,
    /** Fingerprints of alerts. */
    inhibitedBy: notifying.inhibitedBy,
    /** null: nobody has acknowledged it. */
    acknowledgedBy: notifying.acknowledgedBy || null,
    acknowledgeComment: notifying.acknowledgeComment || null,
  };
}

function alertsText(alerts: readonly Row[], { terminal, paint }: Run): string {
  if (alerts.length === 0) return "No alert is pending or firing.\n";
  const nowMs = terminal.nowMs();
  const columns: readonly Column<Row>[] = [
    { title: "STATE", cell: stateCell },
    { title: "ALERT", cell: ({ labels }) => labelValue(labels, "alertname") },
    { title: "SINCE", cell: ({ activeAtMs }) => formatAgo(activeAtMs, nowMs) },
    { title: "VALUE", align: "right", cell: ({ value }) => formatNumber(value) },
    { title: "NOTIFYING", cell: notifyingText },
    { title: "LABELS", cell: ({ labels }) => formatLabels(dropLabels(labels, ALERT_NAME)) },
    { title: "SUMMARY", cell: summaryOf },
  ];
  return formatTable(columns, alerts, paint);
}

function stateCell({ state, isNoData }: Alert__Output): Cell {
  const text = isNoData ? `${state} (no data)` : state;
  return { text, color: state === "firing" ? "red" : "yellow" };
}

function summaryOf({ annotations }: Alert__Output): string {
  return labelValue(annotations, "summary") || labelValue(annotations, "description");
}

function notifyingText({ notifying }: Row): string {
  const { silencedBy, inhibitedBy, acknowledgedBy } = notifying;
  const parts = [];
  if (silencedBy.length > 0) parts.push("silenced");
  if (inhibitedBy.length > 0) parts.push("inhibited");
  if (acknowledgedBy !== "") parts.push(`acknowledged by ${acknowledgedBy}`);
  return parts.join(", ");
}
