import { createRequire } from "node:module";
import { arch, endianness } from "node:os";
import { errorMessage, OperationalError } from "../../../shared/errors.ts";

/** Fills in a `struct timex` that asks for no change; returns the state of the clock. */
export type Adjtimex = (timex: Buffer) => number;

const ARCHITECTURES_64 = new Set(["x64", "arm64", "riscv64", "loong64", "ppc64"]);

/**
 * adjtimex(2) of the C library: the one thing we ask that no file tells. The library for foreign
 * functions costs 2 MiB of memory, so it is loaded only when this is called.
 * @throws OperationalError UNAVAILABLE where it cannot be had
 */
export function loadAdjtimex(): Adjtimex {
  if (endianness() !== "LE" || !ARCHITECTURES_64.has(arch())) {
    throw new OperationalError("UNAVAILABLE", `adjtimex(2) is not known on ${arch()}`);
  }
  try {
    const koffi: typeof import("koffi") = createRequire(import.meta.url)("koffi");
    const call = koffi.load(null).func("int adjtimex(void *timex)");
    return (timex) => {
      const state = Number(call(timex));
      if (state >= 0) return state;
      throw new OperationalError("UNAVAILABLE", `adjtimex(2) was refused: errno ${koffi.errno()}`);
    };
  } catch (cause) {
    const message = `adjtimex(2) cannot be called: ${errorMessage(cause)}`;
    throw new OperationalError("UNAVAILABLE", message, { cause });
  }
}
