import { z } from "zod";
import {
  decodeYaml,
  type Fault,
  faultsError,
  formatPath,
} from "../../shared/config/decode-yaml.ts";
import { duration } from "../../shared/config/fields.ts";
import { errorMessage, OperationalError } from "../../shared/errors.ts";

/** One webhook of a receiver. */
export type Webhook = {
  /** A secret: it often holds a token. Never logged. */
  readonly url: string;
  readonly sendsResolved: boolean;
  /** Alerts of one request at most, the rest is left out and counted in it; 0: all. */
  readonly alertsMax: number;
  readonly timeoutMs: number;
};

type Receiver = { readonly name: string; readonly webhooks: readonly Webhook[] };

/** Where notifications go: as yet one receiver for all of them. */
export type NotifyConfig = {
  readonly receiver: Receiver;
  /** Alerts with the same values of these labels are sent together; null: every label counts. */
  readonly groupBy: readonly string[] | null;
};

const TIMEOUT_DEFAULT_MS = 10_000;
const NAME_LENGTH_MAX = 200;

/** A part of Alertmanager's format that is refused by its name rather than as a typing error. */
const later = z.undefined({ error: "not supported yet" }).optional();

const httpUrl = z.string().refine(isHttpUrl, "must be an http or https URL");

const webhook = z.strictObject({
  url: httpUrl.optional(),
  url_file: z.string().min(1).optional(),
  send_resolved: z.boolean().default(true),
  max_alerts: z.number().int().nonnegative().default(0),
  timeout: duration.default(0),
  http_config: later,
});

const OTHER_INTEGRATIONS = (
  "discord email incidentio jira mattermost msteams msteamsv2 opsgenie pagerduty pushover " +
  "rocketchat slack sns telegram victorops webex wechat"
).split(" ");

const receiver = z.strictObject({
  name: z.string().min(1, "must not be empty").max(NAME_LENGTH_MAX),
  webhook_configs: z.array(webhook).nullish(),
  ...Object.fromEntries(OTHER_INTEGRATIONS.map((name) => [`${name}_configs`, later])),
});

const route = z.strictObject({
  receiver: z.string({ error: "the root route must name a receiver" }),
  group_by: z.array(z.string().min(1)).optional(),
  // Changes are sent as they are found; that is what Alertmanager calls a group_wait of 0s.
  group_wait: duration.pipe(z.literal(0, "only 0s is supported yet")).optional(),
  group_interval: later,
  repeat_interval: later,
  routes: later,
  continue: later,
  match: later,
  match_re: later,
  matchers: later,
  mute_time_intervals: later,
  active_time_intervals: later,
});

const notifyFile = z.strictObject({
  // An alert ends when its rule says so, not by a time; the setting has nothing to act on.
  global: z.strictObject({ resolve_timeout: duration.optional() }).nullish(),
  route,
  receivers: z.array(receiver),
  templates: later,
  inhibit_rules: later,
  mute_time_intervals: later,
  time_intervals: later,
  tracing: later,
});

type RawFile = z.infer<typeof notifyFile>;

/**
 * Routing in Alertmanager's format, the part of it that is supported. `readText` gives the text of a
 * `url_file`.
 * @throws OperationalError CONFIG naming every fault with file, line and path
 */
export function parseNotifyConfig(
  file: { readonly path: string; readonly text: string },
  readText: (path: string) => string,
): NotifyConfig {
  const decoded = decodeYaml(notifyFile, file.path, file.text);
  if (decoded.value === null) throw faultsError(decoded.faults);
  const faults: Fault[] = [];
  const { lineOf } = decoded;
  const report = (path: readonly (string | number)[], message: string) => {
    faults.push({ file: file.path, line: lineOf(path), path: formatPath(path), message });
  };
  const config = readConfig(decoded.value, readText, report);
  if (faults.length > 0 || config === null) throw faultsError(faults);
  return config;
}

type Report = (path: readonly (string | number)[], message: string) => void;

function readConfig(
  raw: RawFile,
  readText: (path: string) => string,
  report: Report,
): NotifyConfig | null {
  const receivers = new Map<string, Receiver>();
  for (const [i, { name, webhook_configs: webhooks }] of raw.receivers.entries()) {
    const path = ["receivers", i];
    if (receivers.has(name)) {
      report([...path, "name"], `the receiver name "${name}" is not unique`);
    }
    const read = (webhooks ?? []).map((one, j) => ({
      url: readUrl(one, readText, (message) => report([...path, "webhook_configs", j], message)),
      sendsResolved: one.send_resolved,
      alertsMax: one.max_alerts,
      timeoutMs: one.timeout || TIMEOUT_DEFAULT_MS,
    }));
    receivers.set(name, { name, webhooks: read });
  }
  const names = raw.route.group_by ?? ["alertname"];
  if (new Set(names).size < names.length) report(["route", "group_by"], "a label is named twice");
  const chosen = receivers.get(raw.route.receiver);
  if (chosen === undefined) {
    report(["route", "receiver"], `no receiver is named "${raw.route.receiver}"`);
    return null;
  }
  return { receiver: chosen, groupBy: names.includes("...") ? null : names };
}

function readUrl(
  { url, url_file: path }: z.infer<typeof webhook>,
  readText: (path: string) => string,
  report: (message: string) => void,
): string {
  if ((url === undefined) === (path === undefined)) report("one of url and url_file must be set");
  if (path === undefined) return url ?? "";
  try {
    const text = readText(path).trim();
    if (!isHttpUrl(text)) report(`url_file ${path} holds no http or https URL`);
    return text;
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    report(`url_file: ${errorMessage(error)}`);
    return "";
  }
}

function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}
