import type { StoredPartDeps } from "../../../shared/telemetry/part-deps.ts";
import type { SerialQueue } from "../../../shared/time/serial-queue.ts";
import type { HotBlocks } from "./hot-blocks.ts";
import type { PackedBlocks } from "./packed-blocks.ts";
import type { Streams } from "./streams.ts";

/** What the parts of the store of log lines share. A change of what there is takes a turn. */
export type StoreParts = StoredPartDeps & {
  readonly turns: SerialQueue;
  readonly streams: Streams;
  readonly hot: HotBlocks;
  readonly packed: PackedBlocks;
};
