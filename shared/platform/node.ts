import { setTimeout as delay } from "node:timers/promises";
import type { Clock } from "./ports.ts";

/** The machine's clock. */
export const nodeClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: (ms, signal) =>
    delay(Math.max(0, ms), undefined, signal && { signal }).catch((error) => {
      throw signal?.aborted ? signal.reason : error;
    }),
};
