import { LineQueue } from "../../agent/lines/line-queue.ts";
import { LineLog } from "../../aggregator/logs/line-log.ts";
import { inMethod, type Plant } from "./plant.ts";

export const LOG_PLANTS = {
  /** Up to where files were read is on the disk before the lines are. */
  "log-cursor-before-lines": inMethod(
    LineQueue.prototype,
    "append",
    async (append, _, lines, cursors, signal) => {
      await append([], cursors, signal);
      await append(lines, [], signal);
    },
  ),

  /** Lines are on the disk before it is known that they were read. */
  "log-lines-before-cursor": inMethod(
    LineQueue.prototype,
    "append",
    async (append, _, lines, cursors, signal) => {
      await append(lines, [], signal);
      await append([], cursors, signal);
    },
  ),

  /** A block is settled when it is sent, not when it is acked. */
  "log-forgotten-on-send": inMethod(LineQueue.prototype, "read", async (read, queue, ...limits) => {
    const blocks = await read(...limits);
    const last = blocks.at(-1);
    if (last !== undefined) void queue.ack(last.seq).catch(() => undefined);
    return blocks;
  }),

  /** A block that is there already is stored once more. */
  "log-no-dedup": inMethod(LineLog.prototype, "commit", async (commit, _, items, owner) => {
    const outcomes = await commit(items, owner);
    const again = items
      .filter((_item, index) => outcomes[index]?.kind === "duplicate")
      .map((item) => ({ ...item, streamId: `${item.streamId} again` }));
    if (again.length > 0) await commit(again, owner);
    return outcomes;
  }),
} satisfies Record<string, Partial<Plant>>;
