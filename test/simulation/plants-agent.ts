import { FrameQueue } from "../../agent/frames/frame-queue.ts";
import { HeldLedger } from "../../agent/queue/held-ledger.ts";
import type { Ledger } from "../../agent/queue/ledger.ts";
import { LEDGER_KEY } from "../../agent/queue/records.ts";
import { labelValue, withLabel } from "../../shared/model/labels.ts";
import { countOfSeq } from "../../shared/model/sequence.ts";
import type { KeyValueStore } from "../../shared/platform/ports.ts";
import { FrameEncoder } from "../../shared/wire/frame-encoder.ts";
import { DROPPED_FOR_ROOM, droppedForRoom } from "./frame-buffer-watch.ts";
import { delegate } from "./plants-store.ts";

/** A frame is settled when it is sent, not when it is acked. */
export function forgetOnSend(): () => void {
  const { read } = FrameQueue.prototype;
  FrameQueue.prototype.read = async function (afterSeq, framesMax, bytesMax) {
    const frames = await read.call(this, afterSeq, framesMax, bytesMax);
    const last = frames.at(-1);
    if (last !== undefined) void this.ack(last.seq).catch(() => undefined);
    return frames;
  };
  return () => {
    FrameQueue.prototype.read = read;
  };
}

/** Of a backlog over a change of epoch the first frame of the new one is left out. */
export function leaveOutKeyframes(): () => void {
  const { read } = FrameQueue.prototype;
  FrameQueue.prototype.read = async function (afterSeq, framesMax, bytesMax) {
    const frames = await read.call(this, afterSeq, framesMax, bytesMax);
    return frames.filter(({ seq }, index) => index === 0 || countOfSeq(seq) !== 1);
  };
  return () => {
    FrameQueue.prototype.read = read;
  };
}

/** What could not be written is forgotten. */
export function makeDiscardsSilent(): () => void {
  const { discard } = FrameQueue.prototype;
  FrameQueue.prototype.discard = () => {};
  return () => {
    FrameQueue.prototype.discard = discard;
  };
}

/** The last frame of a range that is dropped for room counts as stored. */
export function countDropsShort(): () => void {
  const { write } = HeldLedger.prototype;
  HeldLedger.prototype.write = function (change, operations, options) {
    const shortened = (before: Ledger): Ledger => {
      const ledger = change(before);
      return droppedForRoom(ledger) > droppedForRoom(before) ? withOneStored(ledger) : ledger;
    };
    return write.call(this, shortened, operations, options);
  };
  return () => {
    HeldLedger.prototype.write = write;
  };
}

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

/** Ticks get the last even second. */
export function tickTwiceAtOneTime(): () => void {
  const { encodeTick } = FrameEncoder.prototype;
  FrameEncoder.prototype.encodeTick = function (timeMs) {
    return encodeTick.call(this, timeMs - (timeMs % 2000));
  };
  return () => {
    FrameEncoder.prototype.encodeTick = encodeTick;
  };
}

/** A label of the agent's configuration takes the place of one that a series has itself. */
export function letOwnLabelsWin(): () => void {
  const { define } = FrameEncoder.prototype;
  FrameEncoder.prototype.define = function (group, scale, labels) {
    const isMeant = labelValue(labels, "zone") !== "" && labelValue(labels, "index") !== "";
    return define.call(this, group, scale, isMeant ? withLabel(labels, "index", "none") : labels);
  };
  return () => {
    FrameEncoder.prototype.define = define;
  };
}

/** The ledger says that a frame is there before it is. */
export function ledgerBeforeFrame(store: KeyValueStore): KeyValueStore {
  return {
    ...delegate(store),
    batch: async (operations, options) => {
      const isLedger = (key: Uint8Array) => Buffer.compare(key, LEDGER_KEY) === 0;
      const [ledger, rest] = [true, false].map((wanted) =>
        operations.filter(({ key }) => isLedger(key) === wanted),
      );
      for (const part of [ledger, rest]) {
        if (part !== undefined && part.length > 0) await store.batch(part, options);
      }
    },
  };
}
