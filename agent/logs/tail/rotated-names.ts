/**
 * The names that programs and logrotate give to a log that is complete: `x.log.1`, `x.log-20260102`,
 * `x.log.2026-01-02-13`, `x.log.old`; with its ending kept, `x.1.log`, `x-20260102.log`; each of them
 * with the ending of a compressor.
 */

/** Where a rotated file is among those of its scheme; schemes do not compare. */
export type RotationOrder =
  | { readonly scheme: "count"; readonly count: number } // 1 is the newest
  | { readonly scheme: "date"; readonly text: string }
  | { readonly scheme: "word" };

export type RotatedName = {
  readonly order: RotationOrder;
  /** "other" cannot be read. */
  readonly compression: "none" | "gzip" | "other";
  /** The name that it had before it was compressed. */
  readonly plainName: string;
};

const COMPRESSED = /\.(gz|bz2|xz|zst|lz4)$/;
const SEPARATORS = "._-";
const SUFFIX = /^[._-](?:\d[\d._:T+Z-]*|old|bak|prev)$/;
const COUNT = /^[._-](\d{1,3})$/;

/** What `name` says if it is a rotated form of `base`, otherwise null. */
export function rotatedName(name: string, base: string): RotatedName | null {
  const ending = COMPRESSED.exec(name);
  const plainName = ending === null ? name : name.slice(0, ending.index);
  const suffix = suffixOf(plainName, base);
  if (suffix === null || !SUFFIX.test(suffix)) return null;
  const compression = ending === null ? "none" : ending[1] === "gz" ? "gzip" : "other";
  return { order: orderOf(suffix), compression, plainName };
}

/**
 * The log that a rotated file with a suffix is of, otherwise null. Of names that keep their ending
 * it says nothing: `worker-1.log` may be a log by itself.
 */
export function baseOfRotated(name: string): string | null {
  const plainName = name.replace(COMPRESSED, "");
  for (let i = 1; i < plainName.length; i += 1) {
    if (SUFFIX.test(plainName.slice(i))) return plainName.slice(0, i);
  }
  return null;
}

/** All names that `name` may be a rotated form of. */
export function basesOfRotated(name: string): readonly string[] {
  const plainName = name.replace(COMPRESSED, "");
  const dot = plainName.lastIndexOf(".");
  const bases: string[] = [];
  for (let i = 1; i < plainName.length; i += 1) {
    if (!SEPARATORS.includes(plainName[i] ?? "")) continue;
    if (SUFFIX.test(plainName.slice(i))) bases.push(plainName.slice(0, i));
    if (i >= dot || !SUFFIX.test(plainName.slice(i, dot))) continue;
    bases.push(plainName.slice(0, i) + plainName.slice(dot));
  }
  return bases;
}

export function isCompressedName(name: string): boolean {
  return COMPRESSED.test(name);
}

/** Negative when `a` was rotated before `b`, 0 where their names do not tell. */
export function compareRotation(a: RotationOrder, b: RotationOrder): number {
  if (a.scheme === "count" && b.scheme === "count") return b.count - a.count;
  if (a.scheme === "date" && b.scheme === "date") {
    if (a.text === b.text) return 0;
    return a.text < b.text ? -1 : 1;
  }
  return 0;
}

function suffixOf(plainName: string, base: string): string | null {
  if (plainName.startsWith(base)) return plainName.slice(base.length);
  const dot = base.lastIndexOf(".");
  if (dot <= 0) return null;
  const [stem, ending] = [base.slice(0, dot), base.slice(dot)];
  const isKept = plainName.startsWith(stem) && plainName.endsWith(ending);
  if (!isKept || plainName.length <= base.length) return null;
  return plainName.slice(stem.length, plainName.length - ending.length);
}

function orderOf(suffix: string): RotationOrder {
  const count = COUNT.exec(suffix)?.[1];
  if (count !== undefined) return { scheme: "count", count: Number(count) };
  return /\d/.test(suffix) ? { scheme: "date", text: suffix } : { scheme: "word" };
}
