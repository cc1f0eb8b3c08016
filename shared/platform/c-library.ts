import { createRequire } from "node:module";
import { arch, endianness } from "node:os";
import { errorMessage, OperationalError } from "../errors.ts";

/** `async` calls it on a thread of libuv's pool; its last argument takes an error and the result. */
type CFunction = ((...values: unknown[]) => unknown) & {
  async(...values: unknown[]): void;
};

export type CLibrary = {
  /** A function of the C library by its prototype. */
  func(prototype: string): CFunction;
  errno(): number;
  /** Where the buffer's bytes are. They stay there as long as the buffer is kept. */
  addressOf(buffer: Uint8Array): bigint;
};

const ARCHITECTURES_64 = new Set(["x64", "arm64", "riscv64", "loong64", "ppc64"]);

/**
 * For the few calls that Node does not offer, or at several times the price. The library behind it
 * costs 2 MiB of memory, so it is loaded only when this is called.
 * @throws OperationalError UNAVAILABLE where it cannot be had
 */
export function loadCLibrary(): CLibrary {
  if (endianness() !== "LE" || !ARCHITECTURES_64.has(arch())) {
    throw new OperationalError("UNAVAILABLE", `Structures of ${arch()} are not known`);
  }
  try {
    const koffi: typeof import("koffi") = createRequire(import.meta.url)("koffi");
    const library = koffi.load(null);
    return {
      func: (prototype) => library.func(prototype),
      errno: () => koffi.errno(),
      addressOf: (buffer) => koffi.address(buffer),
    };
  } catch (cause) {
    const message = `The C library cannot be called: ${errorMessage(cause)}`;
    throw new OperationalError("UNAVAILABLE", message, { cause });
  }
}
