import { open, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { ProcFiles } from "./offer-watch.ts";

const PIECE_BYTES = 64 * 1024;

/** @param root where /proc is */
export function diskProc(root: string): ProcFiles {
  return {
    list: (path) => readdir(join(root, path)).catch(() => null),
    start: (path, bytesMax) => startOf(join(root, path), bytesMax).catch(() => null),
  };
}

/** Files of /proc say that they are empty, and are read in pieces. */
async function startOf(path: string, bytesMax: number): Promise<string> {
  const handle = await open(path, "r");
  try {
    const pieces: Buffer[] = [];
    for (let length = 0; length < bytesMax; ) {
      const piece = Buffer.alloc(Math.min(PIECE_BYTES, bytesMax - length));
      const { bytesRead } = await handle.read(piece, 0, piece.length, null);
      if (bytesRead === 0) break;
      pieces.push(piece.subarray(0, bytesRead));
      length += bytesRead;
    }
    return Buffer.concat(pieces).toString("latin1");
  } finally {
    await handle.close();
  }
}
