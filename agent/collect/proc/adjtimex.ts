import { OperationalError } from "../../../shared/errors.ts";
import { loadCLibrary } from "../../../shared/platform/c-library.ts";

/** Fills in a `struct timex` that asks for no change; returns the state of the clock. */
export type Adjtimex = (timex: Buffer) => number;

/**
 * adjtimex(2) of the C library: the one thing we ask that no file tells.
 * @throws OperationalError UNAVAILABLE where it cannot be had
 */
export function loadAdjtimex(): Adjtimex {
  const library = loadCLibrary();
  const call = library.func("int adjtimex(void *timex)");
  return (timex) => {
    const state = Number(call(timex));
    if (state >= 0) return state;
    throw new OperationalError("UNAVAILABLE", `adjtimex(2) was refused: errno ${library.errno()}`);
  };
}
