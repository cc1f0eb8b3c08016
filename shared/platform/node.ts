import { setTimeout as delay } from "node:timers/promises";
import type { Clock } from "./ports.ts";

/** The machine's clock. */
export const nodeClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: async (ms, signal) => {
    try {
      await delay(Math.max(0, ms), undefined, signal === undefined ? {} : { signal });
    } catch (error) {
      signal?.throwIfAborted(); // the reason given to abort(), not timers' own error
      throw error;
    }
  },
};
