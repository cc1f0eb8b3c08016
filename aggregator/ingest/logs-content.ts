import { OperationalError } from "../../shared/errors.ts";
import type { AgentMessage__Output } from "../../shared/wire/generated/telltale/v1/AgentMessage.ts";
import { BLOCK_BYTES_MAX } from "../../shared/wire/line-block.ts";
import { type CommitItem, type FrameOutcome, itemBytes } from "../model/commit.ts";
import type { IngestMetrics } from "./ingest-metrics.ts";
import type { SessionContent } from "./ingest-session.ts";
import type { IngestEvents } from "./ports.ts";

/** Sessions of KIND_LOGS carry blocks of lines. */
export function logsContent(
  { node, streamId }: { readonly node: string; readonly streamId: string },
  shown: IngestMetrics,
  events: IngestEvents,
): SessionContent {
  return {
    itemsOf({ blocks }: AgentMessage__Output): readonly CommitItem[] | null {
      return blocks?.block.map((bytes) => blockItem(node, streamId, bytes)) ?? null;
    },
    settled(item: CommitItem, outcome: FrameOutcome): void {
      shown.blocks.add(1, { outcome: outcome.kind });
      shown.blockBytes.add(itemBytes(item));
      if (outcome.kind === "stored") shown.lines.add(outcome.samples);
      events.committed(node, outcome);
    },
  };
}

function blockItem(node: string, streamId: string, bytes: Uint8Array): CommitItem {
  if (bytes.length <= BLOCK_BYTES_MAX) return { kind: "block", node, streamId, bytes };
  throw new OperationalError(
    "LIMIT",
    `Node ${node} sends a block of ${bytes.length} bytes, allowed are ${BLOCK_BYTES_MAX}`,
  );
}
