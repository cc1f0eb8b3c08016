import type { ActiveState } from "../model/alert.ts";

/** What one evaluation says of one alert's series. */
export type Presence =
  | "present" // the expression gives the series: the condition holds
  | "absent" // its data is there, the condition does not hold
  | "no-data"; // neither the expression nor its data side gives the series

/** What missing data means to a rule: nothing, the condition holding, or it not holding. */
export type NoDataPolicy = "keep" | "fire" | "resolve";

export type AlertTiming = {
  readonly forMs: number;
  readonly keepFiringForMs: number;
  readonly noData: NoDataPolicy;
};

/** Where one alert (one rule, one label set) stands. */
export type AlertState = { readonly kind: "inactive" } | ActiveState;

export const INACTIVE: AlertState = { kind: "inactive" };

/**
 * The state after an evaluation at `nowMs`; same rules as a Prometheus alerting rule, and silence is
 * not recovery: with the policy `keep` an alert without data stays exactly as it was. A time that is
 * yet to come, because the clock was set back since, counts as now.
 */
export function nextAlertState(
  state: AlertState,
  presence: Presence,
  nowMs: number,
  timing: AlertTiming,
): AlertState {
  if (presence === "no-data" && timing.noData === "keep") {
    return state.kind === "inactive" ? INACTIVE : { ...state, isNoData: true };
  }
  const isNoData = presence === "no-data" && timing.noData === "fire";
  const isPresent = presence === "present" || isNoData;
  switch (state.kind) {
    case "inactive":
      return isPresent ? whenPresent(nowMs, nowMs, timing, isNoData) : INACTIVE;
    case "pending":
      return isPresent
        ? whenPresent(Math.min(state.activeAtMs, nowMs), nowMs, timing, isNoData)
        : INACTIVE;
    case "firing": {
      if (isPresent) return { ...state, absentSinceMs: null, isNoData };
      const absentSinceMs = Math.min(state.absentSinceMs ?? nowMs, nowMs);
      const isHeld = nowMs - absentSinceMs < timing.keepFiringForMs;
      return isHeld ? { ...state, absentSinceMs, isNoData: false } : INACTIVE;
    }
  }
}

function whenPresent(
  activeAtMs: number,
  nowMs: number,
  timing: AlertTiming,
  isNoData: boolean,
): AlertState {
  return nowMs - activeAtMs >= timing.forMs
    ? { kind: "firing", activeAtMs, absentSinceMs: null, isNoData }
    : { kind: "pending", activeAtMs, isNoData };
}
