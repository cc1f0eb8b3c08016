import { setFlagsFromString } from "node:v8";
import { isFootprintKept } from "../../shared/platform/footprint.ts";

/**
 * What the agent allocates in a second fits in the smallest young generation many times over, and
 * most of it is dead by the next one. So the young generation need not grow, and collecting it needs
 * no other threads. The rest of the heap is collected when the agent says so (program-pages.ts): left
 * to itself V8 marks all of it three times over in other threads while the agent waits, which takes
 * more CPU than a minute of ticks.
 */
const MEMORY = [
  "--semi-space-growth-factor=1",
  "--no-parallel-scavenge",
  "--no-incremental-marking",
];

type Flags = {
  readonly atStart: readonly string[];
  /** When the first ticks have run. */
  readonly later: readonly string[];
};

/**
 * V8 optimises what the first ticks run much of early, and the rest hardly ever: most functions run
 * once a second, and would be optimised one by one over minutes, for more CPU than they then save.
 * The budget is in bytes of code that a function runs between two looks at whether to optimise it.
 */
const BY_BUDGET: Flags = {
  atStart: ["--interrupt-budget=15000"],
  later: ["--interrupt-budget=3000000"],
};
/**
 * The same where V8 counts calls. Its second optimising compiler would do all of it once more, and
 * what its baseline compiler makes is larger than it is faster.
 */
const BY_CALLS: Flags = {
  atStart: ["--no-maglev", "--no-sparkplug", "--invocation-count-for-turbofan=660"],
  later: ["--invocation-count-for-turbofan=130000"],
};

/** By V8's major version. One that is not here gets no flags: V8 prints an error for unknown ones. */
const OPTIMISING: ReadonlyMap<string, Flags> = new Map([
  ["11", BY_BUDGET], // Node 20
  ["12", BY_CALLS], // Node 22
  ["13", BY_CALLS], // Node 24
  ["14", BY_CALLS], // Node 26
]);
const FIRST_TICKS_MS = 10_000;

export function flagsFor(v8Version: string): { readonly memory: readonly string[] } & Flags {
  const optimising = OPTIMISING.get(v8Version.split(".")[0] ?? "");
  if (optimising === undefined) return { memory: [], atStart: [], later: [] };
  return { memory: MEMORY, ...optimising };
}

const flags = flagsFor(isFootprintKept ? process.versions.v8 : "");
// At the import, which is the first of all: what is loaded after it already counts.
set(flags.memory);

export function optimiseFirstTicks(): void {
  set(flags.atStart);
  setTimeout(() => set(flags.later), FIRST_TICKS_MS).unref();
}

function set(list: readonly string[]): void {
  for (const flag of list) setFlagsFromString(flag);
}
