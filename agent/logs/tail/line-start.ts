import type { LogFiles } from "./ports.ts";

const SEARCH_BYTES = 64 * 1024;
const NEWLINE = 10;

/**
 * Behind the last newline before `size`, so that a line that is being written comes as a whole;
 * `size` where there is none near.
 */
export function lastLineStart(files: LogFiles, descriptor: number, size: number): number {
  const bytes = Buffer.allocUnsafe(Math.min(SEARCH_BYTES, size));
  const at = size - bytes.length;
  const count = files.read(descriptor, bytes, 0, bytes.length, at);
  const newline = bytes.subarray(0, count).lastIndexOf(NEWLINE);
  return newline >= 0 || at === 0 ? at + newline + 1 : size;
}
