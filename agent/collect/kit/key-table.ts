import { ABSENT, type ByteScanner } from "./byte-scanner.ts";

const BUCKET_MASK = 127;
const SPACE = 32;
const NEWLINE = 10;

/**
 * The keys that are wanted of a `key value` file, found by their bytes: a bucket by length, first
 * and last byte, then a comparison.
 */
export class KeyTable {
  /** Where in the values the number of each key goes. */
  readonly targets: Int32Array;
  readonly #keys: readonly Uint8Array[];
  readonly #buckets: (readonly number[])[];

  /** `keys`: the key in the file, and its index in the values. No index twice. */
  constructor(keys: readonly (readonly [key: string, target: number])[]) {
    this.targets = Int32Array.from(keys, ([, target]) => target);
    this.#keys = keys.map(([key]) => Buffer.from(key));
    const buckets: number[][] = Array.from({ length: BUCKET_MASK + 1 }, () => []);
    for (const [index, key] of this.#keys.entries()) {
      buckets[bucketOf(key, 0, key.length)]?.push(index);
    }
    this.#buckets = buckets;
  }

  /** The index of the key that stands in [start, end), or ABSENT. */
  find(bytes: Uint8Array, start: number, end: number): number {
    const bucket = this.#buckets[bucketOf(bytes, start, end)];
    if (bucket === undefined) return ABSENT;
    for (let i = 0; i < bucket.length; i += 1) {
      const index = bucket[i] ?? ABSENT;
      const key = this.#keys[index];
      if (key !== undefined && isSame(key, bytes, start, end)) return index;
    }
    return ABSENT;
  }
}

/**
 * Reads a file of `key value` lines (memory.stat, cpu.stat, memory.events, …): the values of wanted
 * keys, ABSENT for those the file lacks. Other keys are skipped: kernels add them.
 */
export function parseKeyValues(scan: ByteScanner, table: KeyTable, values: Float64Array): void {
  const { bytes, length } = scan;
  const { targets } = table;
  for (let i = 0; i < targets.length; i += 1) values[targets[i] ?? 0] = ABSENT;
  let missing = targets.length;
  let at = 0;
  while (at < length && missing > 0) {
    const start = at;
    // A line is a key, a space and digits, so what is above a space is the key.
    while (at < length && (bytes[at] ?? 0) > SPACE) at += 1;
    const index = table.find(bytes, start, at);
    if (index !== ABSENT) {
      scan.at = at;
      values[targets[index] ?? 0] = scan.count();
      missing -= 1;
    }
    while (at < length && bytes[at] !== NEWLINE) at += 1;
    at += 1;
  }
}

export function isSame(key: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (key.length !== end - start) return false;
  for (let i = 0; i < key.length; i += 1) if (key[i] !== bytes[start + i]) return false;
  return true;
}

function bucketOf(bytes: Uint8Array, start: number, end: number): number {
  return ((end - start) * 5 + (bytes[start] ?? 0) * 3 + (bytes[end - 1] ?? 0)) & BUCKET_MASK;
}
