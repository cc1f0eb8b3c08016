import type { Readable } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflateRaw } from "node:zlib";
import type { Compression } from "../config/probe-config.ts";

export type BodyWish = {
  readonly compression: Compression | null;
  /** Of the body, unpacked. */
  readonly bytesMax: number;
  /** Whether its bytes are needed, not only their number. */
  readonly isKept: boolean;
};

export type BodyReading = {
  /** Unpacked, up to the limit. */
  readonly length: number;
  /** Empty unless they were to be kept. */
  readonly bytes: Buffer;
  /** Why it was not read to its end; null: it was. */
  readonly failure: unknown;
};

const UNPACKED_AT_ONCE = 64 * 1024;
const FIRST_BYTES = 16 * 1024;

/** The body to its end, its limit or what goes wrong. The source has ended or is destroyed afterwards. */
export async function readBody(
  source: Readable,
  { compression, bytesMax, isKept }: BodyWish,
): Promise<BodyReading> {
  const unpacker = unpackerOf(compression);
  const stream = unpacker ?? source;
  const body = new CountedBody(bytesMax, isKept);
  try {
    await new Promise<void>((resolve, reject) => {
      stream.on("data", (chunk: Buffer) => {
        if (!body.add(chunk)) reject(new Error(`The body is larger than ${bytesMax} bytes`));
      });
      stream.once("end", resolve);
      source.on("error", reject); // stays, as it may fail again
      source.once("close", () => {
        if (!source.readableEnded) reject(new Error("The connection was closed within the body"));
      });
      if (unpacker !== null) source.pipe(unpacker.on("error", reject));
    });
    return { length: body.length, bytes: body.bytes, failure: null };
  } catch (failure) {
    return { length: body.length, bytes: body.bytes, failure };
  } finally {
    unpacker?.destroy();
    if (!source.readableEnded) source.destroy();
  }
}

function unpackerOf(compression: Compression | null) {
  const options = { chunkSize: UNPACKED_AT_ONCE };
  switch (compression) {
    case "gzip":
      return createGunzip(options);
    case "deflate":
      return createInflateRaw(options);
    case "br":
      return createBrotliDecompress(options);
    default:
      return null;
  }
}

/** Chunks are copied, as a hostile server's may be of one byte each. */
class CountedBody {
  readonly #bytesMax: number;
  readonly #isKept: boolean;
  #buffer = Buffer.alloc(0);
  #length = 0;

  constructor(bytesMax: number, isKept: boolean) {
    this.#bytesMax = bytesMax;
    this.#isKept = isKept;
  }

  get length(): number {
    return this.#length;
  }

  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#isKept ? this.#length : 0);
  }

  /** False when the limit cuts it. */
  add(chunk: Buffer): boolean {
    const taken = chunk.subarray(0, this.#bytesMax - this.#length);
    if (this.#isKept) this.#keep(taken);
    this.#length += taken.length;
    return taken.length === chunk.length;
  }

  #keep(chunk: Buffer): void {
    const needed = this.#length + chunk.length;
    if (needed > this.#buffer.length) {
      const size = Math.min(Math.max(needed, 2 * this.#buffer.length, FIRST_BYTES), this.#bytesMax);
      const larger = Buffer.allocUnsafeSlow(size);
      this.#buffer.copy(larger, 0, 0, this.#length);
      this.#buffer = larger;
    }
    chunk.copy(this.#buffer, this.#length);
  }
}
