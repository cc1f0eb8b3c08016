import { constants } from "node:fs";
import { open, readdir } from "node:fs/promises";

/** No link is followed at the end of the path, and no pipe is waited for. */
const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const CHUNK_BYTES = 16 * 1024;

/**
 * The text of a regular file; null when there is none, it is larger than `bytesMax` or may not be
 * read: then this source does not know. Not on the tick's thread of work, for a file system may hang.
 */
export async function readText(path: string, bytesMax: number): Promise<string | null> {
  try {
    const file = await open(path, FLAGS);
    try {
      const stat = await file.stat();
      if (!stat.isFile() || stat.size > bytesMax) return null;
      // Files in /proc say that they are empty.
      const bytes = Buffer.allocUnsafe(stat.size > 0 ? stat.size : Math.min(CHUNK_BYTES, bytesMax));
      const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
      return bytes.toString("utf8", 0, bytesRead);
    } finally {
      await file.close();
    }
  } catch {
    return null;
  }
}

/** The names in a directory, sorted, at most `namesMax`; none when it cannot be read. */
export async function namesIn(directory: string, namesMax: number): Promise<string[]> {
  try {
    return (await readdir(directory)).sort().slice(0, namesMax);
  } catch {
    return [];
  }
}
