import { crc32 } from "node:zlib";
import { OperationalError } from "../errors.ts";

const CRC_BYTES = 4;

/**
 * Writes numbers into one growing buffer, little-endian. Reused: `reset` keeps the memory. Bits fill
 * bytes from the most significant one on; `align` goes on at a full byte.
 */
export class ByteWriter {
  #buffer: Uint8Array;
  #view: DataView;
  #length = 0;
  /** Bits that are not yet in the buffer, the first one highest; fewer than 32. */
  #bits = 0;
  #bitCount = 0;

  constructor(capacity: number) {
    this.#buffer = new Uint8Array(capacity);
    this.#view = new DataView(this.#buffer.buffer);
  }

  get length(): number {
    return this.#length;
  }

  reset(): void {
    this.#length = 0;
    this.#bits = 0;
    this.#bitCount = 0;
  }

  /** Room for `bytes` more; call once before a run of writes. */
  reserve(bytes: number): void {
    if (this.#length + bytes <= this.#buffer.length) return;
    const grown = new Uint8Array(Math.max(this.#buffer.length * 2, this.#length + bytes));
    grown.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = grown;
    this.#view = new DataView(grown.buffer);
  }

  byte(value: number): void {
    this.reserve(1);
    this.#buffer[this.#length] = value;
    this.#length += 1;
  }

  /** A whole number from 0 to 2^53, 7 bits a byte, low bits first. */
  varint(value: number): void {
    this.reserve(8);
    let rest = value;
    while (rest >= 0x80) {
      this.#buffer[this.#length] = (rest % 0x80) | 0x80;
      this.#length += 1;
      rest = rest < 0x7fffffff ? rest >>> 7 : Math.floor(rest / 0x80);
    }
    this.#buffer[this.#length] = rest;
    this.#length += 1;
  }

  double(value: number): void {
    this.reserve(8);
    this.#view.setFloat64(this.#length, value, true);
    this.#length += 8;
  }

  /** The `count` low bits of `value`, the highest first; 0 to 24 of them, the others are 0. */
  bits(value: number, count: number): void {
    const after = this.#bitCount + count;
    if (after < 32) {
      this.#bits |= value << (32 - after);
      this.#bitCount = after;
      return;
    }
    const rest = after - 32;
    this.reserve(4);
    this.#view.setInt32(this.#length, this.#bits | (value >>> rest));
    this.#length += 4;
    this.#bits = rest === 0 ? 0 : value << (32 - rest);
    this.#bitCount = rest;
  }

  /** Bits are not in the buffer before this; fills the byte that was begun with zeros. */
  align(): void {
    for (; this.#bitCount > 0; this.#bitCount -= 8) {
      this.byte(this.#bits >>> 24);
      this.#bits <<= 8;
    }
    this.#bitCount = 0;
  }

  bytes(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Its bytes as UTF-8, after their number as a varint. */
  text(text: string): void {
    const bytes = Buffer.from(text);
    this.varint(bytes.length);
    this.bytes(bytes);
  }

  /** What was written; valid until the next write. */
  written(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  /** A copy of what was written, followed by its CRC-32. */
  finish(): Uint8Array {
    const bytes = new Uint8Array(this.#length + CRC_BYTES);
    bytes.set(this.#buffer.subarray(0, this.#length));
    const sum = crc32(bytes.subarray(0, this.#length));
    new DataView(bytes.buffer).setUint32(this.#length, sum, true);
    return bytes;
  }
}

/**
 * The body of what `ByteWriter.finish` made, without the checksum.
 * @throws OperationalError PARSE when the checksum is not that of the body
 */
export function checkedBody(bytes: Uint8Array, what: string): Uint8Array {
  const length = bytes.length - CRC_BYTES;
  if (length < 0) {
    throw new OperationalError("PARSE", `${what} of ${bytes.length} bytes is cut off`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const body = bytes.subarray(0, length);
  if (crc32(body) === view.getUint32(length, true)) return body;
  throw new OperationalError("PARSE", `${what} fails its checksum`);
}

/** Reads what ByteWriter wrote; every read is bounded by the end of the bytes. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #what: string;
  #offset = 0;
  /** Bits of the byte at the offset that were read. */
  #bit = 0;

  /** @param what names the bytes in an error, such as "frame" */
  constructor(bytes: Uint8Array, what: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#what = what;
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  byte(): number {
    const value = this.#bytes[this.#offset];
    if (value === undefined) throw this.#cutOff();
    this.#offset += 1;
    return value;
  }

  varint(): number {
    const first = this.byte();
    if (first < 0x80) return first;
    let value = first & 0x7f;
    for (let factor = 0x80; factor <= 2 ** 49; factor *= 0x80) {
      const byte = this.byte();
      value += (byte & 0x7f) * factor;
      if (byte >= 0x80) continue;
      if (value > Number.MAX_SAFE_INTEGER) break;
      return value;
    }
    throw new OperationalError("PARSE", `${this.#what}: a number at ${this.#offset} is too large`);
  }

  /**
   * A count of items that follow, each of at least `itemBytesMin` bytes (an eighth: a bit): a count
   * that cannot be true is refused before anything is allocated for it.
   */
  count(itemBytesMin: number): number {
    const count = this.varint();
    if (count * itemBytesMin > this.remaining) throw this.#cutOff();
    return count;
  }

  double(): number {
    if (this.remaining < 8) throw this.#cutOff();
    const value = this.#view.getFloat64(this.#offset, true);
    this.#offset += 8;
    return value;
  }

  /** The next `count` bits, 1 to 24, without going on; past the end they are 0. */
  peekBits(count: number): number {
    return (this.#window() << this.#bit) >>> (32 - count);
  }

  skipBits(count: number): void {
    const bit = this.#bit + count;
    this.#offset += bit >>> 3;
    this.#bit = bit & 7;
    if (this.#offset + ((this.#bit + 7) >>> 3) > this.#bytes.length) throw this.#cutOff();
  }

  /** What `ByteWriter.bits` wrote: 0 to 24 of them. */
  bits(count: number): number {
    if (count === 0) return 0;
    const value = this.peekBits(count);
    this.skipBits(count);
    return value;
  }

  /** To the next full byte. @throws OperationalError PARSE when what is skipped is not 0 */
  align(): void {
    if (this.#bit === 0) return;
    if (this.bits(8 - this.#bit) !== 0) {
      throw new OperationalError("PARSE", `${this.#what}: bits are left over at ${this.#offset}`);
    }
  }

  bytes(length: number): Uint8Array {
    if (length > this.remaining) throw this.#cutOff();
    const bytes = this.#bytes.subarray(this.#offset, this.#offset + length);
    this.#offset += length;
    return bytes;
  }

  /** What `ByteWriter.text` wrote. */
  text(): string {
    const bytes = this.bytes(this.count(1));
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString();
  }

  /** @throws OperationalError PARSE when bytes are left over */
  end(): void {
    if (this.remaining !== 0) {
      throw new OperationalError("PARSE", `${this.#what} has ${this.remaining} bytes too many`);
    }
  }

  /** The 32 bits from the byte at the offset on. */
  #window(): number {
    const at = this.#offset;
    if (at + 4 <= this.#bytes.length) return this.#view.getInt32(at);
    const bytes = this.#bytes;
    return ((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8);
  }

  #cutOff(): OperationalError {
    return new OperationalError("PARSE", `${this.#what} is cut off at byte ${this.#offset}`);
  }
}

/** A column with room for more: what is in it, in a longer one. */
export function grown<Column extends { set(from: Column): void }>(
  from: Column,
  to: Column,
): Column {
  to.set(from);
  return to;
}

/** Small whole numbers of either sign as small ones without. */
export function zigzag(value: number): number {
  return value < 0 ? -value * 2 - 1 : value * 2;
}

export function unzigzag(value: number): number {
  return value % 2 === 1 ? -(value + 1) / 2 : value / 2;
}
