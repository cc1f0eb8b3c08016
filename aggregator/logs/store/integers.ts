import { type ByteReader, type ByteWriter, unzigzag, zigzag } from "../../../shared/wire/bytes.ts";

/**
 * Whole numbers as planes: first the low bytes of all, then the next ones. What is written is the
 * number less the least one, or less the one before it, whichever is smaller, divided by what all
 * have in common. A general compressor then finds each plane's distribution. Numbers must be whole
 * and less than 2^51 away from 0: differences are exact then.
 */

const PLAIN = 0;
const DELTA = 1;

export function writeIntegers(writer: ByteWriter, values: Float64Array): void {
  const plain = plainOf(values);
  const delta = deltaOf(values);
  const isDelta = bitsOf(delta) < bitsOf(plain.rest);
  const rest = isDelta ? delta : plain.rest;
  const divisor = commonDivisor(rest);
  writer.byte(isDelta ? DELTA : PLAIN);
  writer.varint(zigzag(isDelta ? (values[0] ?? 0) : plain.least));
  writer.varint(divisor);
  writePlanes(writer, rest, divisor);
}

/** @throws OperationalError PARSE when the bytes are not what `writeIntegers` wrote */
export function readIntegers(reader: ByteReader, count: number): Float64Array {
  const isDelta = reader.byte() === DELTA;
  const base = unzigzag(reader.varint());
  const divisor = reader.varint();
  const values = readPlanes(reader, count);
  let before = base;
  for (let i = 0; i < count; i += 1) {
    const value = (values[i] ?? 0) * divisor;
    before = isDelta ? before + unzigzag(value) : base + value;
    values[i] = before;
  }
  return values;
}

function plainOf(values: Float64Array): { least: number; rest: Float64Array } {
  let least = values[0] ?? 0;
  for (let i = 1; i < values.length; i += 1) least = Math.min(least, values[i] ?? 0);
  return { least, rest: values.map((value) => value - least) };
}

function deltaOf(values: Float64Array): Float64Array {
  const rest = new Float64Array(values.length);
  for (let i = 1; i < values.length; i += 1) {
    rest[i] = zigzag((values[i] ?? 0) - (values[i - 1] ?? 0));
  }
  return rest;
}

/** About as many bits as the numbers take: enough to compare two ways of writing the same. */
function bitsOf(rest: Float64Array): number {
  let bits = 0;
  for (let i = 0; i < rest.length; i += 1) bits += Math.log2(1 + (rest[i] ?? 0));
  return bits;
}

function commonDivisor(rest: Float64Array): number {
  let divisor = 0;
  for (let i = 0; i < rest.length && divisor !== 1; i += 1) {
    let other = rest[i] ?? 0;
    while (other !== 0) [divisor, other] = [other, divisor % other];
  }
  return Math.max(1, divisor);
}

function writePlanes(writer: ByteWriter, rest: Float64Array, divisor: number): void {
  let most = 0;
  for (let i = 0; i < rest.length; i += 1) most = Math.max(most, (rest[i] ?? 0) / divisor);
  let width = 0;
  for (let bound = 1; bound <= most; bound *= 256) width += 1;
  writer.byte(width);
  const plane = new Uint8Array(rest.length);
  for (let at = 0, unit = divisor; at < width; at += 1, unit *= 256) {
    for (let i = 0; i < rest.length; i += 1) plane[i] = ((rest[i] ?? 0) / unit) % 256;
    writer.bytes(plane);
  }
}

function readPlanes(reader: ByteReader, count: number): Float64Array {
  const width = reader.byte();
  const values = new Float64Array(count);
  for (let at = 0, unit = 1; at < width; at += 1, unit *= 256) {
    const plane = reader.bytes(count);
    for (let i = 0; i < count; i += 1) {
      values[i] = (values[i] as number) + (plane[i] as number) * unit;
    }
  }
  return values;
}
