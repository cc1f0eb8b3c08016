import { closeSync, openSync, readdirSync, readSync } from "node:fs";
import { systemCode } from "../../../shared/errors.ts";
import { ABSENT } from "./byte-scanner.ts";

const BYTES_MAX = 16 * 1024;
const NAME_CHARACTERS_MAX = 255;
const bytes = Buffer.allocUnsafeSlow(BYTES_MAX);

/**
 * The text of a small file that is read seldom, so is not worth an open descriptor; its first 16 KiB
 * at most. Null when it is not there or its driver has nothing to say.
 */
export function readSmallFile(path: string): string | null {
  return readSmallBytes(path)?.toString("utf8").trim() ?? null;
}

/** The same as bytes, which are valid until the next read. */
export function readSmallBytes(path: string): Buffer | null {
  let descriptor = -1;
  try {
    descriptor = openSync(path, "r");
    const length = readSync(descriptor, bytes, 0, BYTES_MAX, 0);
    return bytes.subarray(0, length);
  } catch {
    // Drivers answer for what they do not have with half a dozen different codes.
    return null;
  } finally {
    if (descriptor >= 0) closeSync(descriptor);
  }
}

/** A whole number, decimal or `0x…`; ABSENT where there is none, or it is negative. */
export function numberIn(text: string | null): number {
  if (text === null || !/^(?:\d{1,20}|0x[0-9a-f]{1,16})$/i.test(text)) return ABSENT;
  return Number(text);
}

/**
 * What a directory holds, in its order; none where there is no such directory. Of more than
 * `namesMax`, only so many and one, so that the caller sees it.
 */
export function listNames(path: string, namesMax: number): string[] {
  try {
    const names = readdirSync(path).filter(isPlainName);
    if (names.length > namesMax) names.length = namesMax + 1;
    return names;
  } catch (error) {
    const code = systemCode(error);
    if (code === "ENOENT" || code === "ENOTDIR") return [];
    throw error;
  }
}

function isPlainName(name: string): boolean {
  return name.length <= NAME_CHARACTERS_MAX && !name.includes("/") && !/^\.{1,2}$/.test(name);
}
