import { TargetBook } from "../../../agent/model/target-book.ts";
import type { ChoicePolicy } from "../../../agent/uplink/choose-state.ts";
import type { Destination } from "../../../agent/uplink/destinations.ts";
import { metricsKind } from "../../../agent/uplink/metrics-kind.ts";
import { runUplink } from "../../../agent/uplink/uplink.ts";
import { IngestService } from "../../../aggregator/ingest/ingest-service.ts";
import type { IngestEvents } from "../../../aggregator/ingest/ports.ts";
import { Metrics } from "../../../shared/telemetry/metrics.ts";
import { MemoryLogger } from "../../support/memory-logger.ts";
import type { BufferRig } from "../buffer/buffer-rig.ts";
import type { MemoryIngestStore } from "../ingest/memory-ingest-store.ts";

/** A real ingest service over a store in memory, by the agent's own clock. */
export function serviceOn(
  store: MemoryIngestStore,
  { clock }: BufferRig,
  events: Partial<IngestEvents> = {},
): IngestService {
  const nothing = () => {};
  const others = { committed: nothing, accounted: nothing, droppedRanges: nothing };
  const sessions = { connected: nothing, goodbye: nothing, disconnected: nothing };
  return new IngestService(
    {
      ...{ store, clock, logger: new MemoryLogger(), metrics: new Metrics() },
      events: {
        isNode: () => false,
        ...others,
        ...sessions,
        clockMeasured: nothing,
        targetsTold: nothing,
        ...events,
      },
      logs: null,
    },
    { windowFrames: 16 },
  );
}

/** The uplink of a rig's buffer. */
export class UplinkRun {
  readonly metrics = new Metrics();
  readonly stop = new AbortController();
  readonly done: Promise<void>;
  isDone = false;

  constructor(
    { clock, random, logger, buffer }: BufferRig,
    destinations: readonly Destination[],
    kind: ChoicePolicy["kind"] = "pick_first",
  ) {
    this.done = runUplink(
      {
        buffer,
        kind: metricsKind(buffer, new TargetBook()),
        destinations,
        clock,
        random: random.next,
        logger,
        metrics: this.metrics,
      },
      { node: "web-1", agentVersion: "0.1.0", intervalMs: 1000, policy: { kind, weights: null } },
      this.stop.signal,
    ).then(() => {
      this.isDone = true;
    });
  }
}
