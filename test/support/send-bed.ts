import type { Notification } from "../../aggregator/model/notification.ts";
import type { Globals } from "../../aggregator/notify/config/globals.ts";
import type {
  IntegrationKind,
  Reading,
  SendAnswer,
  Sender,
  SendPorts,
} from "../../aggregator/notify/integrations/integration.ts";
import type { NotifyTemplates } from "../../aggregator/notify/templates/notify-templates.ts";
import { OperationalError } from "../../shared/errors.ts";
import { labelsOf, labelValue } from "../../shared/model/labels.ts";
import type { HttpAnswer, HttpRequest } from "../../shared/platform/http-client.ts";
import type { Mail } from "../../shared/platform/send-mail.ts";

export const NOW_MS = 1_767_700_800_000; // 2026-01-06T12:00:00Z

/** A group with one alert that fires, whose label `v` has the value. */
export function notificationOf(v: string, status: "firing" | "resolved" = "firing"): Notification {
  const labels = labelsOf({ alertname: "Down", v });
  const times = { startsAtMs: NOW_MS, endsAtMs: status === "resolved" ? NOW_MS + 1000 : null };
  const alert = { status, labels, annotations: [], ...times, generatorUrl: "http://t/graph" };
  const groupLabels = labelsOf({ alertname: "Down" });
  return { timeMs: NOW_MS, groupKey: '{}:{alertname="Down"}', groupLabels, alerts: [alert] };
}

/**
 * Stands in for the templates: every action gives the value of the label `v`, as it is or as HTML; one
 * with `bad` in it cannot be compiled, one with `.Status` gives the status.
 */
const TEMPLATES: NotifyTemplates = {
  compile(text, form) {
    if (/\{\{[^}]*bad/.test(text)) throw new OperationalError("PARSE", "1:4: bad action");
    return ({ alerts }) =>
      text.replace(/\{\{(.*?)\}\}/g, (_all, action: string) => {
        const [alert] = alerts;
        if (action.includes(".Status")) return alert?.status ?? "";
        const value = labelValue(alert?.labels ?? [], "v");
        return form === "html" ? escaped(value) : value;
      });
  },
};

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (one) => `&#${one.charCodeAt(0)};`);
}

export type Read = { readonly sender: Sender; readonly faults: readonly string[] };

/** An entry of the routing file as it is read; faults as `PATH: MESSAGE`. */
export function readEntry<Raw>(
  kind: IntegrationKind<Raw>,
  entry: object,
  { globals = {}, files = {} }: { globals?: Globals; files?: Record<string, string> } = {},
): Read {
  const faults: string[] = [];
  const reading: Reading = {
    receiver: "ops",
    globals,
    templates: TEMPLATES,
    readText(path) {
      const text = files[path];
      if (text === undefined) throw new OperationalError("NOT_FOUND", `${path}: no such file`);
      return text;
    },
    report: (message, path = []) => faults.push([...path, message].join(": ")),
  };
  return { sender: kind.read(kind.schema.parse(entry), reading), faults };
}

/** What a schema says against an entry. */
export function schemaFaults<Raw>(kind: IntegrationKind<Raw>, entry: object): string[] {
  const { error } = kind.schema.safeParse(entry);
  return (error?.issues ?? []).map(({ path, message }) => [...path, message].join(": "));
}

/** Ports that keep what is sent, and answer as they are told. */
export class SendBed {
  readonly requests: HttpRequest[] = [];
  readonly mails: Mail[] = [];
  answers: Partial<HttpAnswer>[] = [];
  mailFailure: Error | null = null;
  nowMs = NOW_MS;

  readonly ports: SendPorts = {
    request: async (request) => {
      this.requests.push(request);
      return { status: 200, text: "", retryAfterMs: null, ...this.answers.shift() };
    },
    mail: async (mail) => {
      if (this.mailFailure !== null) throw this.mailFailure;
      this.mails.push(mail);
      return "250 queued";
    },
    nowMs: () => this.nowMs,
    externalUrl: "http://telltale:7071",
  };

  async send(sender: Sender, notification = notificationOf("value")): Promise<SendAnswer> {
    return await sender.send(notification, this.ports, AbortSignal.timeout(10_000));
  }
}
