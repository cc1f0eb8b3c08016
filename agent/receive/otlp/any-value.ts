import { OperationalError } from "../../../shared/errors.ts";
import { decimalText } from "../../../shared/model/go-number.ts";

/** What an attribute or the body of a log record holds. A list of pairs is a `Map`. */
export type AnyValue =
  | string
  | boolean
  | number
  | bigint
  | Uint8Array
  | null
  | readonly AnyValue[]
  | ReadonlyMap<string, AnyValue>;

/** In the order in which they were sent. */
export type Attributes = readonly (readonly [name: string, value: AnyValue])[];

export const NO_ATTRIBUTES: Attributes = [];

/** Values in lists and maps, one in the other. */
export const DEPTH_MAX = 16;
/** Of one resource, scope, point or record; many times what SDKs allow. */
const ATTRIBUTES_MAX = 1000;

/** For one more attribute. @throws OperationalError PARSE when there are too many */
export function checkRoom(attributes: Attributes): void {
  if (attributes.length < ATTRIBUTES_MAX) return;
  throw new OperationalError("PARSE", `More than ${ATTRIBUTES_MAX} attributes of one thing`);
}

/** As the value of a label: a text as it is, what is not flat as JSON, bytes as Base64. */
export function valueText(value: AnyValue): string {
  if (typeof value === "string") return value;
  if (typeof value === "number") return decimalText(value);
  if (value === null) return "";
  if (value instanceof Uint8Array) return base64(value);
  if (typeof value === "object") return JSON.stringify(jsonOf(value));
  return String(value);
}

/** Of an attribute; null: it is missing or not a text. */
export function attributeText(attributes: Attributes, name: string): string {
  const found = attributes.find(([key]) => key === name);
  return found === undefined ? "" : valueText(found[1]);
}

function jsonOf(value: AnyValue): unknown {
  if (typeof value === "bigint") return String(value);
  if (value instanceof Uint8Array) return base64(value);
  if (Array.isArray(value)) return value.map(jsonOf);
  if (value instanceof Map) {
    const record: Record<string, unknown> = Object.create(null);
    for (const [name, one] of value) record[name] = jsonOf(one);
    return record;
  }
  return value;
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64");
}
