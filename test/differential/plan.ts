import { SeededRandom } from "../support/random.ts";
import { type AlertPost, planAlerts } from "./alert-plan.ts";
import { planRouting, type RoutePlan, type RoutingPlan } from "./routing-plan.ts";
import { planSilences, type SilenceStep } from "./silence-plan.ts";

/** One configuration and what happens under it; the seed decides all but the minute of the clock. */
export type Plan = {
  readonly seed: number;
  readonly seconds: number;
  readonly routing: RoutingPlan;
  readonly alerts: readonly AlertPost[];
  readonly silences: readonly SilenceStep[];
};

/** @param nowMs Unix time: time intervals of the routing begin and end in the middle of the run */
export function makePlan(seed: number, seconds: number, nowMs: number): Plan {
  const random = new SeededRandom(`differential ${seed}`);
  const routing = planRouting(random.fork("routing"), nowMs);
  const resolveTimeoutS = Number.parseInt(routing.global.resolve_timeout, 10);
  const canFlap = !isGroupedByAll(routing.route);
  return {
    seed,
    seconds,
    routing,
    alerts: planAlerts(random.fork("alerts"), { resolveTimeoutS, seconds }, canFlap),
    silences: planSilences(random.fork("silences"), seconds),
  };
}

/** Somewhere in the tree each alert is a group of its own. */
function isGroupedByAll(route: RoutePlan): boolean {
  return route.group_by?.includes("...") || (route.routes ?? []).some(isGroupedByAll);
}
