import { dirname, resolve } from "node:path";
import { z } from "zod";
import {
  decodeYaml,
  type Fault,
  formatPath,
  type Path,
} from "../../../shared/config/decode-yaml.ts";
import { durationMs } from "../../../shared/model/duration.ts";
import { moduleSchema } from "./module-schema.ts";
import type { Modules, ProbeConfig, ProbeModule } from "./probe-config.ts";
import { probedTarget } from "./probed-target.ts";

export type ConfigText = { readonly path: string; readonly text: string };

export type ProbeSources = {
  /** The agent's own file, whose other keys are checked elsewhere. */
  readonly file: ConfigText;
  /** Reads the file that `probe_modules` names; null: there is none. */
  readFile(path: string): string | null;
  /** What a user may set as labels. */
  readonly labels: z.ZodType<Record<string, string>>;
};

export type ProbesReading = {
  readonly probes: readonly ProbeConfig[];
  readonly faults: readonly Fault[];
};

/** A file of modules, or the modules themselves. */
type NamedModules = string | Record<string, ProbeModule>;
type ReadModules = { readonly modules: Modules; readonly faults: readonly Fault[] };

const PROBES_MAX = 1000;
const INTERVAL_MS = 30_000;
const TIMEOUT_MS = 5000;
const SECOND_MS = 1000;

const duration = z.string().transform((given, context) => {
  const ms = durationMs(given);
  if (ms !== null && ms > 0) return ms;
  const message = `not a duration over 0: "${given.slice(0, 50)}" (write it as 30s or 5m)`;
  context.addIssue({ code: "custom", message });
  return z.NEVER;
});

const fileName = z.string().min(1).max(4096);
const target = z.string().min(1, "must not be empty").max(2048);

function probesSchema(folder: string, labels: ProbeSources["labels"]) {
  const block = z.strictObject({
    target,
    module: z.string().min(1).max(256).nullable().default(null),
    interval: duration.refine((ms) => ms >= SECOND_MS, "at least 1s").default(INTERVAL_MS),
    timeout: duration.nullable().default(null),
    labels: labels.default({}),
  });
  const one = asOne((given) => block.safeParse(isText(given) ? { target: given } : given));
  const modules = modulesSchema(folder);
  const named = asOne<NamedModules>((given) =>
    (isText(given) ? fileName : modules).safeParse(given),
  );
  return z.object({
    probes: z.array(one).max(PROBES_MAX, `more than ${PROBES_MAX} probes`).default([]),
    probe_modules: named.default({}),
  });
}

type Parsed<T> =
  | { readonly success: true; readonly data: T }
  | { readonly success: false; readonly error: { readonly issues: readonly z.core.$ZodIssue[] } };

/** Not a union: of that, a fault would only be told as neither of two things. */
function asOne<T>(parse: (given: unknown) => Parsed<T>) {
  return z.unknown().transform((given, context): T => {
    const result = parse(given);
    if (result.success) return result.data;
    for (const issue of result.error.issues) context.addIssue({ ...issue } as never);
    return z.NEVER;
  });
}

function isText(given: unknown): given is string {
  return typeof given === "string";
}

function modulesSchema(folder: string) {
  const module = moduleSchema((path) => resolve(folder, path));
  return z.record(z.string().min(1).max(256), module);
}

/** A blackbox.yml whole. @param path of the file, for faults and relative paths */
export function readModulesFile({ path, text }: ConfigText): ReadModules {
  const folder = dirname(path);
  const schema = z.strictObject({ modules: modulesSchema(folder) });
  const decoded = decodeYaml(schema, path, text, "fitted");
  if (decoded.value === null) return { modules: new Map(), faults: decoded.faults };
  return { modules: new Map(Object.entries(decoded.value.modules)), faults: [] };
}

/** Reads `probes` and `probe_modules`, and finds all faults at once. */
export function readProbes({ file, readFile, labels }: ProbeSources): ProbesReading {
  const { path, text } = file;
  const decoded = decodeYaml(probesSchema(dirname(path), labels), path, text, "fitted");
  if (decoded.value === null) return { probes: [], faults: decoded.faults };
  const { value, lineOf } = decoded;
  const faults: Fault[] = [];
  const report = (message: string, at: Path) => {
    faults.push({ file: path, line: lineOf(at), path: formatPath(at), message });
  };
  const modules = readNamedModules(value.probe_modules, dirname(path), readFile, (message) => {
    report(message, ["probe_modules"]);
  });
  faults.push(...modules.faults);
  const hasModules = faults.length === 0;
  const probes: ProbeConfig[] = [];
  const places = new Map<string, number>();
  for (const [index, given] of value.probes.entries()) {
    const at = ["probes", index];
    const found = probedTarget(given.target, given.module, modules.modules);
    if (typeof found === "string") {
      // Where the modules cannot be read, that is the fault.
      if (hasModules) report(found, [...at, "target"]);
      continue;
    }
    const { interval: intervalMs } = given;
    const timeoutMs = given.timeout ?? found.module.timeoutMs ?? TIMEOUT_MS;
    if (given.timeout !== null && given.timeout > intervalMs) {
      report("must not be over the interval", [...at, "timeout"]);
    }
    const key = JSON.stringify([given.target, Object.entries(given.labels).sort()]);
    const other = places.get(key);
    if (other === undefined) places.set(key, index);
    else report(`the same target with the same labels as probes[${other}]`, [...at, "target"]);
    const timing = { intervalMs, timeoutMs: Math.min(timeoutMs, intervalMs) };
    probes.push({ target: given.target, ...found, ...timing, labels: given.labels });
  }
  return { probes, faults };
}

function readNamedModules(
  given: NamedModules,
  folder: string,
  readFile: ProbeSources["readFile"],
  report: (message: string) => void,
): ReadModules {
  if (typeof given !== "string") return { modules: new Map(Object.entries(given)), faults: [] };
  const path = resolve(folder, given);
  const text = readFile(path);
  if (text !== null) return readModulesFile({ path, text });
  report(`${path}: there is no such file`);
  return { modules: new Map(), faults: [] };
}
