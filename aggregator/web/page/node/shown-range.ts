import { nowMs } from "../browser.ts";
import { parameters, setParameters, view } from "../route.ts";
import { movedRange, rangeOf, type TimeRange } from "./time-range.ts";

/** Makes it what the link says. */
export function showRange({ fromMs, toMs, isLive }: TimeRange): void {
  if (isLive) setParameters({ from: "", to: "" });
  else setParameters({ from: String(Math.round(fromMs)), to: String(Math.round(toMs)) });
}

export function moveTime(direction: number): void {
  if (view.value.kind !== "node") return;
  const now = nowMs();
  showRange(movedRange(rangeOf(parameters.value, now), direction, now));
}
