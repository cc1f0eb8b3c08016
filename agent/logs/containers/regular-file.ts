import { OperationalError } from "../../../shared/errors.ts";
import type { LogFiles } from "../tail/ports.ts";

/**
 * The text of a regular file; null where there is none, it is larger than `bytesMax` or may not be
 * read. The size is looked at before memory is taken, and what is added meanwhile is not read.
 */
export function readRegularFile(files: LogFiles, path: string, bytesMax: number): string | null {
  try {
    const descriptor = files.open(path);
    if (descriptor === null) return null;
    try {
      const { kind, size } = files.statusOf(descriptor);
      if (kind !== "file" || size > bytesMax) return null;
      return readAll(files, descriptor, size);
    } finally {
      files.close(descriptor);
    }
  } catch (error) {
    if (error instanceof OperationalError) return null;
    throw error;
  }
}

function readAll(files: LogFiles, descriptor: number, size: number): string {
  const bytes = Buffer.allocUnsafe(size);
  let length = 0;
  while (length < size) {
    const count = files.read(descriptor, bytes, length, size - length, length);
    if (count === 0) break;
    length += count;
  }
  return bytes.toString("utf8", 0, length);
}
