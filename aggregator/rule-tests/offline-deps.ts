import type { Logger } from "../../shared/platform/ports.ts";
import { Metrics } from "../../shared/telemetry/metrics.ts";
import { type GroupDeps, ruleCounters } from "../rules/group.ts";

/** Of one test or one group: a test of a year at a minute each is shorter. */
export const EVALUATIONS_MAX = 1_000_000;

const SILENT: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/** For groups that nobody watches: what fails is told by their rules. */
export function offlineDeps(parts: Pick<GroupDeps, "alerts" | "clock" | "write">): GroupDeps {
  return { ...parts, logger: SILENT, counters: ruleCounters(new Metrics()) };
}
