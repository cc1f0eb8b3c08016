import type { Readable } from "node:stream";
import type { BodyLease } from "./body-room.ts";

const FIRST_BYTES = 64 * 1024;
/** Of the first step of a lease. */
const UNLEASED_BYTES = 1024 ** 2;

export type BodyBounds = {
  readonly bytesMax: number;
  /** As far as its length is known before it comes; 0: it is not. */
  readonly expected: number;
  readonly lease: BodyLease;
};

/** A body as it comes. Chunks are copied, as a hostile server's may be of one byte each. */
export class BodyBuffer {
  readonly #bytesMax: number;
  readonly #lease: BodyLease;
  #buffer: Buffer;
  #length = 0;

  constructor({ bytesMax, expected, lease }: BodyBounds) {
    this.#bytesMax = bytesMax;
    this.#lease = lease;
    // What is said of its length is believed as far as it needs no room.
    const size = Math.min(expected || FIRST_BYTES, lease.bytes, bytesMax);
    this.#buffer = Buffer.allocUnsafeSlow(size);
  }

  get length(): number {
    return this.#length;
  }

  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Up to its bound. False: it is reached, and the rest of the chunk is left out. */
  add(chunk: Uint8Array): boolean {
    const taken = chunk.subarray(0, this.#bytesMax - this.#length);
    const length = this.#length + taken.length;
    if (length > this.#buffer.length) this.#enlarge(length);
    this.#buffer.set(taken, this.#length);
    this.#length = length;
    return taken.length === chunk.length;
  }

  /** Whether the lease has to grow before so much is added. */
  isOverLease(bytes: number): boolean {
    return Math.min(this.#length + bytes, this.#bytesMax) > this.#lease.bytes;
  }

  /** @throws OperationalError as `BodyLease.grow` */
  async makeRoom(bytes: number): Promise<void> {
    while (this.isOverLease(bytes)) await this.#lease.grow();
  }

  /** Over the first step all of the lease is asked for: the kernel gives memory as it is written. */
  #enlarge(needed: number): void {
    const doubled = Math.max(needed, 2 * this.#buffer.length);
    const size = doubled > UNLEASED_BYTES ? this.#lease.bytes : doubled;
    const larger = Buffer.allocUnsafeSlow(Math.min(size, this.#bytesMax));
    larger.set(this.bytes);
    this.#buffer = larger;
  }
}
type Poured = Pick<BodyBuffer, "add" | "isOverLease" | "makeRoom">;

/**
 * Reads the stream into the buffer; it is paused while it has to wait for room.
 * @param watch is given what ends the reading with a fault
 * @throws what `full` makes when it is larger than its bound; OperationalError as `BodyLease.grow`
 */
export function pour(
  stream: Readable,
  body: Poured,
  full: () => Error,
  watch: (fail: (error: unknown) => void) => void,
): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    const add = (chunk: Buffer) => {
      if (!body.add(chunk)) reject(full());
    };
    stream.on("data", (chunk: Buffer) => {
      if (!body.isOverLease(chunk.length)) return add(chunk);
      stream.pause();
      body.makeRoom(chunk.length).then(() => {
        add(chunk);
        stream.resume();
      }, reject);
    });
    stream.once("end", resolve);
    watch(reject);
  });
}
