import { z } from "zod";
import { errorMessage } from "../../shared/errors.ts";
import type { MatchType } from "../../shared/model/columns.ts";
import { isLabelText, type Labels, labelPairs, labelsFrom } from "../../shared/model/labels.ts";
import { parseRfc3339 } from "../../shared/model/rfc3339.ts";
import type { PostedAlert } from "../model/notification.ts";
import type { PostedSilence } from "../model/silence.ts";
import { ApiError } from "./api-error.ts";

/**
 * The bodies that Alertmanager's API takes. Source: api/v2/openapi.yaml of Alertmanager, and what
 * Alertmanager 0.25 answers to bodies that do not follow it.
 */

/** Alerts of one post. */
const ALERTS_MAX = 10_000;
/** Of the labels of an alert, and of its annotations. */
const PAIRS_MAX = 64;
const NAME_LENGTH_MAX = 256;
const VALUE_LENGTH_MAX = 4096;
/** Annotations hold whole texts. */
const ANNOTATION_LENGTH_MAX = 64 * 1024;
const URL_LENGTH_MAX = 8192;
/** Problems that one answer names. */
const PROBLEMS_SHOWN = 5;
const SHOWN_LENGTH_MAX = 100;
/** The first instant of Go's time, which stands for none, and the last that RFC 3339 has digits for. */
const ZERO_MS = -62_135_596_800_000;
const TIME_MAX_MS = 253_402_300_799_999;

/** Of the framework that Alertmanager's API is made with. */
const SCHEMA_CODES = { parse: 400, type: 601, required: 602 } as const;

/** A body that is not as the API's description has it: answered with an object, not with a text. */
export class SchemaError extends ApiError {
  readonly statusCode: 400 | 422;
  readonly schemaCode: number;

  constructor(kind: keyof typeof SCHEMA_CODES, message: string, options?: { cause?: unknown }) {
    super("bad_data", message, options);
    this.statusCode = kind === "parse" ? 400 : 422;
    this.schemaCode = SCHEMA_CODES[kind];
  }
}

/** `problems`: of the alerts that are left out; the others are good. */
export type PostedAlerts = {
  readonly alerts: readonly PostedAlert[];
  readonly problems: readonly string[];
};

/** @throws ApiError bad_data */
export function readAlerts(body: Uint8Array): PostedAlerts {
  const list = jsonOf(body, "alerts");
  if (Array.isArray(list) && list.length > ALERTS_MAX) {
    throw new ApiError("bad_data", `${list.length} alerts, ${ALERTS_MAX} are allowed`);
  }
  const alerts: PostedAlert[] = [];
  const problems: string[] = [];
  for (const posted of decoded(postedAlerts, list, "alerts") ?? []) {
    const problem = problemOf(posted);
    if (problem === null) alerts.push(posted);
    else if (problems.length < PROBLEMS_SHOWN) problems.push(problem);
  }
  return { alerts, problems };
}

/** @throws ApiError bad_data */
export function readSilence(body: Uint8Array): PostedSilence {
  return decoded(postedSilence, jsonOf(body, "silence") ?? {}, "silence");
}

function jsonOf(body: Uint8Array, what: string): unknown {
  if (body.length === 0) throw new SchemaError("required", `${what} in body is required`);
  try {
    return JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.length).toString());
  } catch (error) {
    const text = `parsing ${what} body failed: ${errorMessage(error)}`;
    throw new SchemaError("parse", text, { cause: error });
  }
}

function decoded<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const { path, message } = result.error.issues[0] ?? { path: [], message: "" };
  if (valueAt(value, path) === undefined) {
    throw new SchemaError("required", `${path.join(".")} in body is required`);
  }
  throw new SchemaError("parse", `parsing ${what} body failed: ${path.join(".")}: ${message}`);
}

/** Undefined for null too: both are "not given" to Alertmanager. */
function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let at: unknown = value;
  for (const key of path) at = (at as Record<PropertyKey, unknown> | null | undefined)?.[key];
  return at ?? undefined;
}

const text = z.string();

/** Null where it is not said: Go's zero time. */
const time = z.string().transform((given, context): number | null => {
  if (given === "") return null;
  const timeMs = parseRfc3339(given);
  if (timeMs === null || timeMs > TIME_MAX_MS) {
    context.addIssue({ code: "custom", message: `not a time: ${shown(given)}` });
    return z.NEVER;
  }
  return timeMs <= ZERO_MS ? null : timeMs;
});

const optionalTime = time.nullish().transform((timeMs) => timeMs ?? null);

/** Names may be any: an object of zod's making would leave out `__proto__`. */
const pairs = z.custom<object>(isObject, "not an object").transform((given, context) => {
  const labels: [string, string][] = [];
  for (const [name, value] of Object.entries(given)) {
    if (typeof value === "string") labels.push([name, value]);
    else context.addIssue({ code: "custom", message: `${shown(name)} is no text` });
  }
  return labelsFrom(labels);
});

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const postedAlert = z
  .object({
    labels: pairs,
    annotations: pairs.nullish(),
    startsAt: optionalTime,
    endsAt: optionalTime,
    generatorURL: text.refine(isUri, "not a URI").nullish(),
  })
  .transform(
    ({ labels, annotations, startsAt, endsAt, generatorURL }): PostedAlert => ({
      labels,
      annotations: annotations ?? [],
      startsAtMs: startsAt,
      endsAtMs: endsAt,
      generatorUrl: generatorURL ?? "",
    }),
  );

const postedAlerts = z.array(postedAlert).nullable();

/** As Go reads a request's address: whole, or a path from the root. */
function isUri(given: string): boolean {
  return given === "" || given.startsWith("/") || URL.canParse(given);
}

const matcher = z
  .object({
    name: text,
    value: text,
    isRegex: z.boolean(),
    isEqual: z.boolean().nullish(),
  })
  .transform(({ name, value, isRegex, isEqual }) => {
    return { name, type: matchType(isRegex, isEqual ?? true), value };
  });

function matchType(isRegex: boolean, isEqual: boolean): MatchType {
  if (isRegex) return isEqual ? "=~" : "!~";
  return isEqual ? "=" : "!=";
}

const postedSilence = z
  .object({
    id: text.nullish(),
    matchers: z.array(matcher),
    startsAt: time,
    endsAt: time,
    createdBy: text,
    comment: text,
  })
  .transform(
    ({ id, matchers, startsAt, endsAt, createdBy, comment }): PostedSilence => ({
      id: id === undefined || id === "" ? null : id,
      matchers,
      startsAtMs: startsAt ?? 0,
      endsAtMs: endsAt ?? 0,
      createdBy,
      comment,
    }),
  );

/** Null: the alert is good. */
function problemOf({ labels, annotations, startsAtMs, endsAtMs, generatorUrl }: PostedAlert) {
  if (labels.length === 0) return "at least one label pair required";
  const labelProblem = pairsProblem(labels, VALUE_LENGTH_MAX);
  if (labelProblem !== null) return `invalid label set: ${labelProblem}`;
  const annotationProblem = pairsProblem(annotations, ANNOTATION_LENGTH_MAX);
  if (annotationProblem !== null) return `invalid annotations: ${annotationProblem}`;
  if (generatorUrl.length > URL_LENGTH_MAX) {
    return `generatorURL of ${generatorUrl.length} characters, ${URL_LENGTH_MAX} are allowed`;
  }
  const isReversed = startsAtMs !== null && endsAtMs !== null && endsAtMs < startsAtMs;
  return isReversed ? "start time must be before end time" : null;
}

function pairsProblem(labels: Labels, valueLengthMax: number): string | null {
  const count = labels.length / 2;
  if (count > PAIRS_MAX) return `${count} names, ${PAIRS_MAX} are allowed`;
  for (const [name, value] of labelPairs(labels)) {
    if (name === "" || !isLabelText(name)) return `invalid name ${shown(name)}`;
    if (name.length > NAME_LENGTH_MAX) return `name over ${NAME_LENGTH_MAX} characters`;
    if (!isLabelText(value)) return `invalid value of ${shown(name)}`;
    if (value.length > valueLengthMax) return `value of ${shown(name)} over ${valueLengthMax}`;
  }
  return null;
}

function shown(given: string): string {
  return JSON.stringify(given.slice(0, SHOWN_LENGTH_MAX));
}
