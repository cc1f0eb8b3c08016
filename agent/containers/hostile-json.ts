import { OperationalError } from "../../shared/errors.ts";

/**
 * Reading JSON that anybody may have written. Size is checked before it is parsed, each field when
 * it is taken; a field of the wrong type counts as absent, and nothing else is copied.
 */

export type JsonObject = Readonly<Record<string, unknown>>;

/** Characters of a name, an image, a label's value. */
export const TEXT_CHARACTERS_MAX = 1024;
const LABELS_MAX = 64;
const LABEL_NAME_CHARACTERS_MAX = 256;
/** Of all labels of a container together. */
const LABELS_CHARACTERS_MAX = 16 * 1024;

/** @throws OperationalError PARSE */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    // The parser's own message quotes the text.
    throw new OperationalError("PARSE", `Not JSON: ${text.length} characters`, { cause });
  }
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The object at `key`; one without fields where there is none. */
export function objectAt(from: JsonObject, key: string): JsonObject {
  const value = ownValue(from, key);
  return isObject(value) ? value : {};
}

export function listAt(from: JsonObject, key: string): readonly unknown[] {
  const value = ownValue(from, key);
  return Array.isArray(value) ? value : [];
}

/** The text at `key`, cleaned; "" where there is none. */
export function textAt(from: JsonObject, key: string): string {
  const value = ownValue(from, key);
  return typeof value === "string" ? cleanText(value) : "";
}

/** A whole number from 0; null where there is none. */
export function countAt(from: JsonObject, key: string): number | null {
  const value = ownValue(from, key);
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : null;
}

export function flagAt(from: JsonObject, key: string): boolean | null {
  const value = ownValue(from, key);
  return typeof value === "boolean" ? value : null;
}

/** What an object has itself: `__proto__` and `constructor` are names like others. */
function ownValue(from: JsonObject, key: string): unknown {
  return Object.hasOwn(from, key) ? from[key] : undefined;
}

/**
 * Without control and format characters, valid UTF-8, bounded. A cut or mended text is copied, so
 * that it does not keep the long one alive.
 */
export function cleanText(text: string, charactersMax = TEXT_CHARACTERS_MAX): string {
  if (text.length <= charactersMax && /^[\x20-\x7e]*$/.test(text)) return text;
  const cut = text.slice(0, charactersMax * 2).replace(/\p{C}/gu, "");
  return Buffer.from(cut.slice(0, charactersMax)).toString("utf8");
}

/** A container's labels: the first of them in their order, as many as there is room for. */
export function labelsAt(from: JsonObject, key: string): Record<string, string> {
  return boundedLabels(objectAt(from, key), () => true);
}

export function boundedLabels(
  from: JsonObject,
  isLabel: (name: string) => boolean,
): Record<string, string> {
  // Without a prototype: a label may have any name.
  const labels: Record<string, string> = Object.create(null);
  let count = 0;
  let characters = 0;
  for (const name in from) {
    const value = ownValue(from, name);
    if (typeof value !== "string" || !isLabel(name)) continue;
    const label = cleanText(name, LABEL_NAME_CHARACTERS_MAX);
    const text = cleanText(value);
    characters += label.length + text.length;
    count += 1;
    if (count > LABELS_MAX || characters > LABELS_CHARACTERS_MAX) break;
    if (label !== "") labels[label] = text;
  }
  return labels;
}
