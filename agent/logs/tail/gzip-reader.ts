import { Readable } from "node:stream";
import { constants, createGunzip, gunzipSync } from "node:zlib";
import { errorMessage, OperationalError, systemCode } from "../../../shared/errors.ts";
import type { LogFiles } from "./ports.ts";

const COMPRESSED_BYTES = 64 * 1024; // read at once
const PLAIN_BYTES = 64 * 1024; // handed out at once, at most
/** Holds the first kilobyte of text at any ratio, and expands to 4 MiB at most. */
const HEAD_COMPRESSED_BYTES = 4096;

/** The first bytes of what was compressed; empty when it is not gzip. */
export function gunzipHead(files: LogFiles, descriptor: number, bytesMax: number): Buffer {
  const compressed = Buffer.allocUnsafe(HEAD_COMPRESSED_BYTES);
  const length = files.read(descriptor, compressed, 0, compressed.length, 0);
  try {
    const finishFlush = constants.Z_SYNC_FLUSH; // it is cut off
    return gunzipSync(compressed.subarray(0, length), { finishFlush }).subarray(0, bytesMax);
  } catch {
    return Buffer.alloc(0);
  }
}

/** The content of a gzip file, in pieces. */
export class GzipReader {
  readonly #pieces: AsyncIterator<Buffer>;
  #isClosed = false;

  constructor(files: LogFiles, descriptor: number) {
    const isClosed = () => this.#isClosed;
    const gunzip = createGunzip({ chunkSize: PLAIN_BYTES });
    const source = Readable.from(compressedPieces(files, descriptor, isClosed), {
      objectMode: false,
    });
    source.on("error", (error) => gunzip.destroy(error));
    gunzip.on("error", () => {}); // `next` throws it; after `close` nobody waits for it
    gunzip.on("close", () => source.destroy());
    this.#pieces = source.pipe(gunzip)[Symbol.asyncIterator]();
  }

  /** Null at the end. @throws OperationalError PARSE when it is damaged or cut off */
  async next(): Promise<Buffer | null> {
    try {
      const { value, done } = await this.#pieces.next();
      return done === true ? null : value;
    } catch (error) {
      if (systemCode(error)?.startsWith("Z_") !== true) throw error;
      throw new OperationalError("PARSE", `Not a whole gzip file: ${errorMessage(error)}`, {
        cause: error,
      });
    }
  }

  /** At once no more is read; resolves when its memory is given back. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#pieces.return?.();
  }
}

function* compressedPieces(
  files: LogFiles,
  descriptor: number,
  isClosed: () => boolean,
): Generator<Buffer> {
  for (let position = 0; !isClosed(); ) {
    const piece = Buffer.allocUnsafe(COMPRESSED_BYTES);
    const length = files.read(descriptor, piece, 0, piece.length, position);
    if (length === 0) return;
    position += length;
    yield piece.subarray(0, length);
  }
}
