import type { FastifyInstance } from "fastify";
import { formatRfc3339 } from "../../shared/model/rfc3339.ts";
import type { NodeAccounting, NodeStatus } from "../model/node.ts";

/** GET `nodes`: how each node and its accounts stand, in the form of `telltale nodes --output json`. */
export function addNodeRoutes(
  server: FastifyInstance,
  fleet: { nodes(): readonly NodeStatus[] },
): void {
  server.get("/api/telltale/v1/nodes", async (_request, reply) => {
    const sorted = fleet.nodes().toSorted((a, b) => (a.name < b.name ? -1 : 1));
    return reply.header("cache-control", "no-store").send(sorted.map(nodeObject));
  });
}

/** Times are RFC 3339, null where there is none; frames count since the aggregator started. */
function nodeObject(node: NodeStatus): object {
  const { name, state, agentVersion, address, series, clockAheadMs, isClockOff } = node;
  return {
    name,
    state,
    stateSince: timeText(node.stateSinceMs),
    lastTick: timeText(node.lastTickMs),
    agentVersion,
    address,
    series,
    frames: {
      stored: node.framesStored,
      duplicate: node.framesDuplicate,
      rejected: node.framesRejected,
      missing: node.framesMissing,
    },
    clockAheadMs: clockAheadMs === null ? null : Math.round(clockAheadMs),
    isClockOff,
    accounting: node.accounting && accountingObject(node.accounting),
    logAccounting: node.logAccounting && accountingObject(node.logAccounting),
  };
}

function accountingObject(accounting: NodeAccounting): object {
  const { made, stored, waiting, dropped, unaccounted, toldMs, ranges } = accounting;
  return {
    ...{ made, stored, waiting },
    dropped: Object.fromEntries(dropped.map(({ reason, frames }) => [reason, frames])),
    unaccounted,
    told: timeText(toldMs),
    ranges: ranges.map(({ fromMs, toMs, reason, frames, samples }) => {
      return { from: timeText(fromMs), to: timeText(toMs), reason, frames, samples };
    }),
  };
}

function timeText(timeMs: number): string | null {
  return timeMs === 0 ? null : formatRfc3339(timeMs);
}
