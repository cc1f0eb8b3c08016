/**
 * How one node stands. Times are monotonic milliseconds, so that a step of the wall clock makes no
 * node silent.
 *
 *     left ──connected──▶ awaited ──tick──▶ up ──silence──▶ down ──tick──▶ up
 *                            └──────────grace is over─────────▲
 *     any ──goodbye──▶ left
 *
 * A connection alone is no sign of life and its end no proof of death: only ticks count.
 */
export type NodeState =
  // No tick yet; down if none comes by then. `wasUp`: it was up when the aggregator stopped.
  | { readonly kind: "awaited"; readonly dueMs: number; readonly wasUp: boolean }
  | { readonly kind: "up"; readonly heardMs: number }
  | { readonly kind: "down" }
  | { readonly kind: "left" };

/** `silence`: nothing happened, time went on. */
export type NodeEvent = "connected" | "tick" | "goodbye" | "silence";

/** A node that was never heard of is one that left: it becomes awaited by connecting. */
export const LEFT: NodeState = { kind: "left" };
const DOWN: NodeState = { kind: "down" };

/** How long a node that is known, or has connected, may take until its first tick. */
const GRACE_MS = 10_000;
const SILENCE_MIN_MS = 3000;
const SILENCE_INTERVALS = 3;

export function awaitedState(nowMs: number, wasUp: boolean): NodeState {
  return { kind: "awaited", dueMs: nowMs + GRACE_MS, wasUp };
}

/** How long a node with this tick interval may be silent before it is down. */
export function silenceMsOf(intervalMs: number): number {
  return Math.max(SILENCE_INTERVALS * intervalMs, SILENCE_MIN_MS);
}

export function nextNodeState(
  state: NodeState,
  event: NodeEvent,
  nowMs: number,
  silenceMs: number,
): NodeState {
  switch (event) {
    case "connected":
      return state.kind === "left" ? awaitedState(nowMs, false) : state;
    case "tick":
      // A tick that was still being written when the goodbye came does not bring the node back.
      return state.kind === "left" ? state : { kind: "up", heardMs: nowMs };
    case "goodbye":
      return LEFT;
    case "silence":
      return nowMs >= dueMsOf(state, silenceMs) ? DOWN : state;
  }
}

/** When silence makes the node down; Infinity where it does not. */
export function dueMsOf(state: NodeState, silenceMs: number): number {
  switch (state.kind) {
    case "awaited":
      return state.dueMs;
    case "up":
      return state.heardMs + silenceMs;
    default:
      return Number.POSITIVE_INFINITY;
  }
}

/**
 * As if the last sign of life had come `ms` later. For a stretch in which the aggregator itself did
 * not run or could not write: who does not listen cannot say who was silent.
 */
export function heardLater(state: NodeState, ms: number): NodeState {
  switch (state.kind) {
    case "awaited":
      return { ...state, dueMs: state.dueMs + ms };
    case "up":
      return { kind: "up", heardMs: state.heardMs + ms };
    default:
      return state;
  }
}

/**
 * The value of the node's `up`; null: it has none. A node that was up when the aggregator stopped is
 * taken to be up until the grace is over: a restart here is no event there. Of one that has only
 * just connected nothing is known.
 */
export function upValueOf(state: NodeState): 0 | 1 | null {
  switch (state.kind) {
    case "up":
      return 1;
    case "down":
      return 0;
    case "awaited":
      return state.wasUp ? 1 : null;
    case "left":
      return null;
  }
}
