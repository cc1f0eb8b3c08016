/** What a look at a followed path means for the file that is open. */
import type { FileStatus } from "./ports.ts";

export type Held = {
  readonly device: number;
  readonly inode: number;
  /** Up to here it was read. */
  readonly readOffset: number;
  /** Of the last look. */
  readonly size: number;
  readonly mtimeMs: number;
  /** Some of its content was seen. */
  readonly isKnown: boolean;
};

export type Look =
  | "idle" // nothing happened
  | "absent" // no file has the path
  | "changed" // it may have grown: compare its head and tail, then read on
  | "truncated" // its content is gone from here
  | "replaced"; // another file has the path

export function lookAt(held: Held | null, status: FileStatus | null): Look {
  if (status === null || status.kind !== "file") return held === null ? "idle" : "absent";
  if (held === null) return "replaced";
  if (status.device !== held.device || status.inode !== held.inode) return "replaced";
  if (status.size < Math.max(held.readOffset, held.size)) return "truncated";
  const isSame = status.size === held.size && status.mtimeMs === held.mtimeMs;
  if (isSame) return status.size === held.readOffset ? "idle" : "changed";
  // It was empty: a copy may have been made of what it had meanwhile.
  return held.isKnown ? "changed" : "truncated";
}
