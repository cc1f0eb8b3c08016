/** What a snapshot of a chain says of files that were truncated: see `Truncation`. */
import { isSameFile, type Snapshot } from "./chain-files.ts";
import type { Chain } from "./chain-state.ts";
import type { Position, Truncation } from "./position.ts";
import type { SiblingFile } from "./siblings.ts";

/**
 * Null: what has the path is not what the position was read of, truncated since.
 * @param copy where the content of the position is, if it is anywhere
 */
export function truncationOf(
  position: Position,
  copy: SiblingFile | null,
  current: SiblingFile | null,
  nowMs: number,
): Truncation | null {
  if (current === null || copy === current || position.isDone) return position.truncation;
  if (!isSameFile(position, current)) return position.truncation;
  // The copy was complete when it was last written, and the size was of that time.
  const fromMs = Math.max(copy?.mtimeMs ?? 0, position.mtimeMs);
  return { size: contentSize(position), fromMs, untilMs: Math.max(fromMs, nowMs) };
}

/** What was seen of it and not read, as of a file that was truncated at some time since. */
export function unreadOf(position: Position, nowMs: number): Truncation {
  const { mtimeMs } = position;
  return { size: contentSize(position), fromMs: mtimeMs, untilMs: Math.max(mtimeMs, nowMs) };
}

/** Whether a file that nobody has read is a copy: what has the path had it before, with other content. */
export function isCopyOfBefore(
  file: SiblingFile,
  { positions, known, current, files }: Chain<SiblingFile> & Snapshot,
): boolean {
  if (current === null || file === current) return false;
  if (known.some((one) => one.file === current)) return false;
  const isReadBefore = positions.some((one) => !one.isDone && isSameFile(one, current));
  return isReadBefore || files.some((one) => isMadeLater(one, current));
}

/** A file that was renamed is older than the one that took its place. Compressed, it is a new file. */
function isMadeLater(file: SiblingFile, current: SiblingFile): boolean {
  return !file.isCompressed && file.birthMs > current.birthMs;
}

/** Of a copy: it was truncated before the next one was written. */
export function untilNext(file: SiblingFile, { files }: Snapshot, nowMs: number): Truncation {
  const untilMs = files.reduce((least, { mtimeMs }) => {
    return mtimeMs > file.mtimeMs ? Math.min(least, mtimeMs) : least;
  }, nowMs);
  return { size: contentSize(file), fromMs: file.mtimeMs, untilMs };
}

/** 0 where it is not known. */
function contentSize({ isCompressed, size }: Pick<Position, "isCompressed" | "size">): number {
  return isCompressed ? 0 : size;
}
