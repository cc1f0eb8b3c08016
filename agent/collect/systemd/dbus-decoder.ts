import { OperationalError } from "../../../shared/errors.ts";

/** A structure or dictionary entry is the list of its members; a variant is what is in it. */
export type DbusValue = string | number | boolean | readonly DbusValue[];

const DEPTH_MAX = 16;
const SIGNATURE_MAX = 255;
/** Values in one message. */
const VALUES_MAX = 400_000;

/** By the first character of a type. */
const ALIGNMENTS: ReadonlyMap<string, number> = new Map(
  Object.entries({ ygv: 1, nq: 2, biusoa: 4, "xtd({": 8 }).flatMap(([types, bytes]) =>
    [...types].map((type) => [type, bytes] as const),
  ),
);

type Cursor = { at: number };

/**
 * Reads values from the bytes of a D-Bus message, of either byte order. Nothing is allocated that
 * the bytes do not hold. Source: D-Bus specification, "Marshaling (Wire Format)".
 */
export class DbusDecoder {
  at = 0;
  readonly #view: DataView;
  readonly #bytes: Buffer;
  readonly #isLittle: boolean;
  #values = 0;

  /** `bytes` begin where alignment is counted from: at the message's or the body's start. */
  constructor(bytes: Uint8Array, isLittle: boolean) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#isLittle = isLittle;
  }

  /** @throws OperationalError PROTOCOL when the bytes are not of this signature, LIMIT for too many */
  values(signature: string): DbusValue[] {
    if (signature.length > SIGNATURE_MAX) throw malformed("a signature is too long");
    const cursor = { at: 0 };
    const values: DbusValue[] = [];
    while (cursor.at < signature.length) values.push(this.#value(signature, cursor, 0));
    return values;
  }

  #value(signature: string, cursor: Cursor, depth: number): DbusValue {
    this.#values += 1;
    if (this.#values > VALUES_MAX) {
      throw new OperationalError("LIMIT", `A D-Bus message has more than ${VALUES_MAX} values`);
    }
    if (depth > DEPTH_MAX) throw malformed("values are nested too deeply");
    const type = signature[cursor.at] ?? "";
    const alignment = ALIGNMENTS.get(type);
    if (alignment === undefined) throw malformed(`there is no type ${JSON.stringify(type)}`);
    cursor.at += 1;
    this.#align(alignment);
    switch (type) {
      case "a":
        return this.#array(signature, cursor, depth);
      case "(":
        return this.#members(signature, cursor, ")", depth);
      case "{":
        return this.#members(signature, cursor, "}", depth);
      case "v":
        return this.#variant(depth);
      default:
        return this.#basic(type);
    }
  }

  #basic(type: string): DbusValue {
    const view = this.#view;
    const isLittle = this.#isLittle;
    switch (type) {
      case "y":
        return view.getUint8(this.#take(1));
      case "b":
        return this.#boolean();
      case "n":
        return view.getInt16(this.#take(2), isLittle);
      case "q":
        return view.getUint16(this.#take(2), isLittle);
      case "i":
        return view.getInt32(this.#take(4), isLittle);
      case "u":
        return view.getUint32(this.#take(4), isLittle);
      case "x":
        return Number(view.getBigInt64(this.#take(8), isLittle));
      case "t":
        return Number(view.getBigUint64(this.#take(8), isLittle));
      case "d":
        return view.getFloat64(this.#take(8), isLittle);
      case "g":
        return this.#text(view.getUint8(this.#take(1)));
      default:
        return this.#text(view.getUint32(this.#take(4), isLittle));
    }
  }

  #boolean(): boolean {
    const value = this.#view.getUint32(this.#take(4), this.#isLittle);
    if (value > 1) throw malformed(`${value} is not a boolean`);
    return value === 1;
  }

  /** Followed by a zero byte that its length does not count. */
  #text(length: number): string {
    const start = this.#take(length);
    const end = this.#take(1);
    if (this.#bytes[end] !== 0) throw malformed("a text has no end");
    return this.#bytes.toString("utf8", start, end);
  }

  #array(signature: string, cursor: Cursor, depth: number): DbusValue[] {
    const length = this.#view.getUint32(this.#take(4), this.#isLittle);
    const start = cursor.at;
    this.#align(ALIGNMENTS.get(signature[start] ?? "") ?? 1);
    const end = this.at + length;
    if (end > this.#bytes.length) throw malformed("an array is longer than its message");
    cursor.at = typeEnd(signature, start, depth);
    const values: DbusValue[] = [];
    while (this.at < end) values.push(this.#value(signature, { at: start }, depth + 1));
    if (this.at !== end) throw malformed("an array ends within a value");
    return values;
  }

  #members(signature: string, cursor: Cursor, close: string, depth: number): DbusValue[] {
    const values: DbusValue[] = [];
    while (signature[cursor.at] !== close) values.push(this.#value(signature, cursor, depth + 1));
    cursor.at += 1;
    // Else an array of them would have no end.
    if (values.length === 0) throw malformed("a structure is empty");
    return values;
  }

  #variant(depth: number): DbusValue {
    const signature = this.#text(this.#view.getUint8(this.#take(1)));
    const cursor = { at: 0 };
    const value = this.#value(signature, cursor, depth + 1);
    if (cursor.at !== signature.length) throw malformed("a variant is not one value");
    return value;
  }

  #align(alignment: number): void {
    this.at = Math.ceil(this.at / alignment) * alignment;
  }

  /** Where the next `length` bytes start. */
  #take(length: number): number {
    const start = this.at;
    if (start + length > this.#bytes.length) throw malformed("a value is cut off");
    this.at = start + length;
    return start;
  }
}

/** Where the type that begins at `start` ends. */
function typeEnd(signature: string, start: number, depth: number): number {
  if (depth > DEPTH_MAX) throw malformed("a signature is nested too deeply");
  const type = signature[start] ?? "";
  if (ALIGNMENTS.get(type) === undefined)
    throw malformed(`there is no type ${JSON.stringify(type)}`);
  if (type === "a") return typeEnd(signature, start + 1, depth + 1);
  if (type !== "(" && type !== "{") return start + 1;
  const close = type === "(" ? ")" : "}";
  let at = start + 1;
  while (signature[at] !== close) at = typeEnd(signature, at, depth + 1);
  return at + 1;
}

export function malformed(what: string): OperationalError {
  return new OperationalError("PROTOCOL", `Malformed D-Bus message: ${what}`);
}
