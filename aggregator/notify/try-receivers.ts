/** Receivers tried out by people: a test that is sent, and a preview of what would be. */

import { errorMessage, OperationalError } from "../../shared/errors.ts";
import { type Labels, labelsOf } from "../../shared/model/labels.ts";
import type { HttpRequest } from "../../shared/platform/http-client.ts";
import type { Clock } from "../../shared/platform/ports.ts";
import type { Mail } from "../../shared/platform/send-mail.ts";
import { withDeadline } from "../../shared/time/deadline.ts";
import type {
  Notification,
  PreviewMessage,
  PreviewRoute,
  TestAnswer,
} from "../model/notification.ts";
import { groupName } from "./dispatch/groups-state.ts";
import type { Integration, SendAnswer, SendPorts } from "./integrations/integration.ts";
import type { NotifyConfig, Receiver, Route } from "./routing.ts";

const ANSWER_SHOWN_MAX = 200;
const AUTHOR_SHOWN_MAX = 100;
/** Messages of one integration that are shown: a gateway may be asked once a number. */
const MESSAGES_MAX = 10;
const BODY_SHOWN_MAX = 64 * 1024;
/** Other headers may be of the user's own, and hold anything. */
const MAIL_HEADERS: ReadonlySet<string> = new Set(["from", "to", "cc", "reply-to", "subject"]);

/** What is tried with: of the real world, and a clock for deadlines. */
export type TryDeps = { readonly ports: SendPorts; readonly clock: Clock };

/** @throws OperationalError NOT_FOUND */
export function receiverOf(config: NotifyConfig | null, name: string): Receiver {
  const receiver = config?.receivers.get(name);
  if (receiver !== undefined) return receiver;
  const shown = JSON.stringify(name.slice(0, 100));
  throw new OperationalError("NOT_FOUND", `There is no receiver ${shown} in the routing file`);
}

/** Such as `webhook[0]`. */
function nameOf({ queue, receiver }: Integration): string {
  return queue.slice(receiver.length + 1);
}

/** Sends a test through all integrations of the receiver at once, each once. */
export async function testReceiver(
  { name, integrations }: Receiver,
  createdBy: string,
  deps: TryDeps,
): Promise<TestAnswer[]> {
  const notification = testNotification(name, createdBy, deps.ports.clock.nowMs());
  return await Promise.all(integrations.map((one) => testIntegration(one, notification, deps)));
}

function testNotification(receiver: string, createdBy: string, nowMs: number): Notification {
  const by = createdBy === "" ? "" : ` by ${createdBy.slice(0, AUTHOR_SHOWN_MAX)}`;
  const labels = labelsOf({ alertname: "TelltaleTest", severity: "none" });
  const annotations = labelsOf({
    summary: "TEST: this is a test notification, nothing is wrong",
    description: `Asked for${by} with: telltale notify test ${receiver}`,
  });
  return sampleOf({ labels, annotations, groupLabels: labels, nowMs }, "{}/test:{}");
}

type Sample = {
  readonly labels: Labels;
  readonly annotations: Labels;
  readonly groupLabels: Labels;
  readonly nowMs: number;
};

function sampleOf({ labels, annotations, groupLabels, nowMs }: Sample, groupKey: string) {
  const times = { startsAtMs: nowMs, endsAtMs: null };
  const alert = { status: "firing", labels, annotations, ...times, generatorUrl: "" } as const;
  return { timeMs: nowMs, groupKey, groupLabels, alerts: [alert] };
}

async function testIntegration(
  integration: Integration,
  notification: Notification,
  { ports, clock }: TryDeps,
): Promise<TestAnswer> {
  const { timeoutMs: ms, send } = integration;
  const startMs = clock.monotonicMs();
  const late = () => new OperationalError("UNAVAILABLE", `No answer within ${ms} ms`);
  const answer = await withDeadline({ clock, ms, late }, (signal) =>
    send(notification, ports, signal),
  ).catch(failedAnswer);
  return {
    integration: nameOf(integration),
    outcome: answer.outcome === "retry" ? "failed" : answer.outcome,
    answer: answer.text.slice(0, ANSWER_SHOWN_MAX),
    tookMs: Math.round(clock.monotonicMs() - startMs),
  };
}

function failedAnswer(error: unknown): SendAnswer {
  if (!(error instanceof OperationalError)) throw error;
  return { outcome: "retry", text: errorMessage(error), retryAfterMs: null };
}

/** A route that an alert with these labels takes. */
export function previewRoute(
  route: Route,
  labels: Labels,
  config: NotifyConfig,
  mutedBy: readonly string[],
): PreviewRoute {
  const { key, receiver, groupWaitMs, groupIntervalMs, repeatIntervalMs, escalations } = route;
  const { integrations } = receiverOf(config, receiver);
  return {
    ...{ key, receiver, groupWaitMs, groupIntervalMs, repeatIntervalMs, escalations, mutedBy },
    integrations: integrations.map(nameOf),
    groupLabels: groupName(route, labels).labels,
  };
}

/**
 * What the receiver's integrations would send of an alert with these labels.
 * @param route by which the alert reaches it; the root, where it does not
 */
export async function previewMessages(
  { integrations }: Receiver,
  labels: Labels,
  route: Route,
  { clock, externalUrl }: Pick<SendPorts, "clock" | "externalUrl">,
): Promise<PreviewMessage[]> {
  const annotations = labelsOf({
    summary: "The summary of the alert",
    description: "The description of the alert",
  });
  const { labels: groupLabels, key } = groupName(route, labels);
  const notification = sampleOf({ labels, annotations, groupLabels, nowMs: clock.nowMs() }, key);
  const all = integrations.map((one) => messagesOf(one, notification, { clock, externalUrl }));
  return (await Promise.all(all)).flat();
}

/**
 * What a service answers that took the message, for all kinds at once: those that need several requests
 * go on to the message itself.
 */
const TAKEN = JSON.stringify({
  ...{ ok: true, code: 0, errcode: 0, StatusCode: 0, Code: "OK" },
  ...{ access_token: "<secret>", expires_in: 7200, issues: [] },
});

async function messagesOf(
  integration: Integration,
  notification: Notification,
  ports: Pick<SendPorts, "clock" | "externalUrl">,
): Promise<PreviewMessage[]> {
  const name = nameOf(integration);
  const shown: PreviewMessage[] = [];
  const capturing: SendPorts = {
    ...ports,
    request: async (request) => {
      shown.push(requestMessage(name, request));
      return { status: 200, text: TAKEN, retryAfterMs: null };
    },
    mail: async (mail) => {
      shown.push(mailMessage(name, mail));
      return "250 ok";
    },
  };
  const { send } = integration.withoutSecrets();
  const answer = await send(notification, capturing, new AbortController().signal).catch(
    failedAnswer,
  );
  const nothing = { method: "POST", host: "", contentType: "", body: "" } as const;
  if (shown.length === 0) return [{ integration: name, ...nothing, fault: answer.text }];
  return shown.slice(0, MESSAGES_MAX);
}

function requestMessage(
  integration: string,
  { method, url, headers, body }: HttpRequest,
): PreviewMessage {
  const text = typeof body === "string" ? body : Buffer.from(body).toString();
  return {
    ...{ integration, method, host: URL.canParse(url) ? new URL(url).host : "" },
    contentType: headers["content-type"] ?? "",
    ...{ body: text.slice(0, BODY_SHOWN_MAX), fault: "" },
  };
}

function mailMessage(integration: string, { server, headers, text, html }: Mail): PreviewMessage {
  const shown = headers.filter(([name]) => MAIL_HEADERS.has(name.toLowerCase()));
  const lines = shown.map(([name, value]) => `${name}: ${value.replace(/[\r\n]+/g, " ")}`);
  const isPlain = text !== "";
  const body = `${lines.join("\n")}\n\n${isPlain ? text : html}`;
  return {
    ...{ integration, method: "MAIL", host: `${server.host}:${server.port}` },
    contentType: isPlain ? "text/plain" : "text/html",
    ...{ body: body.slice(0, BODY_SHOWN_MAX), fault: "" },
  };
}
