import { crc32 } from "node:zlib";
import { OperationalError } from "../errors.ts";

/** Code of a value that follows as 8 bytes of a double: a negative zero, which no difference is. */
const ABSOLUTE = 1;
const DELTA_MAX = 2 ** 50;
const CRC_BYTES = 4;

/** Writes numbers into one growing buffer, little-endian. Reused: `reset` keeps the memory. */
export class ByteWriter {
  #buffer: Uint8Array;
  #view: DataView;
  #length = 0;

  constructor(capacity: number) {
    this.#buffer = new Uint8Array(capacity);
    this.#view = new DataView(this.#buffer.buffer);
  }

  get length(): number {
    return this.#length;
  }

  reset(): void {
    this.#length = 0;
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

  /** `value` as its difference to `last` where both are whole and near, else as it is. */
  value(value: number, last: number): void {
    const delta = value - last;
    if (Number.isSafeInteger(value) && Math.abs(delta) < DELTA_MAX && Number.isInteger(delta)) {
      this.varint(delta < 0 ? -delta * 2 + 1 : delta * 2);
      return;
    }
    this.absolute(value);
  }

  /** A value that stands alone. */
  absolute(value: number): void {
    this.varint(ABSOLUTE);
    this.double(value);
  }

  bytes(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
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
  if (length < 0)
    throw new OperationalError("PARSE", `${what} of ${bytes.length} bytes is cut off`);
  const stored = new DataView(bytes.buffer, bytes.byteOffset + length, CRC_BYTES).getUint32(
    0,
    true,
  );
  const body = bytes.subarray(0, length);
  if (crc32(body) !== stored) throw new OperationalError("PARSE", `${what} fails its checksum`);
  return body;
}

/** Reads what ByteWriter wrote; every read is bounded by the end of the bytes. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #what: string;
  #offset = 0;

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
    let value = 0;
    let factor = 1;
    for (let count = 0; count < 8; count += 1) {
      const byte = this.#bytes[this.#offset];
      if (byte === undefined) throw this.#cutOff();
      this.#offset += 1;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) break;
        return value;
      }
      factor *= 0x80;
    }
    throw new OperationalError("PARSE", `${this.#what}: a number at ${this.#offset} is too large`);
  }

  /**
   * A count of items that follow, each of at least `itemBytesMin` bytes: a count that cannot be
   * true is refused before anything is allocated for it.
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

  /** What `ByteWriter.value` wrote: `isAbsolute` tells whether it stands alone or is a difference. */
  value(): { readonly number: number; readonly isAbsolute: boolean } {
    const code = this.varint();
    if (code === ABSOLUTE) return { number: this.double(), isAbsolute: true };
    const magnitude = Math.floor(code / 2);
    return { number: code % 2 === 1 ? -magnitude : magnitude, isAbsolute: false };
  }

  bytes(length: number): Uint8Array {
    if (length > this.remaining) throw this.#cutOff();
    const bytes = this.#bytes.subarray(this.#offset, this.#offset + length);
    this.#offset += length;
    return bytes;
  }

  /** @throws OperationalError PARSE when bytes are left over */
  end(): void {
    if (this.remaining !== 0) {
      throw new OperationalError("PARSE", `${this.#what} has ${this.remaining} bytes too many`);
    }
  }

  #cutOff(): OperationalError {
    return new OperationalError("PARSE", `${this.#what} is cut off at byte ${this.#offset}`);
  }
}
