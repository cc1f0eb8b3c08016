import { type BrotliOptions, brotliCompressSync, brotliDecompressSync, constants } from "node:zlib";
import { OperationalError } from "../../../shared/errors.ts";
import { ByteReader, ByteWriter, checkedBody } from "../../../shared/wire/bytes.ts";

/** How bytes are compressed: the first byte of what is stored, so that others can be added. */
const STORED = 0;
const BROTLI = 1;

/** No block that is written has a section as large; one that says so is damaged. */
const RAW_BYTES_MAX = 2 ** 26;
/** Brotli clears tables as large as its window, which takes longer than compressing a small section. */
const WINDOW_BITS_MIN = 10;
const WINDOW_BITS_MAX = 24;

/** Brotli's level. */
const QUALITY = 9;

/** How packing shares the machine with what must not wait for it. */
export type Work = {
  /** Gives others a turn; awaited after some tens of milliseconds. */
  readonly pause: () => Promise<void>;
  /** Brotli, on another thread where there is one. */
  readonly compress: (bytes: Uint8Array, options: BrotliOptions) => Promise<Uint8Array>;
};

/** All on this thread, at once. */
export const ALONE: Work = {
  pause: async () => {},
  compress: async (bytes, options) => brotliCompressSync(bytes, options),
};

/** Compressed, with a checksum. */
export async function seal(bytes: Uint8Array, { compress }: Work): Promise<Uint8Array> {
  const windowBits = Math.ceil(Math.log2(bytes.length + 16));
  const compressed = await compress(bytes, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: QUALITY,
      [constants.BROTLI_PARAM_LGWIN]: Math.min(
        WINDOW_BITS_MAX,
        Math.max(WINDOW_BITS_MIN, windowBits),
      ),
      [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
    },
  });
  const isSmaller = compressed.length < bytes.length;
  const body = isSmaller ? compressed : bytes;
  const writer = new ByteWriter(body.length + 16);
  writer.byte(isSmaller ? BROTLI : STORED);
  writer.varint(bytes.length);
  writer.bytes(body);
  return writer.finish();
}

/** @throws OperationalError PARSE when these are not bytes that `seal` made */
export function unseal(sealed: Uint8Array, what: string): Uint8Array {
  const reader = new ByteReader(checkedBody(sealed, what), what);
  const method = reader.byte();
  const length = reader.varint();
  if (length > RAW_BYTES_MAX) {
    throw new OperationalError("PARSE", `${what} of ${length} bytes is too large`);
  }
  const body = reader.bytes(reader.remaining);
  const bytes = method === BROTLI ? expand(body, length, what) : body;
  if (method > BROTLI || bytes.length !== length) {
    throw new OperationalError("PARSE", `${what} is compressed in an unknown way`);
  }
  return bytes;
}

function expand(body: Uint8Array, length: number, what: string): Uint8Array {
  try {
    return brotliDecompressSync(body, { maxOutputLength: Math.max(1, length) });
  } catch (cause) {
    throw new OperationalError("PARSE", `${what} cannot be expanded`, { cause });
  }
}
