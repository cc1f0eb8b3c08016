import { z } from "zod";
import { decodeYaml, type Fault, formatPath, type Path } from "../../shared/config/decode-yaml.ts";
import { duration } from "../../shared/config/fields.ts";
import { readWebhook, type Webhook, webhookSchema } from "./integrations/webhook.ts";

type Receiver = { readonly name: string; readonly webhooks: readonly Webhook[] };

/** Where notifications go: as yet one receiver for all of them. */
export type NotifyConfig = {
  readonly receiver: Receiver;
  /** Alerts with the same values of these labels are sent together; null: every label counts. */
  readonly groupBy: readonly string[] | null;
};

const NAME_LENGTH_MAX = 200;

/** Parts of Alertmanager's format that are refused by their name rather than as typing errors. */
function later(...names: readonly string[]) {
  const refused = z.undefined({ error: "not supported yet" }).optional();
  return Object.fromEntries(names.map((name) => [name, refused]));
}

const OTHER_INTEGRATIONS = (
  "discord email incidentio jira mattermost msteams msteamsv2 opsgenie pagerduty pushover " +
  "rocketchat slack sns telegram victorops webex wechat"
).split(" ");

const receiver = z.strictObject({
  name: z
    .string()
    .min(1, "must not be empty")
    .max(NAME_LENGTH_MAX)
    .refine((name) => !/\p{Surrogate}/u.test(name), "not valid Unicode"),
  webhook_configs: z.array(webhookSchema).nullish(),
  ...later(...OTHER_INTEGRATIONS.map((name) => `${name}_configs`)),
});

const route = z.strictObject({
  receiver: z.string({ error: "the root route must name a receiver" }),
  group_by: z.array(z.string().min(1)).optional(),
  // Changes are sent as they are found; that is what Alertmanager calls a group_wait of 0s.
  group_wait: duration.pipe(z.literal(0, "only 0s is supported yet")).optional(),
  ...later("group_interval", "repeat_interval", "routes", "continue"),
  ...later("match", "match_re", "matchers", "mute_time_intervals", "active_time_intervals"),
});

const notifyFile = z.strictObject({
  // An alert ends when its rule says so, not by a time; the setting has nothing to act on.
  global: z.strictObject({ resolve_timeout: duration.optional() }).nullish(),
  route,
  receivers: z.array(receiver),
  ...later("templates", "inhibit_rules", "mute_time_intervals", "time_intervals", "tracing"),
});

type RawFile = z.infer<typeof notifyFile>;

/**
 * Routing in Alertmanager's format, the part of it that is supported. `readText` returns the text of a
 * `url_file`. The configuration is null when there are faults.
 */
export function parseNotifyConfig(
  file: { readonly path: string; readonly text: string },
  readText: (path: string) => string,
): { readonly config: NotifyConfig | null; readonly faults: readonly Fault[] } {
  const decoded = decodeYaml(notifyFile, file.path, file.text);
  if (decoded.value === null) return { config: null, faults: decoded.faults };
  const faults: Fault[] = [];
  const { lineOf } = decoded;
  const report = (path: Path, message: string) => {
    faults.push({ file: file.path, line: lineOf(path), path: formatPath(path), message });
  };
  const config = readConfig(decoded.value, readText, report);
  return { config: faults.length > 0 ? null : config, faults };
}

function readConfig(
  raw: RawFile,
  readText: (path: string) => string,
  report: (path: Path, message: string) => void,
): NotifyConfig | null {
  const receivers = new Map<string, Receiver>();
  for (const [i, { name, webhook_configs: webhooks }] of raw.receivers.entries()) {
    const path = ["receivers", i];
    if (receivers.has(name)) {
      report([...path, "name"], `the receiver name "${name}" is not unique`);
    }
    const read = (webhooks ?? []).map((one, index) => {
      const faultOf = (message: string) => report([...path, "webhook_configs", index], message);
      return readWebhook(one, { receiver: name, index }, { readText, report: faultOf });
    });
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
