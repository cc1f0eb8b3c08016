import { sampleText } from "../shared/model/go-number.ts";
import { dropLabels, formatLabels, labelsRecord, labelValue } from "../shared/model/labels.ts";
import type { Alert__Output } from "../shared/wire/generated/telltale/v1/Alert.ts";
import { type CommandContext, type Run, runCommand } from "./command.ts";
import { formatAgo, formatNumber, isoTime } from "./format.ts";
import { type Cell, type Column, formatTable } from "./table.ts";

/** JSON form: a list of these, firing before pending. */
type AlertJson = {
  readonly state: string;
  readonly labels: Record<string, string>;
  readonly annotations: Record<string, string>;
  /** RFC 3339 in UTC. */
  readonly activeAt: string | null;
  /** As a text, as in Prometheus' API ("NaN", "+Inf"). */
  readonly value: string;
  /** It stands because its data stopped. */
  readonly noData: boolean;
};

const COLUMNS: readonly Column[] = [
  { title: "STATE" },
  { title: "ALERT" },
  { title: "SINCE" },
  { title: "VALUE", align: "right" },
  { title: "LABELS" },
  { title: "SUMMARY" },
];
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
        return 0;
      }),
    );
}

function alertJson(alert: Alert__Output): AlertJson {
  return {
    state: alert.state,
    labels: labelsRecord(alert.labels),
    annotations: labelsRecord(alert.annotations),
    activeAt: isoTime(alert.activeAtMs),
    value: sampleText(alert.value),
    noData: alert.isNoData,
  };
}

function alertsText(alerts: readonly Alert__Output[], { terminal, paint }: Run): string {
  if (alerts.length === 0) return "No alert is pending or firing.\n";
  const rows = alerts.map((alert): Cell[] => {
    const { labels, annotations } = alert;
    const state = alert.isNoData ? `${alert.state} (no data)` : alert.state;
    return [
      { text: state, color: alert.state === "firing" ? "red" : "yellow" },
      labelValue(labels, "alertname"),
      formatAgo(alert.activeAtMs, terminal.nowMs()),
      formatNumber(alert.value),
      formatLabels(dropLabels(labels, ALERT_NAME)),
      labelValue(annotations, "summary") || labelValue(annotations, "description"),
    ];
  });
  return formatTable(COLUMNS, rows, paint);
}
