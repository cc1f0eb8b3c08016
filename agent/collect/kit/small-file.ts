import { closeSync, openSync, readdirSync, readSync } from "node:fs";
import { systemCode } from "../../../shared/errors.ts";
import { ABSENT } from "./byte-scanner.ts";

const BYTES_MAX = 16 * 1024;
const bytes = Buffer.allocUnsafeSlow(BYTES_MAX);

/**
 * The text of a small file that is read seldom, so is not worth an open descriptor; its first 16 KiB
 * at most. The kernel makes such files in one piece, so one read is all. Null when it is not there or
 * its driver has nothing to say.
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

const UNKNOWN = new Set([2 ** 32 - 1, 2 ** 63, 2 ** 64]);

/**
 * Whether the value is -1, "unknown", that a driver wrote as an unsigned number: of 32 or 64 bits (as
 * the double next to it), or the largest of 64 bits with a sign.
 */
export function isUnknown(value: number): boolean {
  return UNKNOWN.has(value);
}

/**
 * The names in a directory that match: what the pattern's brackets hold, or else the whole. None where
 * there is no such directory.
 */
export function listNames(path: string, pattern: RegExp): string[] {
  try {
    return readdirSync(path).flatMap((name) => {
      const match = name.includes("/") ? null : pattern.exec(name);
      return match === null ? [] : [match[1] ?? name];
    });
  } catch (error) {
    const code = systemCode(error);
    if (code === "ENOENT" || code === "ENOTDIR") return [];
    throw error;
  }
}
