import type { IncomingMessage } from "node:http";
import { createGunzip } from "node:zlib";
import { OperationalError } from "../../../shared/errors.ts";

const FIRST_BYTES = 64 * 1024;
/** What an answer says of its length is believed up to here before any of it has come. */
const FIRST_BYTES_MAX = 1024 ** 2;
const UNPACKED_AT_ONCE = 64 * 1024;

/**
 * The body, unpacked. The response has ended or is destroyed afterwards.
 * @throws OperationalError LIMIT when it is larger than `bytesMax`, UNAVAILABLE when it is packed in
 * a way that nobody asked for; system errors when it is cut
 */
export async function readBody(response: IncomingMessage, bytesMax: number): Promise<Uint8Array> {
  const announced = Number(response.headers["content-length"] ?? 0);
  if (announced > bytesMax) throw tooLarge(bytesMax);
  const unpacker = unpackerOf(response.headers["content-encoding"]);
  const source = unpacker ?? response;
  const expected = unpacker === null ? announced : 0;
  const body = new GrowingBody(expected || FIRST_BYTES, bytesMax);
  try {
    await new Promise<void>((resolve, reject) => {
      source.on("data", (chunk: Buffer) => {
        if (!body.add(chunk)) reject(tooLarge(bytesMax));
      });
      source.once("end", resolve);
      response.on("error", reject); // stays, as it may fail again
      if (unpacker !== null) response.pipe(unpacker.on("error", reject));
    });
    return body.bytes;
  } finally {
    unpacker?.destroy();
    if (!response.readableEnded) response.destroy();
  }
}

function unpackerOf(encoding = "identity") {
  const name = encoding.trim().toLowerCase();
  if (name === "gzip" || name === "x-gzip") return createGunzip({ chunkSize: UNPACKED_AT_ONCE });
  if (name === "identity" || name === "") return null;
  throw new OperationalError("UNAVAILABLE", "The answer is packed by something else than gzip");
}

function tooLarge(bytesMax: number): OperationalError {
  return new OperationalError("LIMIT", `The answer is larger than ${bytesMax} bytes`);
}

/** Chunks are copied, as a hostile server's may be of one byte each. */
class GrowingBody {
  readonly #bytesMax: number;
  #buffer: Buffer;
  #length = 0;

  constructor(expected: number, bytesMax: number) {
    this.#bytesMax = bytesMax;
    this.#buffer = Buffer.allocUnsafeSlow(Math.min(expected, FIRST_BYTES_MAX, bytesMax));
  }

  /** False when it would be over the bound; nothing is added then. */
  add(chunk: Buffer): boolean {
    const length = this.#length + chunk.length;
    if (length > this.#bytesMax) return false;
    if (length > this.#buffer.length) this.#grow(length);
    chunk.copy(this.#buffer, this.#length);
    this.#length = length;
    return true;
  }

  get bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  #grow(needed: number): void {
    const size = Math.min(Math.max(needed, 2 * this.#buffer.length), this.#bytesMax);
    const larger = Buffer.allocUnsafeSlow(size);
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }
}
