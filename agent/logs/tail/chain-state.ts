/**
 * Rotated files form a chain: `x.log` becomes `x.log.1`, `x.log.2`, `x.log.3.gz`. Decides where each
 * file that was being read is now, and which files of the chain nobody has read yet.
 *
 * A file that was read, or a copy of it, is known by its content (`Kinship`). One that nothing is
 * known of belongs to the chain when it was rotated after the newest file that was read: by the order
 * of their names where they have one, otherwise by their mtime, which compressors keep. What is older
 * was there before the path was followed, and is not read.
 */

import type { Position } from "./position.ts";
import { compareRotation, type RotationOrder } from "./rotated-names.ts";

/**
 * How a file compares with a position: `same` content up to the offset and perhaps more; `shorter`:
 * the same head, and an end before the place up to which it was read; `other`.
 */
export type Kinship = "same" | "shorter" | "other";

export type ChainFile = {
  readonly path: string;
  readonly device: number;
  readonly inode: number;
  readonly mtimeMs: number;
  /** Null: the file that has the followed path itself, the newest of all. */
  readonly order: RotationOrder | null;
  /** By the id of each position that it may be of; of others it is `other`. */
  readonly kinship: ReadonlyMap<number, Kinship>;
};

export type Chain<File extends ChainFile> = {
  /** Where the positions are now, oldest first. */
  readonly known: readonly { readonly position: Position; readonly file: File }[];
  /** Positions that are nowhere, oldest first. */
  readonly missing: readonly Position[];
  /** To be read from their beginning, oldest first. */
  readonly fresh: readonly File[];
};

/**
 * @param positions of one path, oldest first
 * @param writtenAfterMs without any position: what was written before this is not read
 */
export function resolveChain<File extends ChainFile>(
  positions: readonly Position[],
  files: readonly File[],
  writtenAfterMs: number,
): Chain<File> {
  const taken = new Set<File>();
  const found = new Map<number, File>();
  const place = (position: Position, isMatch: typeof isThere, from: readonly File[]) => {
    const file = from.find((one) => !taken.has(one) && isMatch(position, one));
    if (found.has(position.id) || file === undefined) return;
    found.set(position.id, file);
    taken.add(file);
  };
  const newestFirst = positions.toReversed();
  for (const position of newestFirst) if (wasRead(position)) place(position, isThere, files);
  // Where several files are alike, the older position is in the older one.
  const byAge = [...files].sort(compareFiles);
  for (const position of positions) place(position, isCopy, byAge);
  const isReplaced = wasTruncatedUnread(positions.at(-1), files);
  for (const position of newestFirst) {
    if (position !== positions.at(-1) || !isReplaced) place(position, isThere, files);
  }
  const known = positions.flatMap((position) => {
    const file = found.get(position.id);
    return file === undefined ? [] : [{ position, file }];
  });
  const missing = positions.filter(({ id }) => !found.has(id));
  const unknown = files.filter((file) => !taken.has(file) && isUnread(file, positions));
  const isFresh = newerThan(positions.at(-1), known.at(-1), writtenAfterMs);
  return { known, missing, fresh: unknown.filter(isFresh).sort(compareFiles) };
}

/** Of others little more is known than their place. */
function wasRead({ marks }: Pick<Position, "marks">): boolean {
  return marks.length > 0;
}

/** The file itself, under whatever name. One that got shorter is another file in the same place. */
function isThere({ id, device, inode, isDone, marks }: Position, file: ChainFile): boolean {
  if (isDone && !wasRead({ marks })) return false; // its number may be another file's
  return file.device === device && file.inode === inode && file.kinship.get(id) === "same";
}

/** A copy, made before the file was truncated or compressed. */
function isCopy({ id, head, marks, inode }: Position, file: ChainFile): boolean {
  const kinship = file.kinship.get(id) ?? "other";
  if (head.bytes === 0 || kinship === "other") return false;
  // What has the path was truncated, or it is a copy that took its place.
  return file.order !== null || (kinship === "same" && wasRead({ marks }) && inode !== file.inode);
}

/**
 * A file of which nothing was read is known by little but its place. When a rotated file was written
 * since, and that is still where it was, it was copied and truncated.
 */
function wasTruncatedUnread(newest: Position | undefined, files: readonly ChainFile[]): boolean {
  if (newest === undefined || wasRead(newest)) return false;
  const current = files.find((file) => file.order === null);
  if (current === undefined || !isThere(newest, current)) return false;
  return files.some((file) => file.order !== null && file.mtimeMs > newest.mtimeMs);
}

/** One more copy of what was read, such as that which is being compressed. */
function isUnread(file: ChainFile, positions: readonly Position[]): boolean {
  return file.order === null || !positions.some((position) => isCopy(position, file));
}

function newerThan(
  newest: Position | undefined,
  lastKnown: { readonly position: Position; readonly file: ChainFile } | undefined,
  writtenAfterMs: number,
): (file: ChainFile) => boolean {
  return (file) => {
    if (file.order === null) return true;
    if (newest === undefined) return file.mtimeMs >= writtenAfterMs;
    const body = lastKnown?.position.id === newest.id ? lastKnown.file : null;
    if (body?.order === null) return false; // the newest of all is known
    const byName = body === null ? 0 : compareRotation(file.order, body.order);
    if (byName !== 0) return byName > 0;
    return file.mtimeMs >= (body ?? newest).mtimeMs;
  };
}

function compareFiles(a: ChainFile, b: ChainFile): number {
  if (a.order === null) return 1;
  if (b.order === null) return -1;
  return compareRotation(a.order, b.order) || a.mtimeMs - b.mtimeMs;
}
