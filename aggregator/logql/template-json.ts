import { fault } from "../template/functions.ts";
import type { TemplateValue } from "../template/go-format.ts";

const DEPTH_MAX = 100;

/** What the JSON says, as Go's encoding/json reads it: numbers are floats. What is no JSON is nil. */
export function jsonValue(text: string): TemplateValue {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  return toValue(value, 0);
}

function toValue(value: unknown, depth: number): TemplateValue {
  if (depth > DEPTH_MAX) throw fault(`JSON deeper than ${DEPTH_MAX} levels`);
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") {
    return value;
  }
  if (typeof value !== "object" || value === null) return null;
  if (Array.isArray(value)) {
    return { kind: "list", items: value.map((item) => toValue(item, depth + 1)) };
  }
  const entries = Object.entries(value).map(([name, item]) => {
    return [name, toValue(item, depth + 1)] as const;
  });
  return { kind: "map", entries: new Map(entries) };
}
