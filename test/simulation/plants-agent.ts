import { FrameQueue } from "../../agent/frames/frame-queue.ts";
import { HeldLedger } from "../../agent/queue/held-ledger.ts";
import type { Ledger } from "../../agent/queue/ledger.ts";
import { LEDGER_KEY } from "../../agent/queue/records.ts";
import { labelValue, withLabel } from "../../shared/model/labels.ts";
import { countOfSeq } from "../../shared/model/sequence.ts";
import { FrameEncoder } from "../../shared/wire/frame-encoder.ts";
import { DROPPED_FOR_ROOM, droppedForRoom } from "./frame-buffer-watch.ts";
import { changedStore, inMethod, type Plant } from "./plant.ts";

export const AGENT_PLANTS = {
  /** A frame is settled when it is sent, not when it is acked. */
  "forget-on-send": inMethod(FrameQueue.prototype, "read", async (read, queue, ...limits) => {
    const frames = await read(...limits);
    const last = frames.at(-1);
    if (last !== undefined) void queue.ack(last.seq).catch(() => undefined);
    return frames;
  }),

  /** Of a backlog over a change of epoch the first frame of the new one is left out. */
  "keyframe-left-out-at-epoch": inMethod(
    FrameQueue.prototype,
    "read",
    async (read, _queue, ...limits) => {
      const frames = await read(...limits);
      return frames.filter(({ seq }, index) => index === 0 || countOfSeq(seq) !== 1);
    },
  ),

  /** What could not be written is forgotten. */
  "drops-not-counted": inMethod(FrameQueue.prototype, "discard", () => {}),

  /** The last frame of a range that is dropped for room counts as stored. */
  "drop-range-off-by-one": inMethod(
    HeldLedger.prototype,
    "write",
    (write, _held, change, ...batch) => {
      const shortened = (before: Ledger): Ledger => {
        const ledger = change(before);
        return droppedForRoom(ledger) > droppedForRoom(before) ? withOneStored(ledger) : ledger;
      };
      return write(shortened, ...batch);
    },
  ),

  /** Ticks get the last even second. */
  "two-ticks-at-one-time": inMethod(FrameEncoder.prototype, "encodeTick", (encode, _, timeMs) =>
    encode(timeMs - (timeMs % 2000)),
  ),

  /** A label of the agent's configuration takes the place of one that a series has itself. */
  "own-label-wins": inMethod(
    FrameEncoder.prototype,
    "define",
    (define, _, group, scale, labels) => {
      const isMeant = labelValue(labels, "zone") !== "" && labelValue(labels, "index") !== "";
      return define(group, scale, isMeant ? withLabel(labels, "index", "none") : labels);
    },
  ),

  /** The ledger says that a frame is there before it is. */
  "ledger-before-frame": {
    agentStore: (store) =>
      changedStore(store, {
        batch: async (operations, options) => {
          const isLedger = (key: Uint8Array) => Buffer.compare(key, LEDGER_KEY) === 0;
          for (const wanted of [true, false]) {
            const part = operations.filter(({ key }) => isLedger(key) === wanted);
            if (part.length > 0) await store.batch(part, options);
          }
        },
      }),
  },
} satisfies Record<string, Partial<Plant>>;

function withOneStored(ledger: Ledger): Ledger {
  const shorter = <T extends { readonly reason: string; readonly frames: number }>(one: T) =>
    one.reason === DROPPED_FOR_ROOM ? { ...one, frames: one.frames - 1 } : one;
  const { ranges } = ledger.ranges;
  const last = ranges.findLastIndex(({ reason }) => reason === DROPPED_FOR_ROOM);
  return {
    ...ledger,
    stored: ledger.stored + 1,
    dropped: ledger.dropped.map(shorter),
    ranges: { ...ledger.ranges, ranges: ranges.map((one, i) => (i === last ? shorter(one) : one)) },
  };
}
