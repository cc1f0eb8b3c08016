import { strict as assert } from "node:assert";
import type { Random } from "../../shared/platform/ports.ts";
import { backoffMs } from "../../shared/time/backoff.ts";

/**
 * Which of several aggregators an agent sends to. It sends to one at a time. One that failed is
 * suspect: the others are taken before it, until it has been seen well for a while.
 */
export type ChoicePolicy = {
  /**
   * - `pick_first`: the first in the list that is well, and back to it when it is well again;
   * - `round_robin`: each connection to the next one, the first by chance;
   * - `random`: each connection by chance;
   * - `weighted`: by chance, in proportion to `weights`; without them, of two by chance the one that
   *   last said that it has less to do.
   */
  readonly kind: "pick_first" | "round_robin" | "random" | "weighted";
  /** One a destination, positive. */
  readonly weights: readonly number[] | null;
};

/** How one destination stands. Times are monotonic milliseconds. */
export type DestinationState = {
  /** Attempts in a row that failed, or broke soon: how long to wait for the next. */
  readonly failures: number;
  /** The same over a longer time: how long it has to be well to be trusted again. */
  readonly falls: number;
  readonly isSuspect: boolean;
  readonly retryAtMs: number;
  /** How long it has to be well before it is taken for it. */
  readonly holdMs: number;
  /** Since when each look at it found it well; null where the last did not, or there was none. */
  readonly wellSinceMs: number | null;
  /** What it last said of itself, permille; null where it said nothing yet. */
  readonly load: number | null;
};

export const UNTRIED: DestinationState = {
  failures: 0,
  falls: 0,
  isSuspect: false,
  retryAtMs: 0,
  holdMs: 0,
  wellSinceMs: null,
  load: null,
};

/** A connection that held this long counts as good: the next failure starts from a short wait. */
const STABLE_MS = 10_000;
/** One that is left again and again after shorter times is not gone back to as soon each time. */
const TRUSTED_MS = 300_000;
const RETRY = { firstMs: 100, maxMs: 3000 };
const HOLD = { firstMs: 5000, maxMs: 60_000 };
const LOAD_MAX = 1000;

/** An attempt failed, or the connection broke `heldMs` after it was begun. */
export function afterFailure(
  state: DestinationState,
  nowMs: number,
  heldMs: number,
  random: Random,
): DestinationState {
  const failures = heldMs >= STABLE_MS ? 1 : state.failures + 1;
  // From beginning to beginning: who waited for an answer that did not come has waited enough.
  const part = random();
  const retryAtMs =
    nowMs + Math.max(backoffMs(RETRY, failures, part) - heldMs, backoffMs(RETRY, 1, part));
  // Agents that lost it at one moment do not all come back at one moment.
  const falls = heldMs >= TRUSTED_MS ? 1 : state.falls + 1;
  const holdMs = (1 + random()) * backoffMs(HOLD, falls, 1);
  return { ...state, failures, falls, isSuspect: true, retryAtMs, holdMs, wellSinceMs: null };
}

/** The agent left it of its own will. */
export function afterGoodbye({ load }: DestinationState): DestinationState {
  return { ...UNTRIED, load };
}

/** It was asked whether it is well, while the agent sends elsewhere. */
export function afterProbe(
  state: DestinationState,
  nowMs: number,
  isWell: boolean,
): DestinationState {
  if (!isWell) return { ...state, wellSinceMs: null };
  const wellSinceMs = state.wellSinceMs ?? nowMs;
  const isSuspect = state.isSuspect && nowMs - wellSinceMs < state.holdMs;
  return { ...state, wellSinceMs, isSuspect };
}

/** @param load as it was said, any number */
export function afterLoad(state: DestinationState, load: number): DestinationState {
  return { ...state, load: Math.min(LOAD_MAX, Math.max(0, load)) };
}

/**
 * Where to connect next: by the policy among those that are not suspect, otherwise to whichever may
 * be tried soonest.
 * @param lastIndex where the last connection went, null before the first
 */
export function chooseDestination(
  states: readonly DestinationState[],
  policy: ChoicePolicy,
  lastIndex: number | null,
  random: Random,
): number {
  assert(states.length > 0);
  const well = [...states.keys()].filter((index) => states[index]?.isSuspect === false);
  const [first, second] = well;
  if (first === undefined) return soonest(states);
  if (second === undefined) return first;
  switch (policy.kind) {
    case "pick_first":
      return first;
    case "round_robin":
      if (lastIndex === null) return oneOf(well, random);
      return well.find((index) => index > lastIndex) ?? first;
    case "random":
      return oneOf(well, random);
    case "weighted": {
      const { weights } = policy;
      if (weights !== null) return byWeight(well, weights, random);
      const one = oneOf(well, random);
      const others = well.filter((index) => index !== one);
      const other = oneOf(others, random);
      return loadOf(states, other) < loadOf(states, one) ? other : one;
    }
  }
}

/** Whether the agent, sending to `current`, could send elsewhere at once. */
export function hasAlternative(states: readonly DestinationState[], current: number): boolean {
  return states.some(({ isSuspect }, index) => index !== current && !isSuspect);
}

/** Whether the agent should leave `current`, which is well, for one that it prefers. */
export function isReturnDue(
  states: readonly DestinationState[],
  policy: ChoicePolicy,
  current: number,
): boolean {
  if (policy.kind !== "pick_first") return false;
  return states.some(({ isSuspect }, index) => index < current && !isSuspect);
}

function soonest(states: readonly DestinationState[]): number {
  let best = 0;
  states.forEach(({ retryAtMs }, index) => {
    if (retryAtMs < (states[best]?.retryAtMs ?? 0)) best = index;
  });
  return best;
}

function oneOf(indexes: readonly number[], random: Random): number {
  return indexes[Math.floor(random() * indexes.length)] ?? 0;
}

function byWeight(indexes: readonly number[], weights: readonly number[], random: Random): number {
  let rest = random() * indexes.reduce((sum, index) => sum + (weights[index] ?? 0), 0);
  for (const index of indexes) {
    rest -= weights[index] ?? 0;
    if (rest < 0) return index;
  }
  return indexes.at(-1) ?? 0;
}

/** One that said nothing yet is asked before those that did: only so does it ever say. */
function loadOf(states: readonly DestinationState[], index: number): number {
  return states[index]?.load ?? -1;
}
