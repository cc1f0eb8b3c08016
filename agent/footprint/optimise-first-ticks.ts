import { setFlagsFromString } from "node:v8";

/** Bytes of a function's code that are run between two looks at whether to optimise it. */
const BUDGET_FIRST = 15_000;
const BUDGET_LATER = 3_000_000;
const FIRST_MS = 10_000;

/**
 * Has V8 optimise what a tick runs much of now, in the first ticks, and leave the rest alone: most
 * functions run once a second, and would be optimised one by one over minutes, for more CPU than
 * they then save.
 */
export function optimiseFirstTicks(): void {
  setFlagsFromString(`--interrupt-budget=${BUDGET_FIRST}`);
  setTimeout(() => setFlagsFromString(`--interrupt-budget=${BUDGET_LATER}`), FIRST_MS).unref();
}
