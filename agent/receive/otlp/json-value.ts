/**
 * OTLP in JSON: protobuf's mapping with names in lowerCamelCase, 64-bit integers as text or number, and
 * trace and span ids in hexadecimal. Unknown members are ignored. Source: OTLP 1, "JSON Protobuf
 * Encoding", and protobuf.dev, "ProtoJSON".
 */
import { OperationalError } from "../../../shared/errors.ts";
import { type AnyValue, type Attributes, checkRoom, DEPTH_MAX } from "./any-value.ts";
import type { Scope } from "./metric-point.ts";

/** A member of an object; undefined where it is missing, null, or the value is no object. */
export function member(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Record<string, unknown>)[name] ?? undefined;
}

/** @throws OperationalError PARSE when the bytes are not JSON in UTF-8 */
export function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw fault("the body is not JSON in UTF-8");
  }
}

export function listOf(value: unknown, name: string): readonly unknown[] {
  const list = member(value, name) ?? [];
  if (Array.isArray(list)) return list;
  throw fault(`"${name}" is no list`);
}

export function textOf(value: unknown, name: string): string {
  const text = member(value, name) ?? "";
  if (typeof text === "string") return text;
  throw fault(`"${name}" is no text`);
}

export function numberOf(value: unknown, name: string): number {
  return asNumber(member(value, name) ?? 0, name);
}

export function numbersOf(value: unknown, name: string, into: number[]): void {
  for (const one of listOf(value, name)) into.push(asNumber(one, name));
}

/** A number, or its text: `"NaN"`, `"Infinity"` and `"-Infinity"`, too. */
export function asNumber(value: unknown, name: string): number {
  if (typeof value === "number") return value;
  if (value === "NaN") return Number.NaN;
  const isText = typeof value === "string" && value.length <= 32 && value.trim() !== "";
  const number = isText ? Number(value) : Number.NaN;
  if (!Number.isNaN(number)) return number;
  throw fault(`"${name}" is no number`);
}

/** A flag or an enum's number; of an enum's name the number that `names` gives. */
export function enumOf(value: unknown, name: string, names: readonly string[]): number {
  const given = member(value, name) ?? 0;
  const index = typeof given === "string" ? names.indexOf(given) : -1;
  return index >= 0 ? index : asNumber(given, name);
}

/** Unix nanoseconds as milliseconds. */
export function timeMsOf(value: unknown, name: string): number {
  return numberOf(value, name) / 1_000_000;
}

export function attributesOf(value: unknown): Attributes {
  const attributes: (readonly [string, AnyValue])[] = [];
  for (const one of listOf(value, "attributes")) {
    checkRoom(attributes);
    attributes.push(keyValue(one, 0));
  }
  return attributes;
}

export function scopeOf(value: unknown): Scope {
  const scope = member(value, "scope");
  return {
    name: textOf(scope, "name"),
    version: textOf(scope, "version"),
    attributes: attributesOf(scope),
  };
}

function keyValue(value: unknown, depth: number): readonly [string, AnyValue] {
  return [textOf(value, "key"), anyValue(member(value, "value"), depth)];
}

export function anyValue(value: unknown, depth = 0): AnyValue {
  if (depth > DEPTH_MAX) throw fault(`a value is nested more than ${DEPTH_MAX} deep`);
  for (const [name, read] of READERS) {
    const given = member(value, name);
    if (given !== undefined) return read(given, depth);
  }
  return null;
}

type Reader = (given: unknown, depth: number) => AnyValue;

const READERS: readonly (readonly [string, Reader])[] = [
  ["stringValue", (given) => textValue(given)],
  ["intValue", (given) => integer(given)],
  ["boolValue", (given) => given === true],
  ["doubleValue", (given) => asNumber(given, "doubleValue")],
  ["arrayValue", (given, depth) => listOf(given, "values").map((one) => anyValue(one, depth + 1))],
  [
    "kvlistValue",
    (given, depth) => new Map(listOf(given, "values").map((one) => keyValue(one, depth + 1))),
  ],
  ["bytesValue", (given) => Buffer.from(textValue(given), "base64")],
];

function textValue(given: unknown): string {
  if (typeof given === "string") return given;
  throw fault("a text is none");
}

function integer(given: unknown): AnyValue {
  if (typeof given !== "string" || !/^-?\d{16,19}$/.test(given)) return asNumber(given, "intValue");
  const value = BigInt(given);
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function fault(what: string): OperationalError {
  return new OperationalError("PARSE", `Not OTLP in JSON: ${what}`);
}
