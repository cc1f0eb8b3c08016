import type { Node__Output } from "../shared/wire/generated/telltale/v1/Node.ts";
import type { Color } from "./terminal.ts";

/** `awaited`: known, but not heard of since it connected or since the aggregator started. */
export type NodeState = "up" | "down" | "left" | "awaited";

export function nodeStateOf(node: Node__Output): NodeState {
  switch (node.state) {
    case "STATE_UP":
      return "up";
    case "STATE_DOWN":
      return "down";
    case "STATE_LEFT":
      return "left";
    default:
      return "awaited";
  }
}

export const NODE_COLORS: Record<NodeState, Color> = {
  up: "green",
  down: "red",
  left: "dim",
  awaited: "yellow",
};
