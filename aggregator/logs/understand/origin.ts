import { type Labels, labelValue } from "../../../shared/model/labels.ts";

/** What a line comes from, as metrics of lines have it. */
export type LineOrigin = {
  /** The node. */
  readonly instance: string;
  readonly service: string;
};

/** What is beyond a bound is of this service, route and so on. */
export const OTHER = "other";
const VALUE_MAX = 256;

/** Labels of a log stream that say which service it is of; the first that there is counts. */
const NAMES = ["service", "compose_service", "unit", "container", "filename"];

/** "" when none of the labels says it. */
export function serviceOf(labels: Labels): string {
  for (const name of NAMES) {
    const value = labelValue(labels, name);
    if (value !== "") return labelText(value);
  }
  return "";
}

/**
 * Text from outside as the value of a label: bounded, without NUL, which separates labels in keys, and
 * without half a surrogate pair. A copy, since a part of a text keeps all of it in memory.
 */
export function labelText(value: string): string {
  const part = value.slice(0, VALUE_MAX).replace(/[\ud800-\udbff]$/, "");
  return Buffer.from(part).toString().replaceAll("\0", "\ufffd");
}
