import { closeSync, constants, fstatSync, openSync, readdirSync, readSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { errorMessage, OperationalError, systemCode } from "../errors.ts";

/** Bytes of one configuration or rule file, at most. */
export const CONFIG_BYTES_MAX = 1024 ** 2;
const PIECE_BYTES = 64 * 1024;
const FILES_MAX = 10_000;

/**
 * The text of a configuration or rule file; null where there is none.
 * @throws OperationalError CONFIG when it cannot be read, is too large or is no UTF-8
 */
export function readConfigFile(path: string): string | null {
  const bytes = ifThere(path, () => readBytes(path, CONFIG_BYTES_MAX + 1));
  if (bytes === null) return null;
  if (bytes.length > CONFIG_BYTES_MAX) {
    throw new OperationalError("CONFIG", `${path}: larger than ${CONFIG_BYTES_MAX} bytes`);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new OperationalError("CONFIG", `${path}: not valid UTF-8`);
  }
}

/** What the caller of the program has opened for it, such as by `<(…)`, and devices. */
const HANDED_OVER = /^\/(?:dev|proc\/self\/fd)\//;

/**
 * At most so many of its first bytes: a device has no size, and need not end. A pipe in a folder is
 * refused: reading it would wait for whoever writes to it.
 */
function readBytes(path: string, max: number): Buffer {
  const isHandedOver = HANDED_OVER.test(path);
  const file = openSync(path, isHandedOver ? "r" : constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if (!isHandedOver && !fstatSync(file).isFile()) throw new Error("not a regular file");
    const pieces: Buffer[] = [];
    for (let left = max; left > 0; ) {
      const piece = Buffer.alloc(Math.min(left, PIECE_BYTES));
      const count = readSync(file, piece);
      if (count === 0) break;
      pieces.push(piece.subarray(0, count));
      left -= count;
    }
    return Buffer.concat(pieces);
  } finally {
    closeSync(file);
  }
}

/**
 * The files of a path whose last part may hold `*` and `?`, sorted by name; none is a good answer
 * for a pattern, but a plain path must be there.
 * @throws OperationalError CONFIG
 */
export function readConfigFiles(pattern: string): { path: string; text: string }[] {
  return matchingPaths(pattern).map((path) => {
    const text = readConfigFile(path);
    if (text === null) throw new OperationalError("CONFIG", `${path}: there is no such file`);
    return { path, text };
  });
}

/** A plain path is its own match, there or not. @throws OperationalError CONFIG */
export function matchingPaths(pattern: string): string[] {
  if (!/[*?]/.test(basename(pattern))) return [pattern];
  const folder = dirname(pattern);
  const form = basename(pattern)
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  const matches = new RegExp(`^${form}$`);
  const all = ifThere(folder, () => readdirSync(folder)) ?? [];
  const names = all.filter((name) => matches.test(name) && !name.startsWith("."));
  if (names.length > FILES_MAX) {
    throw new OperationalError("CONFIG", `${pattern}: ${names.length} files, over ${FILES_MAX}`);
  }
  return names.sort().map((name) => join(folder, name));
}

/** Null where there is no such file or folder. @throws OperationalError CONFIG */
function ifThere<T>(path: string, read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (systemCode(error) === "ENOENT") return null;
    throw new OperationalError("CONFIG", `${path}: cannot be read: ${errorMessage(error)}`);
  }
}
