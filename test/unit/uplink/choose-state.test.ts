import { describe, expect, test } from "vitest";
import {
  afterFailure,
  afterGoodbye,
  afterLoad,
  afterProbe,
  type ChoicePolicy,
  chooseDestination,
  type DestinationState,
  hasAlternative,
  isReturnDue,
  UNTRIED,
} from "../../../agent/uplink/choose-state.ts";
import { SeededRandom } from "../../support/random.ts";

const policy = (kind: ChoicePolicy["kind"], weights: number[] | null = null) => ({ kind, weights });

/** One letter a destination: `w` well, `s` suspect, to be tried again the sooner the later it is. */
function states(text: string): DestinationState[] {
  return [...text].map((letter, index) => ({
    ...UNTRIED,
    isSuspect: letter === "s",
    retryAtMs: letter === "s" ? 1000 - index : 0,
  }));
}

/** How often each was chosen, in tenths. */
function shares(of: DestinationState[], by: ChoicePolicy, draws = 12_000): number[] {
  const random = new SeededRandom(5);
  const counts = of.map(() => 0);
  let last: number | null = null;
  for (let i = 0; i < draws; i += 1) {
    last = chooseDestination(of, by, last, random.next);
    counts[last] = (counts[last] ?? 0) + 1 / draws;
  }
  return counts.map((share) => Math.round(share * 10));
}

describe("the choice", () => {
  test.each([
    ["www", 0],
    ["sww", 1],
    ["ssw", 2],
  ])("pick_first of %s is %d, wherever it was before", (text, expected) => {
    for (const last of [null, 0, 1, 2]) {
      expect(chooseDestination(states(text), policy("pick_first"), last, () => 0.99)).toBe(
        expected,
      );
    }
  });

  test.each(["pick_first", "round_robin", "random", "weighted"] as const)(
    "where none is well, %s takes the one that may be tried soonest",
    (kind) => {
      expect(chooseDestination(states("sss"), policy(kind), 0, () => 0)).toBe(2);
      expect(chooseDestination(states("s"), policy(kind, [3]), null, () => 0)).toBe(0);
    },
  );

  test("round_robin goes round those that are well, and begins by chance", () => {
    const next = (text: string, last: number | null, random = 0) =>
      chooseDestination(states(text), policy("round_robin"), last, () => random);
    expect([0, 1, 2].map((last) => next("www", last))).toEqual([1, 2, 0]);
    expect([0, 1, 2].map((last) => next("wsw", last))).toEqual([2, 2, 0]);
    expect([0, 0.5, 0.9].map((random) => next("www", null, random))).toEqual([0, 1, 2]);
  });

  test("random and weights spread as they should over those that are well", () => {
    expect(shares(states("wwsw"), policy("random"))).toEqual([3, 3, 0, 3]);
    expect(shares(states("www"), policy("weighted", [1, 6, 3]))).toEqual([1, 6, 3]);
    expect(shares(states("wsw"), policy("weighted", [1, 6, 4]))).toEqual([2, 0, 8]);
  });

  test("by load, the busiest of all is never taken, and the idlest most", () => {
    const loads = [900, 100, 500].map((load) => afterLoad(UNTRIED, load));
    expect(shares(loads, policy("weighted"))).toEqual([0, 7, 3]);
  });

  test("by load, one that never said how busy it is comes before one that did", () => {
    const loads = [afterLoad(UNTRIED, 0), UNTRIED];
    expect(shares(loads, policy("weighted"))).toEqual([0, 10]);
  });
});

describe("a destination that failed", () => {
  const failed = afterFailure(UNTRIED, 1000, 50, () => 0.5);

  test("is suspect, and tried again after a wait that grows with each failure", () => {
    expect(failed).toMatchObject({ failures: 1, isSuspect: true, retryAtMs: 1050, holdMs: 7500 });
    const again = afterFailure(failed, 2000, 50, () => 0.5);
    expect(again).toMatchObject({ failures: 2, retryAtMs: 2050, holdMs: 15_000 });
    // What was spent waiting for an answer is no part of it any more.
    expect(afterFailure(again, 3000, 0, () => 0.5).retryAtMs).toBe(3200);
    expect(afterFailure(again, 3000, 120, () => 0.5).retryAtMs).toBe(3080);
    expect(afterFailure(again, 3000, 5000, () => 0.5).retryAtMs).toBe(3050);
    const much = Array.from({ length: 40 }).reduce<DestinationState>(
      (state) => afterFailure(state, 0, 0, () => 0.99),
      UNTRIED,
    );
    expect(much.retryAtMs).toBeLessThan(5000);
    expect(much.holdMs).toBeLessThan(120_000);
  });

  test("after a connection that held counts from the first failure again", () => {
    const often = afterFailure(failed, 2000, 50, () => 0.5);
    expect(afterFailure(often, 90_000, 10_000, () => 0.5).failures).toBe(1);
  });

  test("that is left after some seconds again and again is gone back to ever later", () => {
    let state = UNTRIED;
    const holds = [20_000, 20_000, 20_000, 300_000].map((heldMs) => {
      state = afterFailure(state, 0, heldMs, () => 0);
      return state.holdMs;
    });
    expect(holds).toEqual([5000, 10_000, 20_000, 5000]);
  });

  test("is taken for well only when every look found it so for its whole hold", () => {
    const story = (looks: [number, boolean][]) =>
      looks.reduce((state, [atMs, isWell]) => afterProbe(state, atMs, isWell), failed).isSuspect;
    const well = (...timesMs: number[]) => timesMs.map((atMs): [number, boolean] => [atMs, true]);
    expect(story(well(2000))).toBe(true);
    expect(story(well(2000, 9499))).toBe(true);
    expect(story(well(2000, 9500))).toBe(false);
    expect(story([...well(2000), [6000, false], ...well(8000, 15_499)])).toBe(true);
  });

  test("one that the agent left of its own will is as good as new, its load is remembered", () => {
    expect(afterGoodbye(afterLoad(failed, 70))).toEqual({ ...UNTRIED, load: 70 });
  });

  test("a load beyond all numbers is no more than full", () => {
    expect(afterLoad(UNTRIED, 4_000_000_000).load).toBe(1000);
  });
});

test.each([
  ["ww", 0, true],
  ["sw", 1, false],
  ["ss", 0, false],
  ["w", 0, false],
])("of %s, at %d: could go elsewhere is %s", (text, current, expected) => {
  expect(hasAlternative(states(text), current)).toBe(expected);
});

test.each([
  ["pick_first", "wsw", 2, true],
  ["pick_first", "sww", 2, true],
  ["pick_first", "sww", 1, false],
  ["pick_first", "www", 0, false],
  ["random", "www", 2, false],
] as const)("%s among %s, at %d: to go to a preferred one is %s", (kind, text, current, due) => {
  expect(isReturnDue(states(text), policy(kind), current)).toBe(due);
});
