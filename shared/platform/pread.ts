import { readSync } from "node:fs";
import { OperationalError } from "../errors.ts";
import { loadCLibrary } from "./c-library.ts";
import { isFootprintKept } from "./footprint.ts";

/** Reads at most `length` bytes of the file from `position` into the buffer, at `offset` there. */
export type Pread = (
  descriptor: number,
  buffer: Buffer,
  offset: number,
  length: number,
  position: number,
) => number;

/**
 * pread(2) without the way through Node's file system layer, which takes longer than the kernel does
 * for a small file of its own; Node's where the C library cannot be called.
 */
export function loadPread(): Pread {
  if (!isFootprintKept) return readSync;
  try {
    const call = loadCLibrary().func(
      "int64_t pread(int descriptor, void *buffer, size_t length, int64_t position)",
    );
    return (descriptor, buffer, offset, length, position) => {
      const target = offset === 0 ? buffer : buffer.subarray(offset);
      const count = Number(call(descriptor, target, length, position));
      // What failed is asked again for the sake of the error's text.
      return count >= 0 ? count : readSync(descriptor, buffer, offset, length, position);
    };
  } catch (error) {
    if (error instanceof OperationalError) return readSync;
    throw error;
  }
}
