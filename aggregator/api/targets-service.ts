import type { Logger } from "../../shared/platform/ports.ts";
import type { NodeTargets } from "../../shared/wire/generated/telltale/v1/NodeTargets.ts";
import type { TargetsHandlers } from "../../shared/wire/generated/telltale/v1/Targets.ts";
import { answer } from "../../shared/wire/grpc-answer.ts";
import type { QueryApi } from "./query-api.ts";
import { queryStatus, runOptions } from "./query-service.ts";
import type { StandingTarget, StandingTargets } from "./standing-targets.ts";

const HEALTHS = {
  unknown: "TARGET_HEALTH_UNKNOWN",
  up: "TARGET_HEALTH_UP",
  down: "TARGET_HEALTH_DOWN",
} as const;

/** The gRPC service telltale.v1.Targets. */
export function createTargetsService(api: QueryApi, logger: Logger): TargetsHandlers {
  return {
    List: answer(
      async ({ node }, call) => {
        const all = await api.targets(runOptions(call, api.nowMs()));
        const wanted = all.filter((one) => node === "" || one.node === node);
        return { nodes: wanted.map(nodeMessage) };
      },
      logger,
      queryStatus,
    ),
  };
}

function nodeMessage({ node, isUp, toldMs, targets, notes }: StandingTargets): NodeTargets {
  const { dropped, droppedCounts, refused, offers } = notes;
  return {
    node,
    isUp,
    toldMs,
    targets: targets.map(targetMessage),
    notes: {
      ...notes,
      dropped: dropped.map((one) => ({ ...one, discovered: [...one.discovered] })),
      droppedCounts: [...droppedCounts],
      refused: [...refused],
      offers: [...offers],
    },
  };
}

function targetMessage({ lastScrapeMs, scrapeSeconds, samples, ...target }: StandingTarget) {
  return {
    target: {
      ...target,
      labels: [...target.labels],
      discovered: [...target.discovered],
      health: HEALTHS[target.health],
      leftOut: [...target.leftOut],
    },
    lastScrapeMs,
    scrapeSeconds,
    samples,
  };
}
