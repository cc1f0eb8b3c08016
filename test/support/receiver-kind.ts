import type { Notification } from "../../aggregator/model/notification.ts";
import { type Globals, globalsSchema } from "../../aggregator/notify/config/globals.ts";
import type {
  IntegrationKind,
  RequestFn,
  SendAnswer,
  Sender,
  SendPorts,
} from "../../aggregator/notify/integrations/integration.ts";
import { OperationalError } from "../../shared/errors.ts";
import { labelsOf } from "../../shared/model/labels.ts";
import type { HttpAnswer, HttpRequest } from "../../shared/platform/http-client.ts";
import { STUB_TEMPLATES } from "./stub-templates.ts";

export const AT_MS = 1_767_700_800_000; // 2026-01-06T12:00:00Z

type Surroundings = {
  readonly globals?: Readonly<Record<string, unknown>>;
  /** Texts by path. */
  readonly files?: Readonly<Record<string, string>>;
};

/** Reads an entry of a routing file as the configuration does; faults as `path: message`. */
export function readKind<Raw>(
  kind: IntegrationKind<Raw>,
  entry: unknown,
  { globals = {}, files = {} }: Surroundings = {},
): { readonly sender: Sender; readonly faults: readonly string[] } {
  const faults: string[] = [];
  const parsed = kind.schema.parse(entry);
  const sender = kind.read(parsed, {
    receiver: "ops",
    globals: globalsSchema.parse(globals) as Globals,
    templates: STUB_TEMPLATES,
    readText: (path) => {
      const text = files[path];
      if (text === undefined)
        throw new OperationalError("CONFIG", `${path}: there is no such file`);
      return text;
    },
    report: (message, path = []) => {
      faults.push(path.length === 0 ? message : `${path.join(".")}: ${message}`);
    },
  });
  return { sender, faults };
}

/** Of a good entry. */
export function senderOf<Raw>(kind: IntegrationKind<Raw>, entry: unknown, around?: Surroundings) {
  const { sender, faults } = readKind(kind, entry, around);
  if (faults.length > 0) throw new Error(faults.join("; "));
  return sender;
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

export function portsOf(request: RequestFn): SendPorts {
  const mail = () => Promise.reject(new Error("no mail here"));
  return { request, mail, nowMs: () => AT_MS, externalUrl: "http://telltale:7071" };
}

const TAKEN: HttpAnswer = { status: 200, text: "", retryAfterMs: null };

/** Sends one notification; each request gets the next answer, or the last one. */
export async function sendBy(
  sender: Sender,
  notification: Notification,
  answers: readonly Partial<HttpAnswer>[] = [],
): Promise<{ readonly answer: SendAnswer; readonly requests: readonly HttpRequest[] }> {
  const requests: HttpRequest[] = [];
  const request: RequestFn = async (asked) => {
    requests.push(asked);
    return { ...TAKEN, ...(answers[requests.length - 1] ?? answers.at(-1)) };
  };
  const answer = await sender.send(notification, portsOf(request), new AbortController().signal);
  return { answer, requests };
}

/** The JSON body of the only request. */
export async function bodyBy(sender: Sender, notification: Notification) {
  const { requests } = await sendBy(sender, notification);
  if (requests.length !== 1) throw new Error(`${requests.length} requests`);
  return JSON.parse(String(requests[0]?.body));
}
