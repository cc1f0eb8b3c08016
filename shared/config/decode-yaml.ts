import {
  type Document,
  isMap,
  isNode,
  isScalar,
  LineCounter,
  parseAllDocuments,
  parseDocument,
  visit,
} from "yaml";
import type { z } from "zod";
import { errorMessage, OperationalError } from "../errors.ts";
import { CONFIG_BYTES_MAX } from "../platform/config-files.ts";

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
 * @param scalars "text": a number stays as it is written, so that `version: 1.10` is not 1.1
 */
export function decodeYaml<T>(
  schema: z.ZodType<T>,
  file: string,
  text: string,
  scalars: "typed" | "text" = "typed",
): Decoded<T> {
  if (text.length > CONFIG_BYTES_MAX) return tooLarge(file);
  const lines = new LineCounter();
  const document = parseDocument(text, { ...PARSING, lineCounter: lines });
  return decodeDocument(schema, { file, document, lines }, scalars);
}

/** As `decodeYaml`, of each document of a file: `---` stands between two. */
export function decodeYamlDocuments<T>(
  schema: z.ZodType<T>,
  file: string,
  text: string,
  scalars: "typed" | "text" = "typed",
): Decoded<T>[] {
  if (text.length > CONFIG_BYTES_MAX) return [tooLarge(file)];
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { ...PARSING, lineCounter: lines });
  return Array.from(documents, (document) =>
    decodeDocument(schema, { file, document, lines }, scalars),
  );
}

/** Merge keys (`<<: *base`) are what people who share parts of rules know. */
const PARSING = { prettyErrors: false, merge: true } as const;

type Parsed = {
  readonly file: string;
  readonly document: Document;
  readonly lines: LineCounter;
};

function decodeDocument<T>(
  schema: z.ZodType<T>,
  { file, document, lines }: Parsed,
  scalars: "typed" | "text",
): Decoded<T> {
  if (document.errors.length > 0) {
    const faults = document.errors.map((error) => ({
      file,
      line: lines.linePos(error.pos[0]).line,
      path: "",
      message: error.message,
    }));
    return { value: null, faults };
  }
  let plain: unknown;
  try {
    if (scalars === "text") keepSources(document);
    plain = document.toJS({ maxAliasCount: 100 }) ?? {}; // an empty file is an empty map
  } catch (error) {
    // An alias without an anchor, or too many of them.
    const line = lines.linePos(strayAlias(document)).line;
    return { value: null, faults: [{ file, line, path: "", message: errorMessage(error) }] };
  }
  const lineOf = (path: Path) => lineOfPath(document, lines, path);
  const result = schema.safeParse(plain);
  if (result.success) return { value: result.data, lineOf, faults: [] };
  const faults = result.error.issues.flatMap((issue) =>
    issuePaths(issue).map((path) => ({
      file,
      line: lineOf(path),
      path: formatPath(path),
      message: issueMessage(issue),
    })),
  );
  return { value: null, faults };
}

/** Where the first alias stands that has no anchor before it; 0: all have. */
function strayAlias(document: Document): number {
  let offset = 0;
  visit(document, {
    Alias: (_, node) => {
      if (node.resolve(document) !== undefined) return undefined;
      offset = node.range?.[0] ?? 0;
      return visit.BREAK;
    },
  });
  return offset;
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

/** Numbers and booleans become the text they were written as; an empty value stays null. */
function keepSources(document: Document): void {
  visit(document, {
    Scalar: (_, node) => {
      const isText = typeof node.value === "number" || typeof node.value === "boolean";
      if (isText && node.source !== undefined) node.value = node.source;
    },
  });
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
