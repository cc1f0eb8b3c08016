import type { Node__Output } from "../shared/wire/generated/telltale/v1/Node.ts";
import type { Color } from "./terminal.ts";

/** `awaited`: known, but not heard of since it connected or since the aggregator started. */
export type NodeState = "up" | "down" | "left" | "awaited";

const STATES: ReadonlyMap<Node__Output["state"], NodeState> = new Map([
  ["STATE_UP", "up"],
  ["STATE_DOWN", "down"],
  ["STATE_LEFT", "left"],
]);

export function nodeStateOf({ state }: Node__Output): NodeState {
  return STATES.get(state) ?? "awaited";
}

export const NODE_COLORS: Record<NodeState, Color> = {
  up: "green",
  down: "red",
  left: "dim",
  awaited: "yellow",
};
