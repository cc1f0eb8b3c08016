import { type Document, Scalar, visit } from "yaml";
import type { z } from "zod";

/** Each round may lead a union to the member that has further such fields. */
const ROUNDS_MAX = 5;
const PLACES_MAX = 10_000;
/** What Go's YAML takes for a flag besides `true` and `false`. */
export const FLAGS: ReadonlyMap<string, boolean> = new Map([
  ...["y", "Y", "yes", "Yes", "YES", "on", "On", "ON"].map((text) => [text, true] as const),
  ...["n", "N", "no", "No", "NO", "off", "Off", "OFF"].map((text) => [text, false] as const),
]);

/** Numbers and flags become the text they were written as; an empty value stays null. */
export function keepSources(document: Document): void {
  visit(document, { Scalar: (_, node) => keepSource(node) });
}

function keepSource(node: Scalar): void {
  const isText = typeof node.value === "number" || typeof node.value === "boolean";
  if (isText && node.source !== undefined) node.value = node.source;
}

/**
 * Reads the document by the schema as programs in Go read YAML: by the type of the field. A text takes
 * a number or a flag as it is written (`0123`, `1.10`, `yes`), a flag also takes `yes` and `off`, and
 * what is empty is as if it were not there. What is quoted stays a text.
 */
export function fitScalars<T>(schema: z.ZodType<T>, document: Document) {
  visit(document, {
    Scalar: (role, node) => {
      if (role === "key") keepSource(node);
      else if (node.type === Scalar.PLAIN) node.value = FLAGS.get(node.source ?? "") ?? node.value;
    },
  });
  const values = plainValue(document);
  keepSources(document);
  const texts = plainValue(document);
  let result = schema.safeParse(values);
  for (let round = 0; round < ROUNDS_MAX && !result.success; round += 1) {
    const places = result.error.issues.flatMap((issue) => misfits(issue, []));
    const changed = places.slice(0, PLACES_MAX).filter((place) => refit(values, texts, place));
    if (changed.length === 0) break;
    result = schema.safeParse(values);
  }
  return result;
}

/** Aliases are counted before. An empty file is an empty map. */
export function plainValue(document: Document): unknown {
  return document.toJS({ maxAliasCount: -1 }) ?? {};
}

type Issue = z.core.$ZodIssue;
type Place = { readonly path: readonly PropertyKey[]; readonly expected: string };

/** Where a value has not the type of its field, in the members of unions too. */
function misfits(issue: Issue, above: readonly PropertyKey[]): Place[] {
  const path = [...above, ...issue.path];
  if (issue.code === "invalid_union") {
    return issue.errors.flat().flatMap((inner) => misfits(inner, path));
  }
  return issue.code === "invalid_type" ? [{ path, expected: issue.expected }] : [];
}

/** Whether the value at the place could be changed into what is expected there. */
function refit(values: unknown, texts: unknown, { path, expected }: Place): boolean {
  const key = path.at(-1);
  const parent = memberAt(values, path.slice(0, -1));
  if (key === undefined || parent === null) return false;
  const value: unknown = Reflect.get(parent, key);
  if (value === null && !Array.isArray(parent)) return Reflect.deleteProperty(parent, key);
  if (expected !== "string" || (typeof value !== "number" && typeof value !== "boolean")) {
    return false;
  }
  const written = memberAt(texts, path.slice(0, -1));
  return written !== null && Reflect.set(parent, key, Reflect.get(written, key));
}

function memberAt(root: unknown, path: readonly PropertyKey[]): object | null {
  let member = root;
  for (const key of path) {
    if (typeof member !== "object" || member === null) return null;
    member = Reflect.get(member, key);
  }
  return typeof member === "object" ? member : null;
}
