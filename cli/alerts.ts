import { sampleText } from "../shared/model/go-number.ts";
import { dropLabels, formatLabels, labelsRecord, labelValue } from "../shared/model/labels.ts";
import type { Alert__Output } from "../shared/wire/generated/telltale/v1/Alert.ts";
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

Examples:
  $ telltale alerts
  $ telltale alerts --output json | jq -r '.[] | select(.state == "firing") | .labels.alertname'`,
    )
    .action((_options, command) =>
      runCommand(context, command, async (run) => {
        const { alerts } = await run.aggregator.ask((client) => client.alerts, {});
        // "firing" before "pending", each as the rules stand.
        const sorted = alerts.toSorted((a, b) => a.state.localeCompare(b.state, "en"));
        run.print(sorted.map(alertJson), () => alertsText(sorted, run));
      }),
    );
}

/** JSON form: a list of these, firing before pending. */
function alertJson(alert: Alert__Output) {
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
  };
}

function alertsText(alerts: readonly Alert__Output[], { terminal, paint }: Run): string {
  if (alerts.length === 0) return "No alert is pending or firing.\n";
  const nowMs = terminal.nowMs();
  const columns: readonly Column<Alert__Output>[] = [
    { title: "STATE", cell: stateCell },
    { title: "ALERT", cell: ({ labels }) => labelValue(labels, "alertname") },
    { title: "SINCE", cell: ({ activeAtMs }) => formatAgo(activeAtMs, nowMs) },
    { title: "VALUE", align: "right", cell: ({ value }) => formatNumber(value) },
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
