import type { Readable } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflateRaw } from "node:zlib";
import { BodyBuffer, pour } from "../../model/body-buffer.ts";
import type { BodyLease } from "../../model/body-room.ts";
import type { Compression } from "../config/probe-config.ts";

export type BodyWish = {
  readonly compression: Compression | null;
  /** Of the body, unpacked. */
  readonly bytesMax: number;
  /** Whether its bytes are needed, not only their number. */
  readonly isKept: boolean;
  readonly lease: BodyLease;
};

export type BodyReading = {
  /** Unpacked, up to the limit. */
  readonly length: number;
  /** Empty unless they were to be kept; the lease's. */
  readonly bytes: Buffer;
  /** Why it was not read to its end; null: it was. */
  readonly failure: unknown;
};

const UNPACKED_AT_ONCE = 64 * 1024;

/** The body to its end, its limit or what goes wrong. The source has ended or is destroyed afterwards. */
export async function readBody(
  source: Readable,
  { compression, bytesMax, isKept, lease }: BodyWish,
): Promise<BodyReading> {
  const unpacker = unpackerOf(compression);
  const body = isKept ? new BodyBuffer({ bytesMax, expected: 0, lease }) : new BodyLength(bytesMax);
  let failure: unknown = null;
  try {
    const full = () => new Error(`The body is larger than ${bytesMax} bytes`);
    await pour(unpacker ?? source, body, full, (fail) => {
      source.on("error", fail); // stays, as it may fail again
      source.once("close", () => {
        if (!source.readableEnded) fail(new Error("The connection was closed within the body"));
      });
      if (unpacker !== null) source.pipe(unpacker.on("error", fail));
    });
  } catch (error) {
    failure = error;
  } finally {
    unpacker?.destroy();
    if (!source.readableEnded) source.destroy();
  }
  return { length: body.length, bytes: body.bytes, failure };
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

/** A body of which only the length is needed. */
class BodyLength {
  readonly bytes = Buffer.alloc(0);
  readonly #bytesMax: number;
  #length = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get length(): number {
    return this.#length;
  }

  add(chunk: Uint8Array): boolean {
    const before = this.#length;
    this.#length = Math.min(before + chunk.length, this.#bytesMax);
    return this.#length === before + chunk.length;
  }

  isOverLease(): boolean {
    return false;
  }

  async makeRoom(): Promise<void> {}
}
