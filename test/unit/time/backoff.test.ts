import { expect, test } from "vitest";
import { backoffMs } from "../../../shared/time/backoff.ts";

const LIMITS = { firstMs: 100, maxMs: 3000 };

test.each([
  [1, 100],
  [2, 200],
  [5, 1600],
  [6, 3000],
  [5000, 3000],
])("after %i failures the wait is at most %i ms, and may be 0", (failures, boundMs) => {
  expect(backoffMs(LIMITS, failures, 1)).toBe(boundMs);
  expect(backoffMs(LIMITS, failures, 0.25)).toBe(boundMs / 4);
  expect(backoffMs(LIMITS, failures, 0)).toBe(0);
});
