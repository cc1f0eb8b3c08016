import { Document, parse } from "yaml";
import { z } from "zod";
import { OperationalError } from "../errors.ts";
import { decodeYaml, faultsError, formatPath } from "./decode-yaml.ts";

/** A single value given beside the file. `source` names it in an error, such as `--data-dir`. */
export type Override = {
  readonly source: string;
  readonly path: readonly string[];
  readonly text: string;
};

/**
 * A configuration from a file's text and the overrides, which win in their order. Defaults are the
 * schema's, or those that are given for a value that neither names.
 * @throws OperationalError CONFIG naming every fault with file, line and path
 */
export function loadConfig<S extends z.ZodType>(
  schema: S,
  file: { readonly path: string; readonly text: string } | null,
  overrides: readonly Override[],
  defaults: readonly Override[] = [],
): z.infer<S> {
  const decoded = decodeYaml(z.record(z.string(), z.unknown()), file?.path ?? "", file?.text ?? "");
  if (decoded.value === null) throw faultsError(decoded.faults);
  if (file !== null) {
    const alone = decodeYaml(schema, file.path, file.text);
    if (alone.value === null) throw faultsError(alone.faults);
  }
  const merged = new Document(decoded.value);
  for (const { path, text } of overrides) merged.setIn(path, plainScalar(text));
  for (const { path, text } of defaults) {
    if (!merged.hasIn(path)) merged.setIn(path, plainScalar(text));
  }
  const result = schema.safeParse(merged.toJS());
  if (result.success) {
    Object.freeze(result.data);
    return result.data;
  }
  const messages = result.error.issues.map((issue) => {
    const path = issue.path.map(String);
    const override = overrides.findLast((one) => one.path.join(".") === path.join("."));
    const where = override?.source ?? file?.path ?? "configuration";
    return `${where}: ${path.length === 0 ? "" : `${formatPath(path)}: `}${issue.message}`;
  });
  throw new OperationalError("CONFIG", messages.join("\n"));
}

/**
 * Overrides from the environment: `PREFIX_BUFFER_BYTES_MAX` for `buffer.bytes_max`. A variable with
 * the prefix that names no value of the schema is a typing error, and refused.
 * @throws OperationalError CONFIG
 */
export function environmentOverrides(
  schema: z.ZodObject,
  environment: Readonly<Record<string, string | undefined>>,
  prefix: string,
): Override[] {
  const known = new Map(leafPaths(schema).map((path) => [path.join("_").toUpperCase(), path]));
  const overrides: Override[] = [];
  for (const [name, text] of Object.entries(environment)) {
    if (!name.startsWith(`${prefix}_`) || text === undefined) continue;
    const path = known.get(name.slice(prefix.length + 1));
    if (path === undefined) {
      const names = [...known.keys()].map((key) => `${prefix}_${key}`).sort();
      const message = `${name}: no such setting; there are ${names.join(", ")}`;
      throw new OperationalError("CONFIG", message);
    }
    overrides.push({ source: name, path, text });
  }
  return overrides;
}

function leafPaths(schema: z.ZodObject): string[][] {
  const paths: string[][] = [];
  for (const [key, field] of Object.entries(schema.shape)) {
    const inner = unwrapped(field as z.ZodType);
    if (inner instanceof z.ZodObject) {
      for (const path of leafPaths(inner)) paths.push([key, ...path]);
    } else {
      paths.push([key]);
    }
  }
  return paths;
}

function unwrapped(field: z.ZodType): z.ZodType {
  let inner = field;
  while (
    inner instanceof z.ZodDefault ||
    inner instanceof z.ZodPrefault ||
    inner instanceof z.ZodOptional
  ) {
    inner = inner.unwrap() as z.ZodType;
  }
  return inner;
}

/** A text from outside read as YAML reads a scalar or a short list: `true`, `5`, `[a, b]`. */
function plainScalar(text: string): unknown {
  try {
    return parse(text) ?? text;
  } catch {
    return text; // not YAML, so it is meant as it stands
  }
}
