import { nowMs } from "../browser.ts";
import { parameters, setParameters, view } from "../route.ts";
import { movedRange, rangeOf, type TimeRange } from "./time-range.ts";

/** Views of a time that one can move in. */
const HAVE_TIME: ReadonlySet<string> = new Set([
  "alerts",
  "compare",
  "container",
  "explore",
  "logs",
  "node",
  "service",
]);

/** Makes it what the link says. */
export function showRange({ fromMs, toMs, isLive }: TimeRange): void {
  if (isLive) setParameters({ from: "", to: "" });
  else setParameters({ from: String(Math.round(fromMs)), to: String(Math.round(toMs)) });
}

export function moveTime(direction: number): void {
  if (!HAVE_TIME.has(view.value.kind)) return;
  const now = nowMs();
  showRange(movedRange(rangeOf(parameters.value, now), direction, now));
}
