import { readdir, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import { systemCode } from "../errors.ts";
import { storageError } from "./level-errors.ts";

export type DirectorySpace = {
  /** Of the files in the directory and below it. */
  readonly bytes: number;
  /** What its file system has left for who is not root, and has in all. */
  readonly freeBytes: number;
  readonly diskBytes: number;
};

/** @throws OperationalError STORAGE when the disk does not answer */
export async function directorySpace(directory: string): Promise<DirectorySpace> {
  try {
    const { bavail, blocks, bsize } = await statfs(directory);
    let bytes = 0;
    for (const entry of await readdir(directory, { withFileTypes: true, recursive: true })) {
      if (entry.isFile()) bytes += await sizeOf(join(entry.parentPath, entry.name));
    }
    return { bytes, freeBytes: bavail * bsize, diskBytes: blocks * bsize };
  } catch (error) {
    throw storageError(directory, error);
  }
}

/** A store deletes files while they are counted. */
async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (systemCode(error) === "ENOENT") return 0;
    throw error;
  }
}
