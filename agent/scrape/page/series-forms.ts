import { grown } from "../../../shared/wire/bytes.ts";

/** No handle. */
export const NONE = -1;

const HANDLES_AT_FIRST = 64;
const BYTES_AT_FIRST = 4096;
/** So many series in one bucket are no accident, but made to take long. */
const BUCKET_MAX = 64;

/**
 * The series of a page, each as it was written last: its bytes behind one another, and a table that
 * finds a series by a hash. All of it in typed arrays, which cost the garbage collector nothing.
 * Invariants: a handle below `#handles` is either free or in the bucket of its hash; `#alive` is the
 * number of bytes that belong to a handle that is not free.
 */
export class SeriesForms {
  bytes = new Uint8Array(BYTES_AT_FIRST);
  /** Of each handle, where its bytes are. */
  starts = new Uint32Array(HANDLES_AT_FIRST);
  lengths = new Uint32Array(HANDLES_AT_FIRST);
  #hashes = new Int32Array(HANDLES_AT_FIRST);
  /** The next handle of the same bucket. */
  #nexts = new Int32Array(HANDLES_AT_FIRST);
  #buckets = new Int32Array(HANDLES_AT_FIRST).fill(NONE);
  #used = 0;
  #alive = 0;
  #handles = 0;
  readonly #free: number[] = [];

  get size(): number {
    return this.#handles - this.#free.length;
  }

  /** Room for handles. */
  get capacity(): number {
    return this.starts.length;
  }

  /** The first handle with that hash, or NONE; the others by `next`. */
  first(hash: number): number {
    return this.#skipTo(this.#buckets[hash & (this.#buckets.length - 1)] ?? NONE, hash);
  }

  next(handle: number): number {
    return this.#skipTo(this.#nexts[handle] ?? NONE, this.#hashes[handle] ?? 0);
  }

  /** NONE: too many series have hashes of one bucket. */
  add(hash: number, page: Uint8Array, start: number, end: number): number {
    if (this.#isBucketFull(hash)) return NONE;
    const handle = this.#free.pop() ?? this.#handles;
    if (handle === this.#handles) this.#handles += 1;
    if (handle >= this.starts.length) this.#grow();
    this.#hashes[handle] = hash;
    this.#write(handle, page, start, end);
    this.#link(handle);
    return handle;
  }

  /** The series is written in another way now. */
  rewrite(handle: number, page: Uint8Array, start: number, end: number): void {
    this.#alive -= this.lengths[handle] ?? 0;
    this.#write(handle, page, start, end);
  }

  isWrittenAt(handle: number, page: Uint8Array, start: number, end: number): boolean {
    const length = this.lengths[handle] ?? 0;
    return length === end - start && this.matches(handle, page, start);
  }

  /** Whether the page has its bytes from `at` on. */
  matches(handle: number, page: Uint8Array, at: number): boolean {
    const { bytes } = this;
    const start = this.starts[handle] ?? 0;
    const length = this.lengths[handle] ?? 0;
    for (let i = 0; i < length; i += 1) if (bytes[start + i] !== page[at + i]) return false;
    return true;
  }

  remove(handle: number): void {
    this.#unlink(handle);
    this.#alive -= this.lengths[handle] ?? 0;
    this.lengths[handle] = 0;
    this.#free.push(handle);
  }

  /** Once more is dead than alive, all that lives is written anew, in the order of `handles`. */
  compact(handles: Int32Array, count: number): void {
    if (this.#used - this.#alive <= Math.max(this.#alive, BYTES_AT_FIRST)) return;
    const bytes = new Uint8Array(this.#alive);
    let used = 0;
    for (let i = 0; i < count; i += 1) {
      const handle = handles[i] ?? 0;
      const start = this.starts[handle] ?? 0;
      const length = this.lengths[handle] ?? 0;
      bytes.set(this.bytes.subarray(start, start + length), used);
      this.starts[handle] = used;
      used += length;
    }
    this.bytes = bytes;
    this.#used = used;
  }

  #write(handle: number, page: Uint8Array, start: number, end: number): void {
    const length = end - start;
    if (this.#used + length > this.bytes.length) {
      const size = Math.max(this.bytes.length * 2, this.#used + length);
      this.bytes = grown(this.bytes, new Uint8Array(size));
    }
    this.bytes.set(page.subarray(start, end), this.#used);
    this.starts[handle] = this.#used;
    this.lengths[handle] = length;
    this.#used += length;
    this.#alive += length;
  }

  #grow(): void {
    const size = this.starts.length * 2;
    this.starts = grown(this.starts, new Uint32Array(size));
    this.lengths = grown(this.lengths, new Uint32Array(size));
    this.#hashes = grown(this.#hashes, new Int32Array(size));
    this.#nexts = grown(this.#nexts, new Int32Array(size));
    const linked = this.#buckets;
    this.#buckets = new Int32Array(size).fill(NONE);
    for (const first of linked) {
      for (let handle = first; handle !== NONE; ) {
        const next = this.#nexts[handle] ?? NONE;
        this.#link(handle);
        handle = next;
      }
    }
  }

  #skipTo(from: number, hash: number): number {
    let handle = from;
    while (handle !== NONE && this.#hashes[handle] !== hash) handle = this.#nexts[handle] ?? NONE;
    return handle;
  }

  #isBucketFull(hash: number): boolean {
    let count = 0;
    let handle = this.#buckets[hash & (this.#buckets.length - 1)] ?? NONE;
    for (; handle !== NONE && count < BUCKET_MAX; count += 1) handle = this.#nexts[handle] ?? NONE;
    return count === BUCKET_MAX;
  }

  #link(handle: number): void {
    const bucket = (this.#hashes[handle] ?? 0) & (this.#buckets.length - 1);
    this.#nexts[handle] = this.#buckets[bucket] ?? NONE;
    this.#buckets[bucket] = handle;
  }

  #unlink(handle: number): void {
    const bucket = (this.#hashes[handle] ?? 0) & (this.#buckets.length - 1);
    const next = this.#nexts[handle] ?? NONE;
    let before = this.#buckets[bucket] ?? NONE;
    if (before === handle) {
      this.#buckets[bucket] = next;
      return;
    }
    while (this.#nexts[before] !== handle) before = this.#nexts[before] ?? NONE;
    this.#nexts[before] = next;
  }
}
