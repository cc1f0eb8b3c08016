import type { Labels } from "../../shared/model/labels.ts";

/** Lengths from here on are written in three more bytes. */
const LENGTH_LONG = 255;

/**
 * Where a label set stands between 0 and 1, evenly spread: the same as in Prometheus, which takes the
 * xxHash64 of its names and values, each behind its length. Sources: Prometheus,
 * model/labels/labels_stringlabels.go and promql/engine.go (HashRatioSampler).
 */
export function labelsOffset(labels: Labels): number {
  const parts: Buffer[] = [];
  for (const text of labels) {
    const bytes = Buffer.from(text);
    const { length } = bytes;
    const isLong = length >= LENGTH_LONG;
    parts.push(
      Buffer.from(
        isLong ? [LENGTH_LONG, length & 255, (length >> 8) & 255, length >> 16] : [length],
      ),
      bytes,
    );
  }
  return Number(xxHash64(Buffer.concat(parts))) / 2 ** 64;
}

const PRIME_1 = 0x9e3779b185ebca87n;
const PRIME_2 = 0xc2b2ae3d27d4eb4fn;
const PRIME_3 = 0x165667b19e3779f9n;
const PRIME_4 = 0x85ebca77c2b2ae63n;
const PRIME_5 = 0x27d4eb2f165667c5n;
const STRIPE = 32;

/** Source: the specification of xxHash, XXH64 with the seed 0. */
export function xxHash64(bytes: Buffer): bigint {
  let at = 0;
  let hash = PRIME_5;
  if (bytes.length >= STRIPE) {
    const sums = [u64(PRIME_1 + PRIME_2), PRIME_2, 0n, u64(-PRIME_1)];
    for (; at + STRIPE <= bytes.length; at += STRIPE) {
      for (const [i, sum] of sums.entries()) {
        sums[i] = round(sum, bytes.readBigUInt64LE(at + i * 8));
      }
    }
    const [a = 0n, b = 0n, c = 0n, d = 0n] = sums;
    hash = u64(rotate(a, 1n) + rotate(b, 7n) + rotate(c, 12n) + rotate(d, 18n));
    for (const sum of sums) hash = u64((hash ^ round(0n, sum)) * PRIME_1 + PRIME_4);
  }
  hash = u64(hash + BigInt(bytes.length));
  for (; at + 8 <= bytes.length; at += 8) {
    const mixed = hash ^ round(0n, bytes.readBigUInt64LE(at));
    hash = u64(rotate(mixed, 27n) * PRIME_1 + PRIME_4);
  }
  if (at + 4 <= bytes.length) {
    const mixed = hash ^ u64(BigInt(bytes.readUInt32LE(at)) * PRIME_1);
    hash = u64(rotate(mixed, 23n) * PRIME_2 + PRIME_3);
    at += 4;
  }
  for (; at < bytes.length; at += 1) {
    hash = u64(rotate(hash ^ u64(BigInt(bytes[at] ?? 0) * PRIME_5), 11n) * PRIME_1);
  }
  hash = u64((hash ^ (hash >> 33n)) * PRIME_2);
  hash = u64((hash ^ (hash >> 29n)) * PRIME_3);
  return hash ^ (hash >> 32n);
}

function round(sum: bigint, input: bigint): bigint {
  return u64(rotate(u64(sum + input * PRIME_2), 31n) * PRIME_1);
}

function rotate(value: bigint, bits: bigint): bigint {
  return u64((value << bits) | (value >> (64n - bits)));
}

function u64(value: bigint): bigint {
  return BigInt.asUintN(64, value);
}
