/**
 * Frames by their last bytes, which hold the checksum. A stored record is known by the frame it
 * ends in, so this need not know how the store frames them.
 */
const TAIL_BYTES = 16;

export class FrameSet {
  /** When each was first seen. */
  readonly #tails = new Map<string, number>();

  /** A value of the store; one that holds no frame does no harm. */
  addStored(value: Uint8Array, atMs: number): void {
    if (value.length < TAIL_BYTES) return;
    const tail = tailOf(value);
    if (!this.#tails.has(tail)) this.#tails.set(tail, atMs);
  }

  has(frame: Uint8Array): boolean {
    return this.#tails.has(tailOf(frame));
  }

  /** Infinity for one that never was. */
  firstSeenMs(frame: Uint8Array): number {
    return this.#tails.get(tailOf(frame)) ?? Number.POSITIVE_INFINITY;
  }
}

function tailOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString(
    "latin1",
    bytes.length - TAIL_BYTES,
  );
}
