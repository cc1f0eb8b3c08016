import { OperationalError } from "../shared/errors.ts";
import { formatDuration } from "../shared/model/duration.ts";
import { formatLabels, labelPairs, labelsFrom, labelsRecord } from "../shared/model/labels.ts";
import type { PreviewMessage__Output } from "../shared/wire/generated/telltale/v1/PreviewMessage.ts";
import type { PreviewResponse__Output } from "../shared/wire/generated/telltale/v1/PreviewResponse.ts";
import type { PreviewRoute__Output } from "../shared/wire/generated/telltale/v1/PreviewRoute.ts";
import type { TestAnswer__Output } from "../shared/wire/generated/telltale/v1/TestAnswer.ts";
import { type CommandContext, type Run, runCommand } from "./command.ts";
import { type Cell, type Column, formatTable } from "./table.ts";
import { printable } from "./terminal.ts";

export function addNotifyCommand(context: CommandContext): void {
  const notify = context.program
    .command("notify")
    .description("Tries receivers and routes; for the role operator");
  addTestCommand(context, notify);
  addPreviewCommand(context, notify);
}

type Parent = CommandContext["program"];

function addTestCommand(context: CommandContext, notify: Parent): void {
  notify
    .command("test <receiver>")
    .description("Send a test through every integration of a receiver, and print each one's answer")
    .addHelpText(
      "after",
      `
The message says that it is a test. It is sent once and at once, whatever routes, silences and time
intervals say. Exits 1 when it was not delivered everywhere.

Examples:
  $ telltale notify test ops`,
    )
    .action((receiver: string, _options, command) =>
      runCommand(context, command, async (run) => {
        const request = { receiver, createdBy: run.terminal.environment["USER"] ?? "" };
        const { answers } = await run.aggregator.askAlerts(
          (client) => client.testReceiver,
          request,
        );
        run.print(answers.map(answerJson), () => answersText(answers, run));
        if (answers.some(({ outcome }) => outcome !== "delivered")) context.exitCode = 1;
      }),
    );
}

/** JSON form: a list of these, in the order of the routing file. */
function answerJson({ integration, outcome, answer, tookMs }: TestAnswer__Output) {
  return {
    /** Such as `webhook[0]`. */
    integration,
    /** `delivered`, `rejected` or `failed`. */
    outcome,
    /** Of the receiver, or why there is none. */
    answer,
    tookSeconds: tookMs / 1000,
  };
}

function answersText(answers: readonly TestAnswer__Output[], { paint }: Run): string {
  if (answers.length === 0) return "The receiver has no integrations: it tells nobody.\n";
  const columns: readonly Column<TestAnswer__Output>[] = [
    { title: "INTEGRATION", cell: ({ integration }) => integration },
    { title: "OUTCOME", cell: outcomeCell },
    { title: "TOOK", align: "right", cell: ({ tookMs }) => formatDuration(tookMs) },
    { title: "ANSWER", cell: ({ answer }) => answer },
  ];
  return formatTable(columns, answers, paint);
}

function outcomeCell({ outcome }: TestAnswer__Output): Cell {
  return { text: outcome, color: outcome === "delivered" ? "green" : "red" };
}

type PreviewOptions = { readonly receiver?: string };

function addPreviewCommand(context: CommandContext, notify: Parent): void {
  notify
    .command("preview <label=value...>")
    .description("Which routes and receivers an alert with these labels reaches; nothing is sent")
    .option("--receiver <name>", "and what each of its integrations would send, without secrets")
    .addHelpText(
      "after",
      `
External labels are added, as to the alerts of rules. Of a request method, host and body are shown.

Examples:
  $ telltale notify preview alertname=DiskFull instance=db1 severity=page
  $ telltale notify preview alertname=DiskFull --receiver ops`,
    )
    .action((texts: string[], { receiver = "" }: PreviewOptions, command) =>
      runCommand(context, command, async (run) => {
        const request = { labels: texts.flatMap(parseLabel), receiver };
        const answer = await run.aggregator.askAlerts((client) => client.preview, request);
        run.print(previewJson(answer), () => previewText(answer, run));
      }),
    );
}

/** @throws OperationalError USAGE */
function parseLabel(text: string): [string, string] {
  const at = text.indexOf("=");
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw new OperationalError("USAGE", `Not NAME=VALUE: "${text}"`);
}

/** JSON form. */
function previewJson({ labels, routes, messages }: PreviewResponse__Output) {
  return {
    /** As receivers get them. */
    labels: labelsRecord(labels),
    /** In the order of the routing file. */
    routes: routes.map((route) => ({
      key: route.key,
      receiver: route.receiver,
      /** Such as `webhook[0]`. */
      integrations: route.integrations,
      groupLabels: labelsRecord(route.groupLabels),
      groupWaitSeconds: route.groupWaitMs / 1000,
      groupIntervalSeconds: route.groupIntervalMs / 1000,
      repeatIntervalSeconds: route.repeatIntervalMs / 1000,
      /** Names of the time intervals by which it is mute now. */
      mutedBy: route.mutedBy,
      escalations: route.escalations.map(({ afterMs, receiver }) => {
        return { afterSeconds: afterMs / 1000, receiver };
      }),
    })),
    /** Empty without `--receiver`. `body` is as it would be sent; of a mail, headers and text. */
    messages,
  };
}

function previewText({ labels, routes, messages }: PreviewResponse__Output, run: Run): string {
  const { paint } = run;
  const parts = [`${paint("Alert", "bold")} ${printable(formatLabels(labels))}\n`];
  if (routes.length === 0) parts.push("There is no routing: nobody is notified.\n");
  parts.push(...routes.map((route) => routeText(route, run)));
  parts.push(...messages.map((message) => messageText(message, run)));
  return parts.join("\n");
}

function routeText(route: PreviewRoute__Output, { paint }: Run): string {
  const { integrations, mutedBy, escalations } = route;
  const by = integrations.length === 0 ? "nobody" : integrations.join(", ");
  const group = formatLabels(labelsFrom(labelPairs(route.groupLabels)));
  const lines = [
    `${paint("Route", "bold")} ${printable(route.key)}`,
    `  receiver  ${printable(route.receiver)}: ${printable(by)}`,
    `  group     ${printable(group)}`,
    `  sent      after ${formatDuration(route.groupWaitMs)}, changes every ${formatDuration(route.groupIntervalMs)}, repeated every ${formatDuration(route.repeatIntervalMs)}`,
    ...escalations.map(({ afterMs, receiver }) => {
      return `  escalates after ${formatDuration(afterMs)} to ${printable(receiver)}`;
    }),
  ];
  if (mutedBy.length > 0)
    lines.push(paint(`  mute now  by ${printable(mutedBy.join(", "))}`, "yellow"));
  return `${lines.join("\n")}\n`;
}

function messageText(message: PreviewMessage__Output, { paint }: Run): string {
  const { integration, method, host, fault, body, contentType } = message;
  const title = paint(integration, "bold");
  if (fault !== "") return `${title} ${paint(printable(fault), "red")}\n`;
  const lines = readableBody(body, contentType).split("\n").map(printable);
  return `${title} ${method} ${printable(host)}\n${lines.map((line) => `  ${line}`.trimEnd()).join("\n")}\n`;
}

/** JSON indented, a form as a line a field; all else as it is. */
function readableBody(body: string, contentType: string): string {
  if (contentType.startsWith("application/x-www-form-urlencoded")) {
    const fields = [...new URLSearchParams(body)];
    return fields.map(([name, value]) => `${name}: ${value}`).join("\n");
  }
  if (!contentType.startsWith("application/json")) return body;
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body; // it was cut
  }
}
