import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";

export type FileText = { readonly bytes: Buffer; readonly mtimeMs: number };

const PIECE_BYTES_MIN = 4096;

/**
 * A whole regular file; null where `path` is something else. A pipe is not waited for.
 * @param flags others for opening it, such as O_NOFOLLOW
 */
export async function readRegularFile(
  path: string,
  bytesMax: number,
  flags = 0,
): Promise<FileText | "too large" | null> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | flags);
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) return null;
    if (stat.size > bytesMax) return "too large";
    const bytes = await readUpTo(handle, bytesMax, stat.size);
    return bytes === null ? "too large" : { bytes, mtimeMs: stat.mtimeMs };
  } finally {
    await handle.close();
  }
}

/** null when there is more than `bytesMax`; files of /proc say that they are empty. */
async function readUpTo(
  handle: FileHandle,
  bytesMax: number,
  sizeHint: number,
): Promise<Buffer | null> {
  const pieces: Buffer[] = [];
  let length = 0;
  for (;;) {
    const piece = Buffer.allocUnsafeSlow(Math.max(PIECE_BYTES_MIN, sizeHint - length + 1));
    const { bytesRead } = await handle.read(piece, 0, piece.length, length);
    if (bytesRead === 0) return Buffer.concat(pieces, length);
    length += bytesRead;
    if (length > bytesMax) return null;
    pieces.push(piece.subarray(0, bytesRead));
  }
}
