import { constants, type Dir, type Stats } from "node:fs";
import * as fs from "node:fs/promises";
import { systemCode } from "../../../shared/errors.ts";
import type { LayerDisk, LayerFile, OpenDirectory } from "./layer-walk.ts";

const FLAGS = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
/** Names that one question to the disk brings. */
const NAMES_AT_ONCE = 256;
const BLOCK_BYTES = 512;

/** The machine's disk, by Node's thread pool. */
export const nodeLayerDisk: LayerDisk = {
  async open(path: string): Promise<OpenDirectory | "denied" | null> {
    try {
      const handle = await fs.open(bytesOf(path), FLAGS);
      try {
        const stat = await handle.stat();
        // By the descriptor, so that what is listed is what was opened.
        const own = `/proc/self/fd/${handle.fd}`;
        const dir = await fs.opendir(own, { encoding: "latin1", bufferSize: NAMES_AT_ONCE });
        return new NodeDirectory(handle, dir, stat);
      } catch (error) {
        await handle.close();
        throw error;
      }
    } catch (error) {
      const code = systemCode(error);
      if (code === "EACCES" || code === "EPERM") return "denied";
      if (code !== null) return null;
      throw error;
    }
  },
};

class NodeDirectory implements OpenDirectory {
  readonly device: number;
  readonly inode: number;
  readonly bytes: number;
  readonly #handle: fs.FileHandle;
  readonly #dir: Dir;

  constructor(handle: fs.FileHandle, dir: Dir, { dev, ino, blocks }: Stats) {
    this.#handle = handle;
    this.#dir = dir;
    this.device = dev;
    this.inode = ino;
    this.bytes = blocks * BLOCK_BYTES;
  }

  async nextName(): Promise<string | null> {
    return (await unlessGone(() => this.#dir.read()))?.name ?? null;
  }

  async stat(name: string): Promise<LayerFile | null> {
    const stat = await unlessGone(() =>
      fs.lstat(bytesOf(`/proc/self/fd/${this.#handle.fd}/${name}`)),
    );
    if (stat === null) return null;
    const { dev, ino, nlink, blocks } = stat;
    const isDirectory = stat.isDirectory();
    return { isDirectory, device: dev, inode: ino, links: nlink, bytes: blocks * BLOCK_BYTES };
  }

  async close(): Promise<void> {
    await unlessGone(() => this.#dir.close());
    await unlessGone(() => this.#handle.close());
  }
}

function bytesOf(path: string): Buffer {
  return Buffer.from(path, "latin1");
}

async function unlessGone<T>(ask: () => Promise<T>): Promise<T | null> {
  try {
    return await ask();
  } catch (error) {
    if (systemCode(error) === null) throw error;
    return null;
  }
}
