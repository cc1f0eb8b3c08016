/**
 * Rotated files form a chain: `x.log` becomes `x.log.1`, `x.log.2`, `x.log.3.gz`. Decides where each
 * file that was being read is now, and which files of the chain nobody has read yet.
 *
 * A file that was seen, or a copy of it, is known by its content (`Kinship`). Programs may begin all
 * their files alike, so of a file of which little was read several may be it; but files and positions
 * are both in the order of time. So the pairs are chosen together: those that cross no other pair and
 * have the most weight, and among equals the older file for the older position. What is newer than the
 * newest pair is unread. What is older was there before the path was followed, and is not read.
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
  readonly size: number;
  readonly mtimeMs: number;
  readonly isCompressed: boolean;
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
  /** Positions of files that were empty, and are not: whatever they are now is in `fresh`. */
  readonly empty: readonly Position[];
  /** To be read from their beginning, oldest first. */
  readonly fresh: readonly File[];
};

/** How much a pair says. A file that was renamed kept its number, which a copy has by chance only. */
const WEIGHT = { renamed: 20, sure: 16, shorter: 4, weak: 1 } as const;
/** Compressors may keep whole seconds of the time of a file only. */
const MTIME_STEP_MS = 1000;

/**
 * @param positions of one path, oldest first
 * @param writtenAfterMs without any position: what was written before this is not read
 */
export function resolveChain<File extends ChainFile>(
  positions: readonly Position[],
  files: readonly File[],
  { writtenAfterMs, nowMs }: { readonly writtenAfterMs: number; readonly nowMs: number },
): Chain<File> {
  const byAge = [...files].sort(compareFiles);
  const wanted = positions.filter(isKnown);
  const found = pairs(wanted, byAge);
  const taken = new Set(found.values());
  for (const position of wanted) {
    // Its name is out of order.
    const file = byAge.find((one) => !taken.has(one) && isThere(position, one));
    if (found.has(position.id) || file === undefined) continue;
    found.set(position.id, file);
    taken.add(file);
  }
  const lastKnown = byAge.findLastIndex((file) => taken.has(file));
  for (const position of positions) {
    const file = byAge.find((one) => !taken.has(one) && isStillEmpty(position, one));
    if (file === undefined) continue;
    found.set(position.id, file);
    taken.add(file);
  }
  const known = positions.flatMap((position) => {
    const file = found.get(position.id);
    return file === undefined ? [] : [{ position, file }];
  });
  const missing = wanted.filter(({ id }) => !found.has(id));
  const empty = positions.filter((position) => !isKnown(position) && !found.has(position.id));
  // What is newer than a file that was followed is fresh, whatever its time: a clock may be set back.
  const followed = byAge.findIndex((file) => {
    return !taken.has(file) && empty.some((one) => !one.isDone && isInPlace(one, file));
  });
  const isFresh = (file: File, index: number) => {
    if (taken.has(file)) return false;
    if (file.order === null || (followed >= 0 && index >= followed)) return true;
    if (lastKnown >= 0) return index > lastKnown;
    const newest = positions.at(-1);
    if (newest === undefined) return file.mtimeMs >= writtenAfterMs;
    const isLater = file.mtimeMs >= newest.mtimeMs || nowMs < newest.mtimeMs;
    return isLater && !wanted.some((position) => isExact(position, file));
  };
  return { known, missing, empty, fresh: byAge.filter(isFresh) };
}

/** Whether any of its content was seen. Otherwise nothing but its place is known. */
export function isKnown({ head }: Pick<Position, "head">): boolean {
  return head.bytes > 0;
}

/** The file of each position by its id, of those pairs of which no two cross. */
function pairs<File extends ChainFile>(
  positions: readonly Position[],
  files: readonly File[],
): Map<number, File> {
  const width = files.length + 1;
  const best = new Float64Array((positions.length + 1) * width);
  const current = files.find(({ order }) => order === null) ?? null;
  const gain = (p: number, f: number): number => {
    const [position, file] = [positions[p], files[f]];
    const own = position === undefined || file === undefined ? 0 : weight(position, file, current);
    return own === 0 ? -1 : own + (best[(p + 1) * width + f + 1] ?? 0);
  };
  for (let p = positions.length - 1; p >= 0; p -= 1) {
    for (let f = files.length - 1; f >= 0; f -= 1) {
      const skipped = Math.max(best[(p + 1) * width + f] ?? 0, best[p * width + f + 1] ?? 0);
      best[p * width + f] = Math.max(gain(p, f), skipped);
    }
  }
  const found = new Map<number, File>();
  for (let p = 0, f = 0; p < positions.length && f < files.length; ) {
    const [position, file] = [positions[p], files[f]];
    const all = best[p * width + f] ?? 0;
    if (position !== undefined && file !== undefined && all > 0 && gain(p, f) === all) {
      found.set(position.id, file);
      p += 1;
      f += 1;
    } else if (best[p * width + f + 1] === all) f += 1;
    else p += 1;
  }
  return found;
}

/** 0 when the position cannot be of that file. */
function weight(position: Position, file: ChainFile, current: ChainFile | null): number {
  const kinship = file.kinship.get(position.id) ?? "other";
  if (kinship === "other") return 0;
  if (isThere(position, file)) return file.order === null ? WEIGHT.sure : WEIGHT.renamed;
  // What has the path and the number was truncated; with another number a copy took its place.
  if (file.order === null && (kinship !== "same" || isInPlace(position, file))) return 0;
  if (kinship === "shorter") {
    const wasTruncated = current !== null && isInPlace(position, current) && !position.isDone;
    return wasTruncated || position.isShort ? WEIGHT.shorter : 0;
  }
  // A copy is not older than what it is of, and of a file that was complete it has the size.
  const fromMs = Math.floor(position.mtimeMs / MTIME_STEP_MS) * MTIME_STEP_MS;
  if (file.mtimeMs < fromMs) return WEIGHT.weak;
  return position.isDone && !isExact(position, file) ? WEIGHT.weak : WEIGHT.sure;
}

/** The file itself, under whatever name. One that got shorter is another file in the same place. */
function isThere(position: Position, file: ChainFile): boolean {
  return isInPlace(position, file) && file.kinship.get(position.id) === "same";
}

function isInPlace({ device, inode }: Position, file: ChainFile): boolean {
  return file.device === device && file.inode === inode;
}

function isStillEmpty(position: Position, file: ChainFile): boolean {
  const isSame = file.size === 0 && file.mtimeMs === position.mtimeMs;
  return isSame && !isKnown(position) && !position.isDone && isInPlace(position, file);
}

/** Of the size of a compressed one nothing is known. */
function isExact({ id, offset }: Position, file: ChainFile): boolean {
  return file.kinship.get(id) === "same" && (file.isCompressed || file.size === offset);
}

function compareFiles(a: ChainFile, b: ChainFile): number {
  if (a.order === null) return 1;
  if (b.order === null) return -1;
  return compareRotation(a.order, b.order) || a.mtimeMs - b.mtimeMs;
}
