import { setFlagsFromString } from "node:v8";

/*
 * What the agent allocates in a second fits in the smallest young generation many times over, and
 * most of it is dead by the next one. So the young generation need not grow, and collecting it needs
 * no other threads. The rest of the heap is collected when the agent says so
 * (program-pages.ts): left to itself V8 marks all of it three times over in other threads while the
 * agent waits, which takes more CPU than a minute of ticks.
 */
for (const flag of [
  "--semi-space-growth-factor=1",
  "--no-parallel-scavenge",
  "--no-incremental-marking",
]) {
  setFlagsFromString(flag);
}
