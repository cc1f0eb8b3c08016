/** Bounds of one line: what comes after them is left out. */
const SCANNED_MAX = 65_536;
const FIELDS_MAX = 100;
const DEPTH_MAX = 4;

export type FieldMap = Map<string, string>;

/**
 * The fields of a JSON object, those of objects in it with `_` between the names, as LogQL's `json`
 * has them; lists are left out. Null when the text is no JSON object.
 * @param isWanted others are looked at and not kept
 */
export function parseJsonFields(
  text: string,
  isWanted: (name: string) => boolean = () => true,
): FieldMap | null {
  if (!text.startsWith("{") || text.length > SCANNED_MAX) return null;
  let object: unknown;
  try {
    object = JSON.parse(text);
  } catch {
    return null; // it only looked like JSON
  }
  const fields: FieldMap = new Map();
  addFields({ fields, isWanted, left: FIELDS_MAX }, "", object, 1);
  return fields;
}

type Walk = {
  readonly fields: FieldMap;
  readonly isWanted: (name: string) => boolean;
  /** Fields that are still looked at. */
  left: number;
};

function addFields(walk: Walk, prefix: string, value: unknown, depth: number): void {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return;
  const object = value as Readonly<Record<string, unknown>>;
  for (const name in object) {
    if (walk.left === 0) return;
    const inner = object[name];
    if (typeof inner === "object") {
      if (depth < DEPTH_MAX) addFields(walk, `${prefix}${name}_`, inner, depth + 1);
      continue;
    }
    const path = prefix === "" ? name : prefix + name;
    walk.left -= 1;
    if (walk.isWanted(path)) walk.fields.set(path, String(inner));
  }
}

const PAIR = /[ \t]*([^\s="]{1,128})(?:=(?:"((?:[^"\\]|\\.)*)"|([^\s"]*)))?(?=[ \t]|$)/y;

/**
 * The pairs of a logfmt line. Null when it has something else in it, or less than two pairs: `a=b` in
 * a sentence does not make it logfmt.
 */
export function parseLogfmtFields(text: string): FieldMap | null {
  if (text.length > SCANNED_MAX) return null;
  const fields: FieldMap = new Map();
  const trimmed = text.trimEnd();
  PAIR.lastIndex = 0;
  while (PAIR.lastIndex < trimmed.length && fields.size < FIELDS_MAX) {
    const found = PAIR.exec(trimmed);
    if (found === null) return null;
    const [, name = "", quoted, bare] = found;
    if (quoted === undefined && bare === undefined) return null;
    if (fields.has(name)) continue;
    fields.set(name, quoted === undefined ? (bare ?? "") : unescaped(quoted));
  }
  return fields.size >= 2 ? fields : null;
}

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t" };

function unescaped(text: string): string {
  if (!text.includes("\\")) return text;
  return text.replace(/\\(.)/gs, (_, code: string) => ESCAPES[code] ?? code);
}
