import { isLabelText, type Labels, labelsFrom } from "../../../shared/model/labels.ts";
import {
  LABEL_NAME_LENGTH_MAX,
  LABEL_VALUE_LENGTH_MAX,
} from "../../../shared/wire/label-limits.ts";
import type { BlockLine } from "../../../shared/wire/line-block.ts";
import { type Attributes, valueText } from "./any-value.ts";
import type { LogRecord } from "./log-record.ts";
import type { Scope } from "./metric-point.ts";
import { mergedLabels, originOf } from "./resource-labels.ts";

/** Of what all lines of a scope have: their stream, and what else is said of them. */
export type LineOrigin = {
  /** The sender, for what is counted. */
  readonly name: string;
  readonly stream: Labels;
  readonly metadata: ReadonlyMap<string, string>;
};

/**
 * Attributes of a resource that are labels of the stream: those that have few values on a node. Each
 * stream costs the aggregator, so all others are metadata of the lines.
 */
const STREAM_ATTRIBUTES: ReadonlySet<string> = new Set([
  "deployment.environment",
  "deployment.environment.name",
  "container.name",
  "k8s.namespace.name",
  "k8s.container.name",
  "k8s.deployment.name",
  "service.instance.id",
]);
/** They say nothing of a line, and every line would have them. */
const NOT_KEPT = /^(?:telemetry|process)\./;
const IN_ORIGIN = /^service\.(?:name|namespace|instance\.id)$/;

/** Of the metadata of one line, with the level and the ids. */
const METADATA_MAX = 100;
const METADATA_LENGTH_MAX = 32 * 1024;

/** Words of the aggregator's `detected_level`, for four degrees each of the severity's numbers. */
const LEVELS = ["trace", "debug", "info", "warn", "error", "fatal"];
const DEGREES = 4;

/** The job of lines whose resource names no service. */
const JOB = "otlp";

type OriginTexts = Pick<LineTexts, "mask"> & {
  /** Which attributes may be labels of the stream. */
  readonly isStream: (attribute: string) => boolean;
};

/** @param own the agent's labels */
export function lineOrigin(
  resource: Attributes,
  { name: scopeName, version }: Scope,
  own: Readonly<Record<string, string>>,
  { isStream, mask }: OriginTexts,
): LineOrigin {
  const { name, labels } = originOf(resource, "");
  const chosen = resource.filter(([attribute]) => STREAM_ATTRIBUTES.has(attribute));
  const inStream = new Set(chosen.map(([attribute]) => attribute).filter(isStream));
  const stream = new Map([["job", JOB], ...Object.entries(own)]);
  for (const [label, value] of mergedLabels(resource.filter(([one]) => inStream.has(one)))) {
    stream.set(label, value);
  }
  for (const [label, value] of labels) if (label !== "instance") stream.set(label, value);
  const metadata = mergedLabels(
    resource.filter(([one]) => {
      if (inStream.has(one) || NOT_KEPT.test(one)) return false;
      return !IN_ORIGIN.test(one) || one === "service.instance.id";
    }),
  );
  metadata.set("scope_name", scopeName);
  metadata.set("scope_version", version);
  const masked = maskedLabels(metadata, mask);
  return { name, stream: bounded(stream, Number.POSITIVE_INFINITY), metadata: masked };
}

/** What is done to the texts of lines. */
export type LineTexts = {
  /** Of a line; the rest is left out. */
  readonly lineBytesMax: number;
  /** The text with its secrets masked. @param isCut whether more followed that was left out */
  readonly mask: (text: Uint8Array, isCut: boolean) => Uint8Array;
};

export function lineOf(
  record: LogRecord,
  { metadata: common }: LineOrigin,
  timeMs: number,
  { lineBytesMax, mask }: LineTexts,
): BlockLine {
  const metadata = new Map<string, string>();
  // Of one name the first counts, and what comes first is kept where there is too much.
  const own = maskedLabels(mergedLabels(record.attributes), mask);
  for (const labels of [ownMetadata(record), own, common]) {
    for (const [name, value] of labels) {
      if (value !== "" && !metadata.has(name)) metadata.set(name, value);
    }
  }
  const text = Buffer.from(valueText(record.body) || record.eventName);
  const isCut = text.length > lineBytesMax;
  const labels = bounded(metadata, METADATA_LENGTH_MAX);
  const line = {
    timeUs: Math.floor(timeMs * 1000),
    bytes: mask(isCut ? text.subarray(0, lineBytesMax) : text, isCut),
    isCut,
  };
  return labels.length === 0 ? line : { ...line, metadata: labels };
}

/** A value is masked with its name before it, which may be what says that it is a secret. */
function maskedLabels(
  labels: ReadonlyMap<string, string>,
  mask: LineTexts["mask"],
): Map<string, string> {
  const masked = new Map<string, string>();
  for (const [name, value] of labels) {
    const text = Buffer.from(mask(Buffer.from(`${name}=${value}`), false)).toString();
    masked.set(name, text.startsWith(`${name}=`) ? text.slice(name.length + 1) : text);
  }
  return masked;
}

function ownMetadata(record: LogRecord): [string, string][] {
  const { severity, severityText, traceId, spanId, eventName } = record;
  return [
    ["detected_level", LEVELS[Math.ceil(severity / DEGREES) - 1] ?? ""],
    ["severity_text", severityText],
    ["trace_id", isNothing(traceId) ? "" : traceId],
    ["span_id", isNothing(spanId) ? "" : spanId],
    ["event_name", eventName],
  ];
}

/** Ids of only zeros stand for none. */
function isNothing(id: string): boolean {
  return /^0*$/.test(id);
}

/** Labels as they can be stored: values that are too long are cut, and what is too much is left out. */
function bounded(labels: ReadonlyMap<string, string>, lengthMax: number): Labels {
  const kept: [string, string][] = [];
  let length = 0;
  for (const [name, value] of labels) {
    if (kept.length >= METADATA_MAX || length >= lengthMax) break;
    if (name === "" || name.startsWith("__") || name.length > LABEL_NAME_LENGTH_MAX) continue;
    const cut =
      value.length > LABEL_VALUE_LENGTH_MAX ? value.slice(0, LABEL_VALUE_LENGTH_MAX) : value;
    const text = isLabelText(cut) ? cut : wellFormed(cut);
    kept.push([name, text]);
    length += name.length + text.length;
  }
  return labelsFrom(kept);
}

function wellFormed(text: string): string {
  return text.replaceAll("\u0000", "\ufffd").replace(/\p{Surrogate}/gu, "\ufffd");
}
