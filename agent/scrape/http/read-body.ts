import type { IncomingMessage } from "node:http";
import { createGunzip } from "node:zlib";
import { OperationalError } from "../../../shared/errors.ts";
import { BodyBuffer, pour } from "../../model/body-buffer.ts";
import type { BodyLease } from "../../model/body-room.ts";

/** `bytesMax`: of the body, unpacked. */
export type BodyWish = { readonly bytesMax: number; readonly lease: BodyLease };

const UNPACKED_AT_ONCE = 64 * 1024;

/**
 * The body, unpacked; it is the lease's. The response has ended or is destroyed afterwards.
 * @throws OperationalError LIMIT when it is larger than `bytesMax`, UNAVAILABLE when it is packed in
 * a way that nobody asked for, or the lease is over; system errors when it is cut
 */
export async function readBody(
  response: IncomingMessage,
  { bytesMax, lease }: BodyWish,
): Promise<Uint8Array> {
  const announced = Number(response.headers["content-length"] ?? 0);
  if (announced > bytesMax) throw tooLarge(bytesMax);
  const unpacker = unpackerOf(response.headers["content-encoding"]);
  const source = unpacker ?? response;
  const expected = unpacker === null ? announced : 0;
  const body = new BodyBuffer({ bytesMax, expected, lease });
  try {
    const full = () => tooLarge(bytesMax);
    await pour(source, body, full, (fail) => {
      response.on("error", fail); // stays, as it may fail again
      if (unpacker !== null) response.pipe(unpacker.on("error", fail));
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
