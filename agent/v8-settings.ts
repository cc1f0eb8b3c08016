import { setFlagsFromString } from "node:v8";

/*
 * What the agent allocates in a second fits in the smallest young generation many times over, and
 * most of it is dead by the next one. So the young generation need not grow, collecting it needs no
 * other threads, and the heap need not be compacted again and again while the agent waits: left to
 * itself V8 spends more CPU on that in the first minutes than on all the rest. And most functions run
 * once a second: one has to run twice as often as usual before it is worth compiling at length.
 */
for (const flag of [
  "--semi-space-growth-factor=1",
  "--no-parallel-scavenge",
  "--no-memory-reducer",
  "--interrupt-budget=300000",
]) {
  setFlagsFromString(flag);
}
