/**
 * The staleness marker: a NaN with the bits 0x7ff0000000000002, as in Prometheus (model/value).
 * It says "this series ended here" and is told apart from every other NaN by its bits. JavaScript
 * may change a NaN's bits when it computes with it, so a marker is written and read through the
 * column's own bits, never passed around as a number.
 */
const STALE_LOW = 2;
const STALE_HIGH = 0x7ff00000;

/** The bits of a column, two words a value; little-endian, as every machine Node runs on. */
export function columnBits(column: Float64Array): Uint32Array {
  return new Uint32Array(column.buffer, column.byteOffset, column.length * 2);
}

export function setStale(bits: Uint32Array, index: number): void {
  bits[index * 2] = STALE_LOW;
  bits[index * 2 + 1] = STALE_HIGH;
}

export function isStale(bits: Uint32Array, index: number): boolean {
  return bits[index * 2] === STALE_LOW && bits[index * 2 + 1] === STALE_HIGH;
}
