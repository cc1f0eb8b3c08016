/**
 * A Bloom filter in buckets of 4 KiB: the hash of a token chooses the bucket, and all of its bits
 * lie in there. A search reads the buckets of its tokens and not the rest of the filter.
 */
const BUCKET_BYTES = 4096;
const BUCKET_BITS = BUCKET_BYTES * 8;
const BITS_PER_TOKEN = 12;
const PROBES = 6;

/** The buckets of a filter over the tokens; none when there are no tokens. */
export function buildFilter(hashes: ReadonlySet<number>): Uint8Array[] {
  const count = Math.ceil((hashes.size * BITS_PER_TOKEN) / BUCKET_BITS);
  const bytes = count === 1 ? smallBucketBytes(hashes.size) : BUCKET_BYTES;
  const buckets = Array.from({ length: count }, () => new Uint8Array(bytes));
  for (const hash of hashes) {
    const bucket = buckets[bucketOf(hash, count)];
    if (bucket === undefined) continue;
    let bit = hash;
    for (let probe = 0; probe < PROBES; probe += 1) {
      bit = nextBit(bit);
      const at = bit % (bucket.length * 8);
      bucket[at >>> 3] = (bucket[at >>> 3] ?? 0) | (1 << (at & 7));
    }
  }
  return buckets;
}

export function bucketOf(hash: number, count: number): number {
  return Math.floor((hash / 2 ** 32) * count);
}

/** Whether the token may be among those of the filter, by its bucket. */
export function bucketAdmits(bucket: Uint8Array, hash: number): boolean {
  let bit = hash;
  for (let probe = 0; probe < PROBES; probe += 1) {
    bit = nextBit(bit);
    const at = bit % (bucket.length * 8);
    if (((bucket[at >>> 3] ?? 0) & (1 << (at & 7))) === 0) return false;
  }
  return true;
}

function smallBucketBytes(tokens: number): number {
  return Math.max(8, Math.ceil((tokens * BITS_PER_TOKEN) / 8));
}

/** A step of a generator (Steele, Lea and Flood's SplitMix, its 32-bit form). */
function nextBit(state: number): number {
  let next = (state + 0x9e3779b9) | 0;
  next = Math.imul(next ^ (next >>> 16), 0x21f0aaad);
  next = Math.imul(next ^ (next >>> 15), 0x735a2d97);
  return (next ^ (next >>> 15)) >>> 0;
}
