/** PagerDuty: the Events API v2 (routing_key), and the older generic one (service_key). */

import { z } from "zod";
import { duration } from "../../../shared/config/fields.ts";
import type { HttpClientOptions } from "../../../shared/platform/http-client.ts";
import { httpConfigSchema, readHttpConfig } from "../config/http-config.ts";
import { checkedUrl, readSecret } from "../config/read-secret.ts";
import { groupHash, isFiring } from "../message-parts.ts";
import { answerOf, cutText, SEND_TIMEOUT_MS, sendJson } from "./http-send.ts";
import type { IntegrationKind, Reading } from "./integration.ts";
import { readTexts, readValues, type Texts, withoutEmpty } from "./message-texts.ts";

const text = z.string().default("");
const file = z.string().min(1).optional();

const schema = z.strictObject({
  send_resolved: z.boolean().optional(),
  http_config: httpConfigSchema.optional(),
  routing_key: text,
  routing_key_file: file,
  service_key: text,
  service_key_file: file,
  url: z.string().optional(),
  client: z.string().default('{{ template "pagerduty.default.client" . }}'),
  client_url: z.string().default('{{ template "pagerduty.default.clientURL" . }}'),
  description: z.string().default('{{ template "pagerduty.default.description" . }}'),
  details: z.record(z.string(), z.unknown()).default({}),
  images: z.array(z.strictObject({ src: text, alt: text, href: text })).default([]),
  links: z.array(z.strictObject({ href: text, text })).default([]),
  source: z.string().optional(),
  severity: z.string().default("error"),
  class: text,
  component: text,
  group: text,
  timeout: duration.optional(),
});

type Raw = z.infer<typeof schema>;

const EVENTS_URL = "https://events.pagerduty.com/v2/enqueue";
const GENERIC_URL = "https://events.pagerduty.com/generic/2010-04-15/create_event.json";
const SUMMARY_MAX = 1024;
const EVENT_BYTES_MAX = 512_000;
const DEFAULT_DETAILS = {
  firing: '{{ template "pagerduty.default.instances" .Alerts.Firing }}',
  resolved: '{{ template "pagerduty.default.instances" .Alerts.Resolved }}',
  num_firing: "{{ .Alerts.Firing | len }}",
  num_resolved: "{{ .Alerts.Resolved | len }}",
};

type Target = { readonly url: string; readonly client: HttpClientOptions };

export const pagerdutyKind: IntegrationKind<Raw> = {
  name: "pagerduty",
  schema,
  read: (raw, reading) => {
    const hasRouting = raw.routing_key !== "" || raw.routing_key_file !== undefined;
    const hasService = raw.service_key !== "" || raw.service_key_file !== undefined;
    if (!hasRouting && !hasService) {
      reading.report("missing service or routing key in PagerDuty config");
    }
    if (hasRouting && hasService) {
      reading.report("at most one of routing_key and service_key must be configured");
    }
    const own = raw.url ?? reading.globals.pagerduty_url;
    const url = own ?? (hasRouting ? EVENTS_URL : GENERIC_URL);
    const client = readHttpConfig(raw.http_config, reading);
    const target = { url: checkedUrl(reading, url, "url"), client };
    const bodyOf = hasRouting ? readEvent(raw, reading) : readGeneric(raw, reading);
    return {
      sendsResolved: raw.send_resolved ?? true,
      timeoutMs: raw.timeout || SEND_TIMEOUT_MS,
      perMinuteMax: null,
      send: sendEvent(target, bodyOf),
    };
  },
};

/** `details` is what is left out of an event that is too long. */
type Event = { readonly body: object; readonly withDetails: (details: unknown) => object };

function sendEvent(
  target: Target,
  bodyOf: Texts<Event>,
): ReturnType<typeof pagerdutyKind.read>["send"] {
  return async (notification, ports, signal) => {
    const { body, withDetails } = bodyOf(notification, ports);
    const isLong = Buffer.byteLength(JSON.stringify(body)) > EVENT_BYTES_MAX;
    const error = `The details were left out: the event was longer than ${EVENT_BYTES_MAX} bytes`;
    const sent = isLong ? withDetails({ error }) : body;
    return answerOf(await sendJson(ports, target, sent, signal));
  };
}

function readEvent(raw: Raw, reading: Reading): Texts<Event> {
  const { severity, class: kind, component, group, images, links } = raw;
  const key = readSecret(reading, raw.routing_key, raw.routing_key_file, "routing_key");
  const textsOf = readTexts(reading, {
    ...{ routing_key: key, client: raw.client, client_url: raw.client_url },
    ...{ description: raw.description, source: raw.source ?? raw.client, severity },
    ...{ class: kind, component, group, images, links },
  });
  const detailsOf = readDetails(raw, reading);
  return (notification, ports) => {
    const texts = textsOf(notification, ports);
    const payload = (details: unknown) =>
      withoutEmpty({
        ...{ summary: cutText(texts.description, SUMMARY_MAX), source: texts.source },
        ...{ severity: texts.severity, class: texts.class, component: texts.component },
        ...{ group: texts.group, custom_details: details },
      });
    const withDetails = (details: unknown) =>
      withoutEmpty({
        routing_key: texts.routing_key,
        event_action: isFiring(notification) ? "trigger" : "resolve",
        dedup_key: groupHash(notification),
        client: texts.client,
        client_url: texts.client_url,
        payload: payload(details),
        images: texts.images.filter(({ src }) => src !== "").map(withoutEmpty),
        links: texts.links.filter(({ href }) => href !== "").map(withoutEmpty),
      });
    return { body: withDetails(detailsOf(notification, ports)), withDetails };
  };
}

function readGeneric(raw: Raw, reading: Reading): Texts<Event> {
  const { client, client_url, description } = raw;
  const key = readSecret(reading, raw.service_key, raw.service_key_file, "service_key");
  const textsOf = readTexts(reading, { service_key: key, client, client_url, description });
  const detailsOf = readDetails(raw, reading);
  return (notification, ports) => {
    const texts = textsOf(notification, ports);
    const event_type = isFiring(notification) ? "trigger" : "resolve";
    const withDetails = (details: unknown) =>
      withoutEmpty({
        ...{ ...texts, event_type, incident_key: groupHash(notification), details },
        description: cutText(texts.description, SUMMARY_MAX),
      });
    return { body: withDetails(detailsOf(notification, ports)), withDetails };
  };
}

function readDetails({ details }: Raw, reading: Reading): Texts<unknown> {
  return readValues(reading, { ...DEFAULT_DETAILS, ...details }, ["details"]);
}
