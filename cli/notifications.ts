import { OperationalError } from "../shared/errors.ts";
import { formatDuration } from "../shared/model/duration.ts";
import type { Delivery__Output } from "../shared/wire/generated/telltale/v1/Delivery.ts";
import { type CommandContext, type Run, runCommand } from "./command.ts";
import { formatAgo, isoTime } from "./format.ts";
import { type Cell, type Column, formatTable } from "./table.ts";

const LIMIT = 20;
const LIMIT_MAX = 1000;
const ANSWER_LENGTH_MAX = 80;

export function addNotificationsCommand(context: CommandContext): void {
  context.program
    .command("notifications")
    .description("Who was notified of what, when, and what the receiver answered")
    .option(
      "-n, --limit <count>",
      `the newest so many, ${LIMIT_MAX} at most (default: ${LIMIT})`,
      parseLimit,
    )
    .addHelpText(
      "after",
      `
Newest first. Outcomes: delivered; rejected, the receiver does not want this message; expired, it
was not taken in time; collapsed, it was over before the receiver took it; waiting, it is still tried.

Examples:
  $ telltale notifications
  $ telltale notifications --limit 1000 --output json | jq '.[] | select(.outcome != "delivered")'`,
    )
    .action(({ limit = LIMIT }: { readonly limit?: number }, command) =>
      runCommand(context, command, async (run) => {
        const { deliveries } = await run.aggregator.askAlerts((client) => client.deliveries, {
          limit,
        });
        run.print(deliveries.map(deliveryJson), () => deliveriesText(deliveries, run));
      }),
    );
}

/** JSON form: a list of these, newest first. */
function deliveryJson(delivery: Delivery__Output) {
  return {
    /** When it came to an end: RFC 3339 in UTC. */
    time: isoTime(delivery.timeMs),
    receiver: delivery.receiver,
    /** Such as `webhook`. */
    integration: delivery.integration,
    /** `waiting`, `delivered`, `rejected`, `expired` or `collapsed`. */
    outcome: delivery.outcome,
    /** Alerts in it. */
    firing: delivery.firing,
    resolved: delivery.resolved,
    /** Of the receiver, or why there is none. */
    answer: delivery.answer,
    attempts: delivery.attempts,
    waitedSeconds: delivery.waitedMs / 1000,
    groupKey: delivery.groupKey,
  };
}

function deliveriesText(deliveries: readonly Delivery__Output[], run: Run): string {
  if (deliveries.length === 0) return "Nobody was notified yet.\n";
  const nowMs = run.terminal.nowMs();
  const columns: readonly Column<Delivery__Output>[] = [
    { title: "WHEN", cell: ({ timeMs }) => formatAgo(timeMs, nowMs) },
    { title: "RECEIVER", cell: ({ receiver }) => receiver },
    { title: "BY", cell: ({ integration }) => integration },
    { title: "OUTCOME", cell: outcomeCell },
    { title: "FIRING", align: "right", cell: ({ firing }) => String(firing) },
    { title: "RESOLVED", align: "right", cell: ({ resolved }) => String(resolved) },
    { title: "ATTEMPTS", align: "right", cell: ({ attempts }) => String(attempts) },
    { title: "WAITED", align: "right", cell: ({ waitedMs }) => formatDuration(waitedMs) },
    { title: "GROUP", cell: ({ groupKey }) => groupKey },
    { title: "ANSWER", cell: ({ answer }) => shortened(answer) },
  ];
  return formatTable(columns, deliveries, run.paint);
}

function outcomeCell({ outcome }: Delivery__Output): Cell {
  if (outcome === "collapsed") return outcome;
  if (outcome === "waiting") return { text: outcome, color: "yellow" };
  return { text: outcome, color: outcome === "delivered" ? "green" : "red" };
}

function shortened(text: string): string {
  return text.length <= ANSWER_LENGTH_MAX ? text : `${text.slice(0, ANSWER_LENGTH_MAX - 1)}…`;
}

/** @throws OperationalError USAGE */
function parseLimit(text: string): number {
  if (/^[1-9]\d{0,3}$/.test(text) && Number(text) <= LIMIT_MAX) return Number(text);
  throw new OperationalError("USAGE", `--limit ${text}: it is a number from 1 to ${LIMIT_MAX}`);
}
