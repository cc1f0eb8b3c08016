import { createHash } from "node:crypto";
import { z } from "zod";
import type { Integration, IntegrationKind, Reading } from "../integrations/integration.ts";
import type { Receiver } from "../routing.ts";
import { hiddenText, hideSecrets } from "./hide-secrets.ts";
import { isLabelName } from "./label-tests.ts";
import { attempt, type Report, within } from "./report.ts";
import { secretsOf, withoutEcho } from "./without-echo.ts";

export type Kinds = ReadonlyMap<string, IntegrationKind>;

const NAME_LENGTH_MAX = 200;

/** Alertmanager's; those that there is no kind of are refused by their name. */
const ALERTMANAGER_KINDS = (
  "discord email incidentio jira mattermost msteams msteamsv2 opsgenie pagerduty pushover " +
  "rocketchat slack sns telegram victorops webex webhook wechat"
).split(" ");

/** What a receiver has besides its integrations; texts. */
export const receiverNamesSchema = z.looseObject({
  name: z
    .string()
    .max(NAME_LENGTH_MAX)
    .refine((name) => !/\p{Surrogate}/u.test(name), "not valid Unicode")
    .nullish(),
  // Alertmanager's metrics show them; nothing else does.
  labels: z.record(z.string(), z.string().nullable()).nullish(),
});

export function receiverSchema(kinds: Kinds) {
  const anything = z.unknown().optional();
  const refused = z.undefined({ error: "not supported" }).optional();
  const shape: Record<string, z.ZodType> = { name: anything, labels: anything };
  for (const name of ALERTMANAGER_KINDS) shape[`${name}_configs`] = refused;
  for (const [key, kind] of kinds) shape[key] = z.array(kind.schema).nullish();
  return z.strictObject(shape);
}

/** A receiver as its kinds' schemas read it, and with its entries as they are written. */
export type RawReceiver = {
  readonly read: Readonly<Record<string, unknown>>;
  readonly written: z.infer<typeof receiverNamesSchema>;
};

export type ReceiversReading = Pick<Reading, "globals" | "templates" | "readText"> & {
  readonly kinds: Kinds;
  /** What the templates are made of: part of every definition. */
  readonly templateFiles: unknown;
};

/** Every receiver with a name, also one that has faults. */
export function readReceivers(
  raw: readonly RawReceiver[],
  reading: ReceiversReading,
  report: Report,
): ReadonlyMap<string, Receiver> {
  const receivers = new Map<string, Receiver>();
  for (const [i, one] of raw.entries()) {
    const ofReceiver = within(report, i);
    const { name, labels } = one.written;
    if (name === undefined || name === null || name === "") {
      ofReceiver(["name"], "missing name in receiver");
      continue;
    }
    if (receivers.has(name)) {
      ofReceiver(["name"], `notification config name "${name}" is not unique`);
    }
    for (const label of Object.keys(labels ?? {})) {
      if (isLabelName(label)) continue;
      ofReceiver(["labels", label], `invalid label name "${label}" in receiver labels`);
    }
    receivers.set(name, { name, integrations: readIntegrations(name, one, reading, ofReceiver) });
  }
  return receivers;
}

function readIntegrations(
  receiver: string,
  raw: RawReceiver,
  reading: ReceiversReading,
  report: Report,
): Integration[] {
  return [...reading.kinds].flatMap(([key, kind]) => {
    const entries = listOf(raw.read[key]);
    const written = listOf(raw.written[key]);
    return entries.flatMap((entry, i) => {
      const place = { receiver, kind, index: i };
      const one = { entry, written: written[i] };
      return readIntegration(place, one, reading, within(report, key, i)) ?? [];
    });
  });
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

type Place = {
  readonly receiver: string;
  readonly kind: IntegrationKind;
  readonly index: number;
};

function readIntegration(
  { receiver, kind, index }: Place,
  { entry, written }: { readonly entry: unknown; readonly written: unknown },
  { globals, templates, readText, templateFiles }: ReceiversReading,
  report: Report,
): Integration | null {
  const files: [path: string, text: string][] = [];
  const used = noted(globals);
  const reading: Reading = {
    receiver,
    globals: used.values,
    templates,
    readText: (path) => {
      const text = readText(path);
      files.push([path, text]);
      return text;
    },
    report: (message, path = []) => report(path, message),
  };
  const sender = attempt(() => kind.read(entry, reading), report);
  if (sender === null) return null;
  const parts = [receiver, kind.name, written, [...used.read], templateFiles, files];
  const texts = new Map(files);
  const secrets = secretsOf({ entry, globals: Object.fromEntries(used.read), secret: files });
  return {
    ...sender,
    send: (notification, ports, signal) =>
      sender.send(notification, withoutEcho(ports, secrets), signal),
    receiver,
    kind: kind.name,
    queue: `${receiver}/${kind.name}[${index}]`,
    definition: createHash("sha256").update(JSON.stringify(parts)).digest("hex"),
    withoutSecrets: () =>
      kind.read(hideSecrets(Object(entry)), {
        ...{ receiver, globals: hideSecrets(globals), templates },
        readText: (path) => hiddenText(texts.get(path) ?? ""),
        report: () => {}, // what stands for a secret may not have its form
      }),
  };
}

/** The same values, and those of them that were read so far. */
function noted<T extends object>(values: T) {
  const read = new Map<PropertyKey, unknown>();
  const get = (target: T, key: string | symbol) => {
    const value: unknown = Reflect.get(target, key);
    read.set(key, value);
    return value;
  };
  return { values: new Proxy(values, { get }), read };
}
