import { promisify } from "node:util";
import { gunzip, inflate } from "node:zlib";
import { errorMessage, OperationalError } from "../../shared/errors.ts";
import { unquote } from "../../shared/model/go-string.ts";
import { type Labels, labelPairs, labelsFrom, NO_LABELS } from "../../shared/model/labels.ts";
import { decompressSnappy } from "../../shared/platform/snappy.ts";
import { readFields } from "./proto-fields.ts";

/**
 * The bodies of Loki's push API: JSON, or logproto.PushRequest in a Snappy block. Source:
 * grafana.com/docs/loki, "Ingest logs", and pkg/push/push.proto of Loki.
 */

export type PushedEntry = {
  readonly timeUs: number;
  /** Nanoseconds beyond the microsecond: 0 to 999. */
  readonly ns: number;
  readonly bytes: Uint8Array;
  /** Loki's structured metadata. */
  readonly metadata: Labels;
};

export type PushedStream = { readonly labels: Labels; readonly entries: readonly PushedEntry[] };

export type PushBody = {
  readonly bytes: Uint8Array;
  readonly type: string;
  /** "" for none: JSON is as it is then, and what is not JSON is in a Snappy block. */
  readonly encoding: string;
};

/** Bytes of a body once it is expanded, entries and streams in it, and labels of a stream. */
const EXPANDED_BYTES_MAX = 8 * 1024 * 1024;
const ENTRIES_MAX = 200_000;
const LABELS_MAX = 200;
const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const SHOWN_LENGTH_MAX = 500;

/** @throws OperationalError PARSE, LIMIT */
export async function readPush({ bytes, type, encoding }: PushBody): Promise<PushedStream[]> {
  const isJson = /^\s*application\/json\s*(?:;|$)/i.test(type);
  if (isJson) return readJson(await expanded(bytes, encoding === "" ? "identity" : encoding));
  return readProto(await expanded(bytes, encoding === "" ? "snappy" : encoding));
}

const expandGzip = promisify(gunzip);
const expandDeflate = promisify(inflate);

async function expanded(bytes: Uint8Array, encoding: string): Promise<Uint8Array> {
  const limit = { maxOutputLength: EXPANDED_BYTES_MAX };
  try {
    switch (encoding) {
      case "identity":
        return bytes.length <= EXPANDED_BYTES_MAX ? bytes : tooLong();
      case "snappy":
        return decompressSnappy(bytes, EXPANDED_BYTES_MAX) ?? noSnappy();
      case "gzip":
        return await expandGzip(bytes, limit);
      case "deflate":
        return await expandDeflate(bytes, limit);
    }
  } catch (error) {
    if (error instanceof OperationalError) throw error;
    throw fault(`the body cannot be expanded: ${errorMessage(error)}`);
  }
  throw fault(`Content-Encoding "${encoding.slice(0, 40)}" not supported`);
}

function noSnappy(): never {
  throw fault(`the body is no Snappy block of ${EXPANDED_BYTES_MAX} bytes at most`);
}

function tooLong(): never {
  throw new OperationalError("LIMIT", `push over ${EXPANDED_BYTES_MAX} bytes`);
}

function readJson(bytes: Uint8Array): PushedStream[] {
  let body: unknown;
  try {
    body = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString());
  } catch (error) {
    throw fault(errorMessage(error));
  }
  const budget = new EntryBudget();
  return listOf(memberOf(body, "streams"), "streams").map((stream) => {
    budget.take();
    return {
      labels: checkedLabels(textPairs(memberOf(stream, "stream"), "stream")),
      entries: listOf(memberOf(stream, "values"), "values").map((value) => {
        budget.take();
        return jsonEntry(value);
      }),
    };
  });
}

/** `["<Unix nanoseconds>", "<line>", { metadata }]`, the last of which may be missing. */
function jsonEntry(value: unknown): PushedEntry {
  const [time, line, metadata] = listOf(value, "values");
  if (typeof line !== "string") throw fault("a line is no text");
  const text = typeof time === "number" ? String(BigInt(Math.trunc(time))) : time;
  if (typeof text !== "string" || !/^\d{1,19}$/.test(text)) {
    throw fault(`a time is not in Unix nanoseconds: ${JSON.stringify(time)?.slice(0, 60)}`);
  }
  const at = BigInt(text);
  return {
    timeUs: Number(at / 1000n),
    ns: Number(at % 1000n),
    bytes: Buffer.from(line),
    metadata: metadata === undefined ? NO_LABELS : metadataFrom(textPairs(metadata, "metadata")),
  };
}

function memberOf(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) {
    throw fault(`"${name}" is missing`);
  }
  return (value as Record<string, unknown>)[name];
}

function listOf(value: unknown, name: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw fault(`"${name}" is no list`);
}

function textPairs(value: unknown, name: string): [string, string][] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw fault(`"${name}" is no object`);
  }
  return Object.entries(value).map(([key, text]) => {
    if (typeof text !== "string") throw fault(`"${name}" has a value that is no text: ${key}`);
    return [key, text];
  });
}

/** `repeated StreamAdapter streams = 1` */
function readProto(bytes: Uint8Array): PushedStream[] {
  const budget = new EntryBudget();
  const streams: PushedStream[] = [];
  readFields(bytes, (field, value) => {
    if (field !== 1 || typeof value !== "object") return;
    budget.take();
    streams.push(readStream(value, budget));
  });
  return streams;
}

/** `string labels = 1; repeated EntryAdapter entries = 2` */
function readStream(bytes: Uint8Array, budget: EntryBudget): PushedStream {
  let labels = "";
  const entries: PushedEntry[] = [];
  readFields(bytes, (field, value) => {
    if (typeof value !== "object") return;
    if (field === 1) labels = textOf(value);
    if (field !== 2) return;
    budget.take();
    entries.push(readEntry(value));
  });
  return { labels: checkedLabels(parseLabelText(labels)), entries };
}

/** `Timestamp timestamp = 1; string line = 2; repeated LabelPairAdapter structuredMetadata = 3` */
function readEntry(message: Uint8Array): PushedEntry {
  let [seconds, nanos, bytes] = [0, 0, new Uint8Array(0)];
  const pairs: [string, string][] = [];
  readFields(message, (field, value) => {
    if (typeof value !== "object") return;
    if (field === 2) bytes = value as typeof bytes;
    if (field === 3) pairs.push(readPair(value));
    if (field !== 1) return;
    readFields(value, (part, number) => {
      if (part === 1 && typeof number === "number") seconds = number;
      if (part === 2 && typeof number === "number") nanos = number;
    });
  });
  // A negative number is a huge one here.
  if (seconds > 1e12 || nanos >= 1e9) throw fault("an entry has a time before 1970");
  const timeUs = seconds * 1e6 + Math.floor(nanos / 1000);
  return { timeUs, ns: nanos % 1000, bytes, metadata: metadataFrom(pairs) };
}

/** `string name = 1; string value = 2` */
function readPair(message: Uint8Array): [string, string] {
  let [name, value] = ["", ""];
  readFields(message, (field, text) => {
    if (typeof text !== "object") return;
    if (field === 1) name = textOf(text);
    if (field === 2) value = textOf(text);
  });
  return [name, value];
}

/** What is no letter, digit or _ in a name becomes _, as in Loki; without a value there is none. */
function metadataFrom(pairs: readonly (readonly [string, string])[]): Labels {
  if (pairs.length === 0) return NO_LABELS;
  const given = pairs.filter(([name, value]) => name !== "" && value !== "");
  return labelsFrom(given.map(([name, value]) => [cleanName(name), withoutNul(value)]));
}

function cleanName(name: string): string {
  return name.replace(/[^a-zA-Z0-9_]/g, "_").replace(/^\d/, "_$&");
}

function withoutNul(text: string): string {
  return text.replaceAll("\0", "\ufffd");
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString();
}

const LABEL = /\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*("(?:[^"\\]|\\.)*"|`[^`]*`)\s*(,|\})/sy;

/** `{name="value", …}` @throws OperationalError PARSE */
function parseLabelText(text: string): [string, string][] {
  const pairs: [string, string][] = [];
  LABEL.lastIndex = text.startsWith("{") ? 1 : text.length;
  if (/^\{\s*\}$/.test(text)) return pairs;
  for (;;) {
    const from = LABEL.lastIndex;
    const [, name = "", literal = "", end] = LABEL.exec(text) ?? [];
    const value = unquote(literal);
    if (end === undefined || value === null) {
      throw fault(`Error parsing labels '${shown(text)}' with error: at character ${from + 1}`);
    }
    pairs.push([name, value]);
    if (pairs.length > LABELS_MAX) throw tooManyLabels(text);
    if (end !== "}") continue;
    if (LABEL.lastIndex === text.length) return pairs;
    throw fault(`Error parsing labels '${shown(text)}' with error: more behind }`);
  }
}

/** NUL separates labels within us. @throws OperationalError PARSE in the words of Loki */
function checkedLabels(pairs: readonly (readonly [string, string])[]): Labels {
  if (pairs.length > LABELS_MAX) throw tooManyLabels("{…}");
  const clean = pairs.map(([name, value]) => [name, withoutNul(value)] as const);
  for (const [i, [name]] of clean.entries()) {
    if (!LABEL_NAME.test(name)) {
      throw fault(`Error parsing labels '${shown(name)}' with error: no label name`);
    }
    if (clean.findIndex(([other]) => other === name) < i) {
      throw fault(`stream '${streamText(labelsFrom(clean))}' has duplicate label name: '${name}'`);
    }
  }
  return labelsFrom(clean);
}

/** `{a="b"}`, short enough for a message. */
export function streamText(labels: Labels): string {
  const pairs = labelPairs(labels).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return shown(`{${pairs.join(", ")}}`);
}

function shown(text: string): string {
  return text.length <= SHOWN_LENGTH_MAX ? text : `${text.slice(0, SHOWN_LENGTH_MAX)}…`;
}

function tooManyLabels(text: string): OperationalError {
  return fault(`entry for stream '${shown(text)}' has over ${LABELS_MAX} label names`);
}

class EntryBudget {
  #left = ENTRIES_MAX;

  take(): void {
    this.#left -= 1;
    if (this.#left < 0) throw new OperationalError("LIMIT", `push of over ${ENTRIES_MAX} entries`);
  }
}

function fault(message: string): OperationalError {
  return new OperationalError("PARSE", message);
}
