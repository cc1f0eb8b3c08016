import { type Document, isMap, isNode, isScalar, type LineCounter } from "yaml";
import type { z } from "zod";
import { errorMessage, OperationalError } from "../errors.ts";
import { CONFIG_BYTES_MAX } from "../platform/config-files.ts";
import { fitScalars, keepSources, plainValue } from "./fit-scalars.ts";
import { parseYaml, YamlRefusal } from "./parse-yaml.ts";

/** Of one document. */
const FAULTS_MAX = 1000;

/** One fault of a file. `path` as in `groups[0].rules[2].for`; empty for the whole file. */
export type Fault = {
  readonly file: string;
  readonly line: number;
  readonly path: string;
  readonly message: string;
};

export type Decoded<T> =
  | { readonly value: T; readonly lineOf: (path: Path) => number; readonly faults: readonly [] }
  | { readonly value: null; readonly faults: readonly Fault[] };

export type Path = readonly (string | number)[];

/**
 * Reads YAML strictly by a schema: unknown keys fail, and all faults are found at once.
 * @param scalars "text": a number stays as it is written, so that `version: 1.10` is not 1.1; "fitted":
 * so it is where the schema has a text
 */
export function decodeYaml<T>(
  schema: z.ZodType<T>,
  file: string,
  text: string,
  scalars: Scalars = "typed",
): Decoded<T> {
  const [first, second] = decodeYamlDocuments(schema, file, text, scalars);
  if (first === undefined) return wholeFault(file, "the file holds no document");
  if (second === undefined) return first;
  return wholeFault(file, "the file holds several documents");
}

/** As `decodeYaml`, of each document of a file: `---` stands between two. */
export function decodeYamlDocuments<T>(
  schema: z.ZodType<T>,
  file: string,
  text: string,
  scalars: Scalars = "typed",
): Decoded<T>[] {
  if (text.length > CONFIG_BYTES_MAX) return [tooLarge(file)];
  try {
    const { documents, lines } = parseYaml(text);
    return documents.map((document) => decodeDocument(schema, { file, document, lines }, scalars));
  } catch (error) {
    if (!(error instanceof YamlRefusal)) throw error;
    return [
      { value: null, faults: [{ file, line: error.line, path: "", message: error.message }] },
    ];
  }
}

type Scalars = "typed" | "text" | "fitted";

type Parsed = {
  readonly file: string;
  readonly document: Document;
  readonly lines: LineCounter;
};

function decodeDocument<T>(
  schema: z.ZodType<T>,
  { file, document, lines }: Parsed,
  scalars: Scalars,
): Decoded<T> {
  if (document.errors.length > 0) {
    const faults = document.errors.slice(0, FAULTS_MAX).map((error) => ({
      file,
      line: lines.linePos(error.pos[0]).line,
      path: "",
      message: error.message,
    }));
    return { value: null, faults };
  }
  let result: z.ZodSafeParseResult<T>;
  try {
    if (scalars === "text") keepSources(document);
    result =
      scalars === "fitted" ? fitScalars(schema, document) : schema.safeParse(plainValue(document));
  } catch (error) {
    // A merge key with something else than a map.
    return wholeFault(file, errorMessage(error));
  }
  const lineOf = (path: Path) => lineOfPath(document, lines, path);
  if (result.success) return { value: result.data, lineOf, faults: [] };
  const places = result.error.issues.flatMap((issue) => {
    return issuePaths(issue).map((path) => ({ path, message: issueMessage(issue) }));
  });
  const faults = places.slice(0, FAULTS_MAX).map(({ path, message }) => {
    return { file, line: lineOf(path), path: formatPath(path), message };
  });
  return { value: null, faults };
}

function tooLarge(file: string): Decoded<never> {
  return wholeFault(file, `the file is larger than ${CONFIG_BYTES_MAX} bytes`);
}

function wholeFault(file: string, message: string): Decoded<never> {
  return { value: null, faults: [{ file, line: 1, path: "", message }] };
}

/** Where there are faults, they become one error, a line each. */
export function faultsError(faults: readonly Fault[]): OperationalError {
  return new OperationalError("CONFIG", faults.map(formatFault).join("\n"));
}

export function formatFault({ file, line, path, message }: Fault): string {
  return `${file}:${line}: ${path === "" ? "" : `${path}: `}${message}`;
}

export function formatPath(path: Path): string {
  let text = "";
  for (const part of path) {
    if (typeof part === "number") text += `[${part}]`;
    else text += text === "" ? part : `.${part}`;
  }
  return text;
}

/** An unknown key is a fault of that key, not of the map around it. */
function issuePaths(issue: z.core.$ZodIssue): Path[] {
  const path = issue.path.map((part) => (typeof part === "symbol" ? String(part) : part));
  return issue.code === "unrecognized_keys" ? issue.keys.map((key) => [...path, key]) : [path];
}

function issueMessage(issue: z.core.$ZodIssue): string {
  return issue.code === "unrecognized_keys" ? "unknown key" : issue.message;
}

/** The line of the node at `path`, or of the nearest one around it. */
function lineOfPath(document: Document, lines: LineCounter, path: Path): number {
  for (let length = path.length; length > 0; length -= 1) {
    const offset = offsetOf(document, path.slice(0, length));
    if (offset !== null) return lines.linePos(offset).line;
  }
  return 1;
}

function offsetOf(document: Document, path: Path): number | null {
  const parent = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
  for (const { key } of isMap(parent) ? parent.items : []) {
    if (isScalar(key) && key.value === path.at(-1)) return key.range?.[0] ?? null;
  }
  const node = document.getIn(path, true);
  return isNode(node) ? (node.range?.[0] ?? null) : null;
}
