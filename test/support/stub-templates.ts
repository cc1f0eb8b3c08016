import type { Notification } from "../../aggregator/model/notification.ts";
import { commonLabels, isFiring } from "../../aggregator/notify/message-parts.ts";
import type { NotifyTemplates } from "../../aggregator/notify/templates/notify-templates.ts";
import { OperationalError } from "../../shared/errors.ts";
import { labelPairs, labelsRecord, labelValue } from "../../shared/model/labels.ts";

const IF_FIRING = /\{\{ if eq \.Status "firing" \}\}(.*?)\{\{ else \}\}(.*?)\{\{ end \}\}/g;

/**
 * Just as much of the template language as receivers' tests need: a named template gives its name and
 * the values of all labels and annotations.
 */
export const STUB_TEMPLATES: NotifyTemplates = {
  compile: (text) => {
    if (/\{\{(?![^{}]*\}\})/.test(text)) throw new OperationalError("PARSE", "1:1: not closed");
    return (notification) =>
      text
        .replace(IF_FIRING, isFiring(notification) ? "$1" : "$2")
        .replace(/\{\{-? *(.*?) *-?\}\}/g, (_, expression) => evaluated(expression, notification));
  },
};

function evaluated(expression: string, notification: Notification): string {
  const { alerts } = notification;
  const [, name] = /^template "(.*?)"/.exec(expression) ?? [];
  if (name !== undefined) return `[${name}] ${allValues(notification).join(" ")}`;
  const [, label] = /^\.CommonLabels\.(\w+)$/.exec(expression) ?? [];
  if (label !== undefined) return labelValue(commonLabels(alerts.map((one) => one.labels)), label);
  const [, status] = /^\.Alerts\.(\w+) \| len$/.exec(expression) ?? [];
  const isOf = (one: string) => one === status?.toLowerCase();
  if (status !== undefined) return String(alerts.filter((one) => isOf(one.status)).length);
  if (expression.includes("toJson")) {
    return JSON.stringify(alerts.map(({ labels }) => labelsRecord(labels)));
  }
  return expression === ".Status" ? (isFiring(notification) ? "firing" : "resolved") : "";
}

function allValues({ alerts }: Notification): string[] {
  return alerts.flatMap(({ labels, annotations }) =>
    [...labelPairs(labels), ...labelPairs(annotations)].map(([, value]) => value),
  );
}
