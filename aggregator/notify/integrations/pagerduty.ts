/** PagerDuty: the Events API v2 (routing_key), and the older generic one (service_key). */

import { z } from "zod";
import { duration } from "../../../shared/config/fields.ts";
import { checkedUrl } from "../config/read-secret.ts";
import { groupHash, isFiring } from "../message-parts.ts";
import { cutText } from "./cut-text.ts";
import { hasSecret, neededSecret, secretFields, templated, text } from "./entry-fields.ts";
import { httpFields, httpKind } from "./http-kind.ts";
import { sendJson } from "./http-send.ts";
import type { Reading } from "./integration.ts";
import { readFields, readTexts, readValues, type Texts, withoutEmpty } from "./message-texts.ts";
import { answerOf } from "./send-answer.ts";

const EVENTS_URL = "https://events.pagerduty.com/v2/enqueue";
const GENERIC_URL = "https://events.pagerduty.com/generic/2010-04-15/create_event.json";
const SUMMARY_MAX = 1024;
const EVENT_BYTES_MAX = 512_000;
const DETAILS_DEFAULT = {
  firing: '{{ template "pagerduty.default.instances" .Alerts.Firing }}',
  resolved: '{{ template "pagerduty.default.instances" .Alerts.Resolved }}',
  num_firing: "{{ .Alerts.Firing | len }}",
  num_resolved: "{{ .Alerts.Resolved | len }}",
};
const NO_DETAILS = {
  error: `The details were left out: the event was longer than ${EVENT_BYTES_MAX} bytes`,
};

const genericTexts = {
  client: templated("pagerduty.default.client"),
  client_url: templated("pagerduty.default.clientURL"),
  description: templated("pagerduty.default.description"),
};
const texts = {
  ...genericTexts,
  images: z.array(z.strictObject({ src: text, alt: text, href: text })).default([]),
  links: z.array(z.strictObject({ href: text, text })).default([]),
  source: text,
  severity: z.string().default("error"),
  class: text,
  component: text,
  group: text,
};
const schema = z.strictObject({
  ...httpFields,
  ...secretFields("routing_key"),
  ...secretFields("service_key"),
  url: z.string().optional(),
  ...texts,
  details: z.record(z.string(), z.unknown()).default({}),
  timeout: duration.optional(),
});

type Raw = z.infer<typeof schema>;

export const pagerdutyKind = httpKind({
  name: "pagerduty",
  schema,
  read(raw, reading, client) {
    const hasRouting = hasSecret(raw, "routing_key");
    if (hasRouting && hasSecret(raw, "service_key")) {
      reading.report("at most one of routing_key and service_key must be configured");
    }
    const own = raw.url ?? reading.globals.pagerduty_url;
    const url = checkedUrl(reading, own ?? (hasRouting ? EVENTS_URL : GENERIC_URL), "url");
    const eventOf = hasRouting ? readEvent(raw, reading) : readGeneric(raw, reading);
    const details = { ...DETAILS_DEFAULT, ...raw.details };
    const detailsOf = readValues(reading, details, ["details"]);
    return async (notification, ports, signal) => {
      const event = eventOf(notification, ports);
      const whole = event(detailsOf(notification, ports));
      const isLong = Buffer.byteLength(JSON.stringify(whole)) > EVENT_BYTES_MAX;
      const body = isLong ? event(NO_DETAILS) : whole;
      return answerOf(await sendJson(ports, { url, client }, body, signal));
    };
  },
});

/** All of it but the details, which are left out of one that is too long. */
type Event = (details: unknown) => object;

function readEvent(raw: Raw, reading: Reading): Texts<Event> {
  const keyOf = readKey(raw, reading, "routing_key");
  // PagerDuty refuses an event without a source.
  const expand = readFields(reading, { ...raw, source: raw.source || raw.client }, texts);
  return (notification, ports) => {
    const { description, client, client_url, images, links, ...payload } = expand(
      notification,
      ports,
    );
    const summary = cutText(description, SUMMARY_MAX);
    return (custom_details) =>
      withoutEmpty({
        routing_key: keyOf(notification, ports),
        event_action: isFiring(notification) ? "trigger" : "resolve",
        dedup_key: groupHash(notification),
        ...{ client, client_url },
        payload: withoutEmpty({ ...payload, summary, custom_details }),
        images: images.filter(({ src }) => src !== "").map(withoutEmpty),
        links: links.filter(({ href }) => href !== "").map(withoutEmpty),
      });
  };
}

function readGeneric(raw: Raw, reading: Reading): Texts<Event> {
  const keyOf = readKey(raw, reading, "service_key");
  const expand = readFields(reading, raw, genericTexts);
  return (notification, ports) => {
    const { description, ...client } = expand(notification, ports);
    return (details) =>
      withoutEmpty({
        ...client,
        service_key: keyOf(notification, ports),
        event_type: isFiring(notification) ? "trigger" : "resolve",
        incident_key: groupHash(notification),
        description: cutText(description, SUMMARY_MAX),
        details,
      });
  };
}

function readKey(raw: Raw, reading: Reading, name: "routing_key" | "service_key"): Texts<string> {
  const missing = "missing service or routing key in PagerDuty config";
  return readTexts(reading, neededSecret(reading, raw, name, { missing }), [name]);
}
