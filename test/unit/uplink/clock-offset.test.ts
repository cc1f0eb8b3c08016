import { expect, test } from "vitest";
import { ClockOffset } from "../../../agent/uplink/clock-offset.ts";
import { SeededRandom } from "../../support/random.ts";

const WALL_MS = 1_767_700_800_000;

/** Asks at `atMs`; this clock is `aheadMs` ahead, the ways take `upMs` and `downMs`. */
function ask(
  offset: ClockOffset,
  at: { atMs: number; aheadMs: number; upMs: number; downMs: number; workMs?: number },
): void {
  const { atMs, aheadMs, upMs, downMs, workMs = 0 } = at;
  const receivedMs = WALL_MS + atMs + upMs;
  const sentMs = receivedMs + workMs;
  const moment = (ms: number) => ({ wallMs: WALL_MS + ms + aheadMs, monotonicMs: ms });
  offset.add(moment(atMs), { receivedMs, sentMs }, moment(atMs + upMs + workMs + downMs));
}

const now = (atMs: number, aheadMs: number) => ({
  wallMs: WALL_MS + atMs + aheadMs,
  monotonicMs: atMs,
});

test("nothing is known before the first answer", () => {
  expect(new ClockOffset().measure(now(0, 0))).toBeNull();
});

test.each([0, 3250, -86_400_000])(
  "a clock that is %i ms ahead is, by ways of the same length",
  (aheadMs) => {
    const offset = new ClockOffset();
    ask(offset, { atMs: 1000, aheadMs, upMs: 40, downMs: 40, workMs: 700 });
    expect(offset.measure(now(5000, aheadMs))).toEqual({ aheadMs, roundTripMs: 80 });
  },
);

test("it is never wrong by more than half the shortest way", () => {
  const random = new SeededRandom("ways");
  const offset = new ClockOffset();
  for (let i = 0; i < 200; i += 1) {
    const [upMs, downMs] = [random.between(0, 400), random.between(0, 400)];
    ask(offset, { atMs: i * 30_000, aheadMs: -1234, upMs, downMs });
    const { aheadMs = 0, roundTripMs = 0 } = offset.measure(now(i * 30_000, -1234)) ?? {};
    expect(Math.abs(aheadMs + 1234)).toBeLessThanOrEqual(roundTripMs / 2 + 0.001);
    expect(roundTripMs).toBeLessThanOrEqual(upMs + downMs + 0.001);
  }
});

test("a jump of this clock shows at once, one of the other with the next answer", () => {
  const offset = new ClockOffset();
  ask(offset, { atMs: 0, aheadMs: 10, upMs: 1, downMs: 1 });
  expect(offset.measure(now(100, 5010))?.aheadMs).toBe(5010);
  // The aggregator's clock is set back: this one is further ahead of it, by a slower answer too.
  ask(offset, { atMs: 30_000, aheadMs: 8010, upMs: 150, downMs: 150 });
  expect(offset.measure(now(30_300, 8010))?.aheadMs).toBe(8010);
});
