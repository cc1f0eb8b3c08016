/** A notification as templates see it. Source: Alertmanager's "Notification template reference". */

import { type Labels, labelPairs, labelsFrom } from "../../../shared/model/labels.ts";
import type { Notification, NotifiedAlert } from "../../model/notification.ts";
import { fault, fixed } from "../../template/functions.ts";
import {
  formatValue,
  sortedPairs,
  type TemplateValue,
  typeName,
} from "../../template/go-format.ts";
import { UTC } from "../../template/go-time.ts";
import { type Methods, TIME_METHODS, ZERO_TIME_US } from "../../template/methods.ts";
import { commonLabels, fingerprint } from "../message-parts.ts";

/** The root of a template: `.`. */
export function messageValue(
  { groupLabels, alerts }: Notification,
  receiver: string,
  externalUrl: string,
): TemplateValue {
  const isFiring = alerts.some(({ status }) => status === "firing");
  return fieldsOf("template.Data", {
    Receiver: receiver,
    Status: isFiring ? "firing" : "resolved",
    Alerts: { kind: "list", type: "template.Alerts", items: alerts.map(alertValue) },
    GroupLabels: kv(groupLabels),
    CommonLabels: kv(commonLabels(alerts.map(({ labels }) => labels))),
    CommonAnnotations: kv(commonLabels(alerts.map(({ annotations }) => annotations))),
    ExternalURL: externalUrl,
  });
}

function alertValue(alert: NotifiedAlert): TemplateValue {
  return fieldsOf("template.Alert", {
    Status: alert.status,
    Labels: kv(alert.labels),
    Annotations: kv(alert.annotations),
    StartsAt: timeAt(alert.startsAtMs * 1000),
    EndsAt: timeAt(alert.endsAtMs === null ? ZERO_TIME_US : alert.endsAtMs * 1000),
    GeneratorURL: alert.generatorUrl,
    Fingerprint: fingerprint(alert.labels),
  });
}

function fieldsOf(type: string, fields: Readonly<Record<string, TemplateValue>>): TemplateValue {
  return { kind: "fields", type, fields: new Map(Object.entries(fields)) };
}

function timeAt(timeUs: number): TemplateValue {
  return { kind: "time", time: { timeUs, zone: UTC } };
}

function kv(labels: Labels): TemplateValue {
  return { kind: "labels", type: "template.KV", labels };
}

/** Texts, as of `stringSlice`. */
export function textList(items: readonly string[]): TemplateValue {
  return { kind: "list", type: "[]string", items };
}

/** @throws OperationalError PARSE */
export function textsArg(value: TemplateValue = null): readonly string[] {
  const items = itemsArg(value);
  const texts = items.filter((item) => typeof item === "string");
  if (texts.length === items.length) return texts;
  throw fault(`wrong type of argument: ${typeName(value)} where strings are wanted`);
}

/** @throws OperationalError PARSE */
export function itemsArg(value: TemplateValue = null): readonly TemplateValue[] {
  if (typeof value === "object" && value?.kind === "list") return value.items;
  throw fault(`wrong type of argument: ${typeName(value)} where a list is wanted`);
}

function labelsArg(value: TemplateValue = null): Labels {
  if (typeof value === "object" && value?.kind === "labels") return value.labels;
  throw fault(`wrong type of argument: ${typeName(value)} where labels are wanted`);
}

function without(labels: Labels, names: readonly string[]): Labels {
  const removed = new Set(names);
  return labelsFrom(labelPairs(labels).filter(([name]) => !removed.has(name)));
}

function pairList(labels: Labels): TemplateValue {
  const items = sortedPairs(labels).map(([name, value]) =>
    fieldsOf("template.Pair", { Name: name, Value: value }),
  );
  return { kind: "list", type: "template.Pairs", items };
}

function fieldText(value: TemplateValue, name: string): string {
  const isStruct = typeof value === "object" && value?.kind === "fields";
  return isStruct ? String(value.fields.get(name) ?? "") : "";
}

/** Of each item of a list its field of this name. */
function column(name: string) {
  return fixed(1, (list) => textList(itemsArg(list).map((item) => fieldText(item, name))));
}

function withStatus(status: NotifiedAlert["status"]) {
  return fixed(1, (list) => ({
    kind: "list" as const,
    type: "template.Alerts",
    items: itemsArg(list).filter((alert) => fieldText(alert, "Status") === status),
  }));
}

const text = fixed(1, (value) => formatValue(value ?? null));

export const MESSAGE_METHODS: Methods = new Map([
  ...TIME_METHODS,
  [
    "template.KV",
    new Map([
      ["SortedPairs", fixed(1, (labels) => pairList(labelsArg(labels)))],
      ["Remove", fixed(2, (labels, names) => kv(without(labelsArg(labels), textsArg(names))))],
      [
        "Names",
        fixed(1, (labels) => textList(sortedPairs(labelsArg(labels)).map(([name]) => name))),
      ],
      [
        "Values",
        fixed(1, (labels) => textList(sortedPairs(labelsArg(labels)).map(([, one]) => one))),
      ],
      ["String", text],
    ]),
  ],
  [
    "template.Pairs",
    new Map([
      ["Names", column("Name")],
      ["Values", column("Value")],
      ["String", text],
    ]),
  ],
  [
    "template.Alerts",
    new Map([
      ["Firing", withStatus("firing")],
      ["Resolved", withStatus("resolved")],
    ]),
  ],
]);
