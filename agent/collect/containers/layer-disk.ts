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
        return directoryOf(handle, dir, stat);
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

function directoryOf(handle: fs.FileHandle, dir: Dir, own: Stats): OpenDirectory {
  return {
    ...fileOf(own),
    nextName: async () => (await unlessGone(() => dir.read()))?.name ?? null,
    stat: async (name) => {
      const path = bytesOf(`/proc/self/fd/${handle.fd}/${name}`);
      const stat = await unlessGone(() => fs.lstat(path));
      return stat === null ? null : fileOf(stat);
    },
    close: async () => {
      await unlessGone(() => dir.close());
      await unlessGone(() => handle.close());
    },
  };
}

function fileOf(stat: Stats): LayerFile {
  const { dev: device, ino: inode, nlink: links } = stat;
  const isDirectory = stat.isDirectory();
  return { isDirectory, device, inode, links, bytes: stat.blocks * BLOCK_BYTES };
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
