import type { Notification } from "../../aggregator/model/notification.ts";
import type { Globals } from "../../aggregator/notify/config/globals.ts";
import type {
  IntegrationKind,
  MailFn,
  RequestFn,
  SendAnswer,
  Sender,
  SendPorts,
} from "../../aggregator/notify/integrations/integration.ts";
import type { NotifyTemplates } from "../../aggregator/notify/templates/notify-templates.ts";
import { OperationalError } from "../../shared/errors.ts";
import { labelsOf, labelValue } from "../../shared/model/labels.ts";
import type { HttpAnswer, HttpRequest } from "../../shared/platform/http-client.ts";
import type { Mail } from "../../shared/platform/send-mail.ts";
import { FakeClock } from "./fake-clock.ts";
import { STUB_TEMPLATES } from "./stub-templates.ts";

export const AT_MS = 1_767_700_800_000; // 2026-01-06T12:00:00Z

type Surroundings = {
  readonly globals?: Globals;
  /** Texts by path. */
  readonly files?: Readonly<Record<string, string>>;
  readonly templates?: NotifyTemplates;
};

type Read = { readonly sender: Sender; readonly faults: readonly string[] };

/** Reads an entry of a routing file as the configuration does; faults as `path: message`. */
export function readKind<Raw>(
  kind: IntegrationKind<Raw>,
  entry: unknown,
  { globals = {}, files = {}, templates = STUB_TEMPLATES }: Surroundings = {},
): Read {
  const faults: string[] = [];
  const sender = kind.read(kind.schema.parse(entry), {
    ...{ receiver: "ops", globals, templates },
    readText: (path) => {
      const text = files[path];
      if (text === undefined) throw new OperationalError("NOT_FOUND", `${path}: no such file`);
      return text;
    },
    report: (message, path = []) => {
      faults.push(faultOf(message, path));
    },
  });
  return { sender, faults };
}

/** What a schema says against an entry. */
export function schemaFaults<Raw>(kind: IntegrationKind<Raw>, entry: object): string[] {
  const { error } = kind.schema.safeParse(entry);
  return (error?.issues ?? []).map(({ path, message }) => faultOf(message, path));
}

function faultOf(message: string, path: readonly PropertyKey[]): string {
  return path.length === 0 ? message : `${path.join(".")}: ${message}`;
}

/** Of a good entry. */
export function senderOf<Raw>(kind: IntegrationKind<Raw>, entry: unknown, around?: Surroundings) {
  const { sender, faults } = readKind(kind, entry, around);
  if (faults.length > 0) throw new Error(faults.join("; "));
  return sender;
}

/**
 * Stands in for the templates: every action gives the value of the label `v`, as it is or as HTML; one
 * with `bad` in it cannot be compiled, one with `.Status` gives the status.
 */
const VALUE_TEMPLATES: NotifyTemplates = {
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

/** The same as readKind with every action being the value of the label `v`. */
export function readWithValue<Raw>(
  kind: IntegrationKind<Raw>,
  entry: unknown,
  around: Surroundings = {},
): Read {
  return readKind(kind, entry, { ...around, templates: VALUE_TEMPLATES });
}

export function notificationOf(
  status: "firing" | "resolved" = "firing",
  labels: Readonly<Record<string, string>> = { alertname: "Down", instance: "a" },
): Notification {
  const alert = {
    status,
    labels: labelsOf(labels),
    annotations: labelsOf({ summary: "a is down" }),
    startsAtMs: AT_MS,
    endsAtMs: status === "resolved" ? AT_MS + 60_000 : null,
    generatorUrl: "http://telltale:7071/graph",
  };
  const groupLabels = labelsOf({ alertname: labels["alertname"] ?? "" });
  return { timeMs: AT_MS, groupKey: '{}:{alertname="Down"}', groupLabels, alerts: [alert] };
}

/** The same with a label `v` of the value. */
export function notificationWith(v: string, status: "firing" | "resolved" = "firing") {
  return notificationOf(status, { alertname: "Down", v });
}

const noMail: MailFn = () => Promise.reject(new Error("no mail here"));

export function portsOf(request: RequestFn, mail = noMail): SendPorts {
  return { request, mail, clock: new FakeClock(AT_MS), externalUrl: "http://telltale:7071" };
}

/** Ports that keep what is sent; each request gets the next answer, or the last one. */
export class SendBed {
  readonly requests: HttpRequest[] = [];
  readonly mails: Mail[] = [];
  answers: Partial<HttpAnswer>[] = [];
  mailFailure: Error | null = null;

  readonly ports = portsOf(
    async (request) => {
      this.requests.push(request);
      const answer = this.answers.length > 1 ? this.answers.shift() : this.answers[0];
      return { status: 200, text: "", retryAfterMs: null, ...answer };
    },
    async (mail) => {
      if (this.mailFailure !== null) throw this.mailFailure;
      this.mails.push(mail);
      return "250 queued";
    },
  );

  async send(sender: Sender, notification = notificationWith("value")): Promise<SendAnswer> {
    return await sender.send(notification, this.ports, AbortSignal.timeout(10_000));
  }
}

/** Sends one notification; each request gets the next answer, or the last one. */
export async function sendBy(
  sender: Sender,
  notification: Notification,
  answers: readonly Partial<HttpAnswer>[] = [],
): Promise<{ readonly answer: SendAnswer; readonly requests: readonly HttpRequest[] }> {
  const bed = new SendBed();
  bed.answers = [...answers];
  const answer = await bed.send(sender, notification);
  return { answer, requests: bed.requests };
}

/** The JSON body of the only request. */
export async function bodyBy(sender: Sender, notification: Notification) {
  const { requests } = await sendBy(sender, notification);
  if (requests.length !== 1) throw new Error(`${requests.length} requests`);
  return JSON.parse(String(requests[0]?.body));
}
