import { getOrInsert } from "../../shared/model/get-or-insert.ts";

/** Lines have the same few fields again and again. */
const NAMES_MAX = 10_000;
const names = new Map<string, string>();

/**
 * A field's name as a label: what is no ASCII letter, digit or underscore becomes an underscore.
 * Behind the names of the objects that it is in; if there is none, an underscore goes before a
 * digit. Empty for a name of spaces only.
 */
export function labelNameOf(field: string, prefix = ""): string {
  if (names.size >= NAMES_MAX) names.clear();
  const name = getOrInsert(names, field, () => field.trim().replace(/[^a-zA-Z0-9_]/gu, "_"));
  if (prefix !== "") return `${prefix}_${name}`;
  return /^\d/.test(name) ? `_${name}` : name;
}
