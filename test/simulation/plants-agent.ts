import { FrameBuffer } from "../../agent/buffer/frame-buffer.ts";
import { LEDGER_KEY } from "../../agent/buffer/records.ts";
import { Refusals } from "../../agent/buffer/refusals.ts";
import type { KeyValueStore } from "../../shared/platform/ports.ts";
import { countOfSeq } from "../../shared/wire/frame.ts";
import { FrameEncoder } from "../../shared/wire/frame-encoder.ts";
import { delegate } from "./plants-store.ts";

/** A frame is settled when it is sent, not when it is acked. */
export function forgetOnSend(): () => void {
  const { read } = FrameBuffer.prototype;
  FrameBuffer.prototype.read = async function (afterSeq, framesMax, bytesMax) {
    const frames = await read.call(this, afterSeq, framesMax, bytesMax);
    const last = frames.at(-1);
    if (last !== undefined) void this.ack(last.seq).catch(() => undefined);
    return frames;
  };
  return () => {
    FrameBuffer.prototype.read = read;
  };
}

/** Of a backlog over a change of epoch the first frame of the new one is left out. */
export function leaveOutKeyframes(): () => void {
  const { read } = FrameBuffer.prototype;
  FrameBuffer.prototype.read = async function (afterSeq, framesMax, bytesMax) {
    const frames = await read.call(this, afterSeq, framesMax, bytesMax);
    return frames.filter(({ seq }, index) => index === 0 || countOfSeq(seq) !== 1);
  };
  return () => {
    FrameBuffer.prototype.read = read;
  };
}

/** What could not be written is forgotten. */
export function makeDiscardsSilent(): () => void {
  const { discard } = FrameBuffer.prototype;
  FrameBuffer.prototype.discard = () => {};
  return () => {
    FrameBuffer.prototype.discard = discard;
  };
}

/** The last frame of a range that is dropped counts as stored. */
export function countDropsShort(): () => void {
  const { settlement } = Refusals.prototype;
  Refusals.prototype.settlement = function (ledger, stretches, seq, reason) {
    const settled = settlement.call(this, ledger, stretches, seq, reason);
    const last = settled.dropped.at(-1);
    if (reason === null || last === undefined || last.frames === 0) return settled;
    const shortened = { ...last, frames: last.frames - 1 };
    const dropped = [...settled.dropped.slice(0, -1), shortened];
    return { ...settled, stored: settled.stored + 1, dropped };
  };
  return () => {
    Refusals.prototype.settlement = settlement;
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
