import { encodingOf } from "../shape/encoding.ts";
import type { LogFiles } from "./ports.ts";

const SEARCH_BYTES = 64 * 1024;
const NEWLINES = {
  "utf-8": Buffer.of(10),
  "utf-16le": Buffer.of(10, 0),
  "utf-16be": Buffer.of(0, 10),
} as const;

/**
 * Behind the last newline before `size`, so that a line that is being written comes as a whole;
 * `size`, or where the last unit before it ends, where there is none near.
 */
export function lastLineStart(files: LogFiles, descriptor: number, size: number): number {
  const head = Buffer.alloc(2);
  files.read(descriptor, head, 0, head.length, 0);
  const newline = NEWLINES[encodingOf(head)];
  const unit = newline.length;
  const end = size - (size % unit);
  const bytes = Buffer.allocUnsafe(Math.min(SEARCH_BYTES, end));
  const at = end - bytes.length;
  const count = files.read(descriptor, bytes, 0, bytes.length, at);
  const found = lastIndexOfUnit(bytes.subarray(0, count), newline);
  if (found >= 0) return at + found + unit;
  return at === 0 ? 0 : end;
}

/** Where it begins at a multiple of its own length; -1: nowhere. */
function lastIndexOfUnit(bytes: Buffer, unit: Buffer): number {
  let at = bytes.lastIndexOf(unit);
  while (at > 0 && at % unit.length !== 0) at = bytes.lastIndexOf(unit, at - 1);
  return at % unit.length === 0 ? at : -1;
}
