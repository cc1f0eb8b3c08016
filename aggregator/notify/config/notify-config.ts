import { dirname, isAbsolute, join } from "node:path";
import { z } from "zod";
import {
  type Decoded,
  decodeYaml,
  type Fault,
  formatPath,
} from "../../../shared/config/decode-yaml.ts";
import { duration } from "../../../shared/config/fields.ts";
import { type NotifyConfig, RESOLVE_TIMEOUT_MS, type Receiver, type TimeTest } from "../routing.ts";
import type { NotifyTemplates } from "../templates/notify-templates.ts";
import { globalsSchema } from "./globals.ts";
import { inhibitRulesSchema, readInhibitRules } from "./inhibit-rules.ts";
import { type Kinds, readReceivers, receiverNamesSchema, receiverSchema } from "./receivers.ts";
import { redactedText } from "./redacted-text.ts";
import { attempt, type Report, within } from "./report.ts";
import { readRouteTree, routeSchema } from "./route-tree.ts";
import { readTimeIntervals, timeIntervalsSchema } from "./time-intervals.ts";

type TextFile = { readonly path: string; readonly text: string };

/** What a routing file is read with. */
export type NotifyConfigDeps = {
  /** By their key in a receiver. */
  readonly kinds: Kinds;
  /** The text of a `…_file`. @throws OperationalError */
  readonly readText: (path: string) => string;
  /** The files of a pattern, by name. @throws OperationalError */
  readonly readFiles: (pattern: string) => readonly TextFile[];
  /** @throws OperationalError */
  readonly compileTemplates: (files: readonly TextFile[]) => NotifyTemplates;
};

/** Telltale's own. */
const flappingSchema = z
  .strictObject({
    begins: z
      .string()
      .regex(/^(?:[2-9]|[1-9]\d|100)$/, "must be a number from 2 to 100")
      .transform(Number)
      .default(4),
    within: duration.refine((ms) => ms > 0, "must be positive").default(3_600_000),
    calm: duration.refine((ms) => ms > 0, "must be positive").default(900_000),
  })
  .transform(({ begins, within: withinMs, calm: calmMs }) => ({ begins, withinMs, calmMs }));

/** What is made of texts: the value 1.10 of a label is not 1.1. */
const textPart = z.strictObject({
  global: z.unknown().optional(),
  route: routeSchema.nullish(),
  receivers: z.array(receiverNamesSchema).nullish(),
  templates: z.array(z.string().min(1)).max(100).nullish(),
  inhibit_rules: inhibitRulesSchema,
  mute_time_intervals: timeIntervalsSchema,
  time_intervals: timeIntervalsSchema,
  flapping: flappingSchema.nullish(),
  // Of Alertmanager itself.
  tracing: z.unknown().optional(),
});

function settingsPart(kinds: Kinds) {
  return z.object({
    global: globalsSchema.nullish(),
    receivers: z.array(receiverSchema(kinds)).nullish(),
  });
}

type Raw = {
  readonly texts: z.infer<typeof textPart>;
  readonly settings: z.infer<ReturnType<typeof settingsPart>>;
};

/**
 * Routing in Alertmanager's format. Paths in it are relative to its folder. The configuration is null
 * when there are faults; all of them are found at once, but those of relations only where every part
 * has its form.
 */
export function parseNotifyConfig(
  file: TextFile,
  deps: NotifyConfigDeps,
): { readonly config: NotifyConfig | null; readonly faults: readonly Fault[] } {
  const texts = decodeYaml(textPart, file.path, file.text, "text");
  const settings = decodeYaml(settingsPart(deps.kinds), file.path, file.text, "fitted");
  if (texts.value === null || settings.value === null) {
    return { config: null, faults: faultsOf(texts, settings) };
  }
  const faults: Fault[] = [];
  const report: Report = (path, message) => {
    faults.push({ file: file.path, line: texts.lineOf(path), path: formatPath(path), message });
  };
  const raw = { texts: texts.value, settings: settings.value };
  const config = readConfig(raw, file, deps, report);
  return { config: faults.length > 0 ? null : config, faults };
}

/** What is no YAML is so for both. */
function faultsOf(...decoded: readonly Decoded<unknown>[]): Fault[] {
  const faults = decoded.flatMap((one) => one.faults);
  const unique = new Map(faults.map((one) => [JSON.stringify(one), one]));
  return [...unique.values()].sort((a, b) => a.line - b.line);
}

function readConfig(
  raw: Raw,
  file: TextFile,
  deps: NotifyConfigDeps,
  report: Report,
): NotifyConfig | null {
  const { texts, settings } = raw;
  const timeIntervals = readAllIntervals(texts, report);
  const receivers = readAllReceivers(raw, file, deps, report);
  const inhibitRules = readInhibitRules(texts.inhibit_rules, within(report, "inhibit_rules"));
  if (texts.route === undefined || texts.route === null) {
    report(["route"], "no route provided in config");
    return null;
  }
  const known = { receivers, timeIntervals };
  return {
    text: redactedText(file.text),
    root: readRouteTree(texts.route, known, within(report, "route")),
    receivers,
    inhibitRules,
    timeIntervals,
    resolveTimeoutMs: settings.global?.resolve_timeout ?? RESOLVE_TIMEOUT_MS,
    flapping: texts.flapping ?? null,
  };
}

function readAllIntervals(texts: Raw["texts"], report: Report): ReadonlyMap<string, TimeTest> {
  const tests = new Map<string, TimeTest>();
  const { mute_time_intervals: older, time_intervals: newer } = texts;
  readTimeIntervals(older, "mute time interval", tests, within(report, "mute_time_intervals"));
  readTimeIntervals(newer, "time interval", tests, within(report, "time_intervals"));
  return tests;
}

function readAllReceivers(
  { texts, settings }: Raw,
  { path: file }: TextFile,
  deps: NotifyConfigDeps,
  report: Report,
): ReadonlyMap<string, Receiver> {
  const resolve = (path: string) => (isAbsolute(path) ? path : join(dirname(file), path));
  const files = (texts.templates ?? []).flatMap((pattern, i) => {
    return attempt(() => deps.readFiles(resolve(pattern)), within(report, "templates", i)) ?? [];
  });
  const templates = attempt(() => deps.compileTemplates(files), within(report, "templates"));
  const written = texts.receivers ?? [];
  const raw = written.map((one, i) => ({ written: one, read: settings.receivers?.[i] ?? {} }));
  const reading = {
    kinds: deps.kinds,
    globals: settings.global ?? {},
    templates: templates ?? NO_TEMPLATES,
    readText: (path: string) => deps.readText(resolve(path)),
    templateFiles: files,
  };
  return readReceivers(raw, reading, within(report, "receivers"));
}

/** Where the templates themselves have faults, the rest is checked without them. */
const NO_TEMPLATES: NotifyTemplates = { compile: () => () => "" };
