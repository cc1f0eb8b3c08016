/**
 * Frames by their last bytes, which hold the checksum. A stored record is known by the frame it
 * ends in, so this need not know how the store frames them.
 */
const TAIL_BYTES = 16;

/** On the monotonic clock of the world, and on the aggregator's own. */
export type Sighting = { readonly atMs: number; readonly wallMs: number };

export class FrameSet {
  readonly #tails = new Map<string, Sighting>();

  /** A value of the store; one that holds no frame does no harm. */
  addStored(value: Uint8Array, at: Sighting): void {
    if (value.length < TAIL_BYTES) return;
    const tail = tailOf(value);
    if (!this.#tails.has(tail)) this.#tails.set(tail, at);
  }

  has(frame: Uint8Array): boolean {
    return this.#tails.has(tailOf(frame));
  }

  /** When it was first seen; undefined for one that never was. */
  firstSeen(frame: Uint8Array): Sighting | undefined {
    return this.#tails.get(tailOf(frame));
  }
}

function tailOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString(
    "latin1",
    bytes.length - TAIL_BYTES,
  );
}
