import { expect, test } from "vitest";
import { loadPermille, nextBusyShare } from "../../../aggregator/commit/load-state.ts";

test("the share of commits is that of the time they took, whatever the pieces", () => {
  let state = { share: 0, atMs: 0 };
  for (let atMs = 0; atMs < 100_000; atMs += 1000) {
    state = nextBusyShare(state, atMs + 750, false);
    state = nextBusyShare(state, atMs + 1000, true);
  }
  expect(state.share).toBeGreaterThan(0.24);
  expect(state.share).toBeLessThan(0.28);
});

test.each([
  ["a commit that hangs", { share: 0, atMs: 0 }, 60_000, true, 0.99, 1],
  ["nothing to do for long", { share: 1, atMs: 0 }, 60_000, false, 0, 0.01],
  ["asked twice at one moment", { share: 0.5, atMs: 7 }, 7, true, 0.5, 0.5],
])("%s", (_what, state, nowMs, isBusy, least, most) => {
  const { share } = nextBusyShare(state, nowMs, isBusy);
  expect(share).toBeGreaterThanOrEqual(least);
  expect(share).toBeLessThanOrEqual(most);
});

test("the load is the scarcer of time and memory, at most 1000", () => {
  expect(loadPermille(0.25, 0.1)).toBe(250);
  expect(loadPermille(0.1, 0.4)).toBe(400);
  expect(loadPermille(0, 1.02)).toBe(1000);
});
