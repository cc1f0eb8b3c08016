import { errorMessage, OperationalError } from "../../shared/errors.ts";
import type { Extraction } from "./ast.ts";
import { labelNameOf } from "./field-name.ts";
import { JsonScanner } from "./json-scanner.ts";
import type { LineLabels } from "./line-labels.ts";

/** Works on one line and returns what it has become; null: the line is left out. */
export type LineStage = (line: string, labels: LineLabels, timeUs: number) => string | null;

/** A JSON parser's error becomes `__error__`; what was extracted before it stays. */
function jsonStage(read: (line: string, labels: LineLabels) => string | null): LineStage {
  return (line, labels) => {
    if (!/^\s*\{/.test(line)) {
      labels.setError("JSONParserErr", "not a JSON object");
      return line;
    }
    try {
      return read(line, labels) ?? line;
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      labels.setError("JSONParserErr", errorMessage(error));
      return line;
    }
  };
}

/** `| json`: every field but arrays and null; names of nested ones are joined by underscores. */
export function jsonFields(): LineStage {
  return jsonStage((line, labels) => {
    const scanner = new JsonScanner(line);
    extractMembers(scanner, labels, "", 0);
    scanner.end();
    return null;
  });
}

function extractMembers(
  scanner: JsonScanner,
  labels: LineLabels,
  prefix: string,
  depth: number,
): void {
  scanner.members((key) => {
    const name = labelNameOf(key, prefix);
    const kind = scanner.kind();
    if (kind === "object") extractMembers(scanner, labels, name, depth + 1);
    else if (kind === "array" || kind === "null" || name === "") scanner.skip();
    else labels.extract(name, scanner.scalar(kind));
  }, depth);
}

/**
 * `| json label="path"`: only those. A label has no value where the path leads nowhere; an object or
 * array as it is written.
 */
export function jsonPaths(fields: readonly Extraction[]): LineStage {
  const paths = fields.map(({ name, from }) => ({ name, path: parseJsonPath(from) }));
  return jsonStage((line, labels) => {
    for (const { name, path } of paths) {
      const value = valueAt(new JsonScanner(line), path, 0);
      if (value !== null) labels.extract(name, value);
    }
    return null;
  });
}

/** Keys of objects and indexes of arrays, from the outside in. */
type JsonPath = readonly (string | number)[];

const STEP = /\.?([\p{L}_][\p{L}\p{Nd}_]*)|\[(\d{1,9})\]|\["((?:[^"\\]|\\.)*)"\]/uy;

/** @throws OperationalError PARSE */
function parseJsonPath(text: string): JsonPath {
  const path: (string | number)[] = [];
  STEP.lastIndex = 0;
  while (STEP.lastIndex < text.length || path.length === 0) {
    const isFirst = path.length === 0;
    const [step = "", name, index, key] = STEP.exec(text) ?? [];
    if (step === "" || (step.startsWith(".") && isFirst) || (!isFirst && step === name)) {
      throw new OperationalError(
        "PARSE",
        `not a path: "${text}" (write it as request.headers["User-Agent"] or servers[0])`,
      );
    }
    path.push(index === undefined ? (name ?? (key ?? "").replace(/\\(.)/g, "$1")) : Number(index));
  }
  return path;
}

/** Null: the path leads nowhere. */
function valueAt(scanner: JsonScanner, path: JsonPath, depth: number): string | null {
  const step = path[depth];
  const kind = scanner.kind();
  if (step === undefined) {
    if (kind === "object" || kind === "array") return scanner.skip();
    const text = scanner.scalar(kind);
    return kind === "null" ? null : text;
  }
  let found: string | null = null;
  const take = (at: string | number) => {
    if (at === step && found === null) found = valueAt(scanner, path, depth + 1);
    else scanner.skip();
  };
  if (typeof step === "string" && kind === "object") scanner.members(take, depth);
  else if (typeof step === "number" && kind === "array") scanner.items(take);
  else scanner.skip();
  return found;
}

/**
 * `| unpack`: the texts among the fields of a JSON object become labels, and `_entry` the line, as
 * Promtail's stage pack packed them.
 */
export function unpackFields(): LineStage {
  return jsonStage((line, labels) => {
    const scanner = new JsonScanner(line);
    let entry: string | null = null;
    scanner.members((key) => {
      const kind = scanner.kind();
      const name = labelNameOf(key);
      if (kind !== "string" || name === "") scanner.skip();
      else if (key === "_entry") entry = scanner.scalar(kind);
      else labels.extract(name, scanner.scalar(kind));
    });
    scanner.end();
    return entry;
  });
}
