import { isUtf8 } from "node:buffer";
import { OperationalError } from "../errors.ts";

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

/** Nanoseconds of a millisecond. */
const NANOS = 1_000_000;

/**
 * Reads the fields of protobuf messages where they lie; nothing is copied, and every read is bounded by
 * the end of the message that it is in. Source: protobuf.dev, "Encoding".
 *
 *     const outer = reader.enter();
 *     while (reader.next()) if (reader.field === 1) name = reader.text(); else reader.skip();
 *     reader.leave(outer);
 *
 * A field has to be read or skipped before the next one. All methods throw OperationalError PARSE.
 */
export class WireReader {
  readonly #bytes: Buffer;
  readonly #view: DataView;
  #end: number;
  #wire = 0;
  at = 0;
  /** Number of the field that is read next, and where it begins, its head included. */
  field = 0;
  fieldAt = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#end = bytes.length;
  }

  /** Where the message ends that is read. */
  get end(): number {
    return this.#end;
  }

  /** To the next field; false: the message has no more. */
  next(): boolean {
    if (this.at >= this.#end) return false;
    this.fieldAt = this.at;
    const head = this.#uint();
    this.field = Math.floor(head / 8);
    this.#wire = head % 8;
    if (this.field === 0) throw fault("a field has the number 0");
    return true;
  }

  /** Into the message that the field holds. Returns what `leave` is to be given. */
  enter(): number {
    const length = this.#length();
    const outer = this.#end;
    this.#end = this.at + length;
    return outer;
  }

  leave(outer: number): void {
    this.at = this.#end;
    this.#end = outer;
  }

  /** To a place before, in the message that is read. */
  rewind(at: number): void {
    this.at = at;
  }

  /** Reads a part of what was read before, up to `end`. Returns what `restore` is to be given. */
  revisit(at: number, end: number): readonly [at: number, end: number] {
    const before = [this.at, this.#end] as const;
    this.at = at;
    this.#end = end;
    return before;
  }

  restore([at, end]: readonly [number, number]): void {
    this.at = at;
    this.#end = end;
  }

  skip(): void {
    if (this.#wire === BYTES) this.bytes();
    else if (this.#wire === VARINT) this.#uint();
    else if (this.#wire === FIXED64) this.at = this.#after(8);
    else if (this.#wire === FIXED32) this.at = this.#after(4);
    else throw fault(`wire type ${this.#wire}`);
  }

  bool(): boolean {
    this.#expect(VARINT);
    return this.#uint() !== 0;
  }

  /** Of uint32 or an enum; what is larger than a number can hold exactly is about right. */
  unsigned(): number {
    this.#expect(VARINT);
    return this.#uint();
  }

  /** A zigzag integer of 32 bits. */
  sint32(): number {
    this.#expect(VARINT);
    const coded = this.#uint();
    return coded % 2 === 1 ? -(coded + 1) / 2 : coded / 2;
  }

  /** A bigint where a number could not hold it exactly. */
  int64(): number | bigint {
    this.#expect(VARINT);
    let value = 0n;
    const start = this.at;
    const small = this.#uint();
    if (small <= Number.MAX_SAFE_INTEGER) return small;
    for (let at = start, shift = 0n; at < this.at; at += 1, shift += 7n) {
      value |= BigInt((this.#bytes[at] ?? 0) & 0x7f) << shift;
    }
    const signed = BigInt.asIntN(64, value);
    return isSafe(signed) ? Number(signed) : signed;
  }

  double(): number {
    this.#expect(FIXED64);
    return this.#doubleHere();
  }

  /** The bits of a double, low word first: what JavaScript would change of a NaN stays. */
  doubleBits(into: Uint32Array, at: number): void {
    this.#expect(FIXED64);
    const from = this.at;
    this.at = this.#after(8);
    into[at] = this.#view.getUint32(from, true);
    into[at + 1] = this.#view.getUint32(from + 4, true);
  }

  /** An unsigned integer of 64 bits; beyond 2^53 about right. */
  fixed64(): number {
    this.#expect(FIXED64);
    return this.#fixedHere();
  }

  /** A signed integer of 64 bits; beyond 2^53 about right. */
  sfixed64(): number {
    this.#expect(FIXED64);
    const at = this.at;
    this.at = this.#after(8);
    return this.#view.getInt32(at + 4, true) * 2 ** 32 + this.#view.getUint32(at, true);
  }

  /** Unix nanoseconds as milliseconds. */
  timeMs(): number {
    return this.fixed64() / NANOS;
  }

  text(): string {
    const length = this.#length();
    const start = this.at;
    this.at += length;
    const text = this.#bytes.toString("utf8", start, this.at);
    if (text.includes("\ufffd") && !isUtf8(this.#bytes.subarray(start, this.at))) {
      throw fault("a text is not UTF-8");
    }
    return text;
  }

  /** The bytes of the field, in place. */
  bytes(): Buffer {
    const length = this.#length();
    const start = this.at;
    this.at += length;
    return this.#bytes.subarray(start, this.at);
  }

  /** What lies between two places, each byte one character: to compare it. */
  latin1(start: number, end: number): string {
    return this.#bytes.toString("latin1", start, end);
  }

  /** Adds to a list of fixed64, packed or not. */
  fixed64s(into: number[]): void {
    if (this.#wire !== BYTES) {
      into.push(this.fixed64());
      return;
    }
    const outer = this.enter();
    while (this.at < this.#end) into.push(this.#fixedHere());
    this.leave(outer);
  }

  /** Adds to a list of double, packed or not. */
  doubles(into: number[]): void {
    if (this.#wire !== BYTES) {
      into.push(this.double());
      return;
    }
    const outer = this.enter();
    while (this.at < this.#end) into.push(this.#doubleHere());
    this.leave(outer);
  }

  /** Adds to a list of uint64, packed or not. */
  uint64s(into: number[]): void {
    if (this.#wire !== BYTES) {
      into.push(this.unsigned());
      return;
    }
    const outer = this.enter();
    while (this.at < this.#end) into.push(this.#uint());
    this.leave(outer);
  }

  /** A varint without its field; of up to 10 bytes, unsigned. */
  #uint(): number {
    const bytes = this.#bytes;
    const end = this.#end;
    let at = this.at;
    if (at >= end) throw cutOff();
    let byte = bytes[at] ?? 0;
    at += 1;
    let value = byte & 0x7f;
    for (let factor = 0x80; byte >= 0x80; factor *= 0x80) {
      if (at >= end) throw cutOff();
      if (factor > 2 ** 63) throw fault("a number is longer than 10 bytes");
      byte = bytes[at] ?? 0;
      at += 1;
      value += (byte & 0x7f) * factor;
    }
    this.at = at;
    return value;
  }

  #doubleHere(): number {
    const at = this.at;
    this.at = this.#after(8);
    return this.#view.getFloat64(at, true);
  }

  #fixedHere(): number {
    const at = this.at;
    this.at = this.#after(8);
    return this.#view.getUint32(at + 4, true) * 2 ** 32 + this.#view.getUint32(at, true);
  }

  /** Of what the field holds, all of which is there. */
  #length(): number {
    this.#expect(BYTES);
    const length = this.#uint();
    if (length > this.#end - this.at) throw cutOff();
    return length;
  }

  #after(bytes: number): number {
    if (bytes > this.#end - this.at) throw cutOff();
    return this.at + bytes;
  }

  #expect(wire: number): void {
    if (this.#wire !== wire) throw fault(`field ${this.field} has wire type ${this.#wire}`);
  }
}

function isSafe(value: bigint): boolean {
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER;
}

function cutOff(): OperationalError {
  return fault("the message is cut off");
}

function fault(what: string): OperationalError {
  return new OperationalError("PARSE", `Not a protobuf message: ${what}`);
}
