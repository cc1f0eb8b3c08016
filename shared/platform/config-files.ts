import { readdirSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { errorMessage, OperationalError, systemCode } from "../errors.ts";

/** Bytes of one configuration or rule file, at most. */
export const CONFIG_BYTES_MAX = 1024 ** 2;
const FILES_MAX = 10_000;

/**
 * The text of a configuration or rule file; null where there is none.
 * @throws OperationalError CONFIG when it cannot be read or is too large
 */
export function readConfigFile(path: string): string | null {
  const size = ifThere(path, () => statSync(path).size) ?? 0;
  if (size > CONFIG_BYTES_MAX) {
    throw new OperationalError("CONFIG", `${path}: larger than ${CONFIG_BYTES_MAX} bytes`);
  }
  return ifThere(path, () => readFileSync(path, "utf8"));
}

/**
 * The files of a path whose last part may hold `*` and `?`, sorted by name; none is a good answer
 * for a pattern, but a plain path must be there.
 * @throws OperationalError CONFIG
 */
export function readConfigFiles(pattern: string): { path: string; text: string }[] {
  const isPattern = /[*?]/.test(basename(pattern));
  const paths = isPattern ? pathsOf(pattern) : [pattern];
  return paths.map((path) => {
    const text = readConfigFile(path);
    if (text === null) throw new OperationalError("CONFIG", `${path}: there is no such file`);
    return { path, text };
  });
}

function pathsOf(pattern: string): string[] {
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
