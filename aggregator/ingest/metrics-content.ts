import { OperationalError } from "../../shared/errors.ts";
import { FRAME_BYTES_MAX } from "../../shared/wire/frame.ts";
import type { AgentMessage__Output } from "../../shared/wire/generated/telltale/v1/AgentMessage.ts";
import { type CommitItem, type FrameOutcome, itemBytes } from "../model/commit.ts";
import type { IngestMetrics } from "./ingest-metrics.ts";
import type { SessionContent } from "./ingest-session.ts";
import type { IngestEvents } from "./ports.ts";
import { checkedTable } from "./series-table.ts";

/** Sessions of KIND_METRICS carry frames, and tables of series before the frames that need them. */
export function metricsContent(
  { node, streamId }: { readonly node: string; readonly streamId: string },
  shown: IngestMetrics,
  events: IngestEvents,
): SessionContent {
  return {
    itemsOf({ series: table, frames }: AgentMessage__Output): readonly CommitItem[] | null {
      if (table) {
        const isOther = (name: string) => name !== node && events.isNode(name);
        const series = checkedTable(table, isOther);
        shown.series.add(series.length);
        return [{ kind: "series", node, streamId, epoch: table.epoch, series }];
      }
      return frames?.frame.map((bytes) => frameItem(node, streamId, bytes)) ?? null;
    },
    settled(item: CommitItem, outcome: FrameOutcome): void {
      shown.frames.add(1, { outcome: outcome.kind });
      shown.frameBytes.add(itemBytes(item));
      if (outcome.kind === "stored") {
        shown.samples.add(outcome.samples);
        shown.missing.add(outcome.missing);
      }
      events.committed(node, outcome);
    },
  };
}

function frameItem(node: string, streamId: string, bytes: Uint8Array): CommitItem {
  if (bytes.length <= FRAME_BYTES_MAX) return { kind: "frame", node, streamId, bytes };
  throw new OperationalError(
    "LIMIT",
    `Node ${node} sends a frame of ${bytes.length} bytes, allowed are ${FRAME_BYTES_MAX}`,
  );
}
