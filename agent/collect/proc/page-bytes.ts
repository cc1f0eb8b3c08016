import { readFileSync } from "node:fs";
import { systemCode } from "../../../shared/errors.ts";

/** Key of the page's size in the auxiliary vector. Source: getauxval(3). */
const AT_PAGESZ = 6n;
const PAIR_BYTES = 16;
const USUAL = 4096;

/** Bytes of a page of memory: 4 KiB, but 16 or 64 KiB on some ARM and POWER hosts. */
export function pageBytes(auxvPath: string): number {
  let bytes: Buffer;
  try {
    bytes = readFileSync(auxvPath);
  } catch (error) {
    // A captured tree has none.
    if (systemCode(error) !== null) return USUAL;
    throw error;
  }
  for (let at = 0; at + PAIR_BYTES <= bytes.length; at += PAIR_BYTES) {
    if (bytes.readBigUInt64LE(at) !== AT_PAGESZ) continue;
    const size = Number(bytes.readBigUInt64LE(at + 8));
    return size >= USUAL && size <= 1024 * 1024 ? size : USUAL;
  }
  return USUAL;
}
