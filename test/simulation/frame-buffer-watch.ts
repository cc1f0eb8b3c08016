import { FrameBuffer } from "../../agent/buffer/frame-buffer.ts";
import { Refusals } from "../../agent/buffer/refusals.ts";
import type { EncodedFrame } from "../../shared/wire/frame-encoder.ts";
import type { AgentJournal, Tick } from "./journal.ts";

/** What is known of a frame of a simulated agent, and whether its process still lives. */
export type Watched = {
  readonly tick: Tick;
  readonly journal: AgentJournal;
  readonly isDead: () => boolean;
};

/** Why the oldest frames of a buffer go when it is full. */
export const DROPPED_FOR_ROOM = "buffer_full";

const FRAMES = new WeakMap<EncodedFrame, Watched>();
const JOURNALS = new WeakMap<FrameBuffer, Watched>();
/** By stream, of which the ledger bears the name. */
const STREAMS = new Map<string, WeakRef<Watched>>();

export function watchFrame(frame: EncodedFrame, watched: Watched): void {
  FRAMES.set(frame, watched);
}

/**
 * Lets the journals hear what the buffer says of their frames. The methods themselves stay what
 * they are; frames of anybody else pass unseen.
 */
function watchFrameBuffers(): void {
  const { append, discard, dropped } = FrameBuffer.prototype;
  FrameBuffer.prototype.append = async function (frame, signal) {
    const watched = FRAMES.get(frame);
    if (watched !== undefined) {
      JOURNALS.set(this, watched);
      STREAMS.set(this.streamId, new WeakRef(watched));
    }
    try {
      const isThere = await append.call(this, frame, signal);
      if (isThere && watched !== undefined && !watched.isDead()) watched.tick.fate = "buffered";
      return isThere;
    } catch (error) {
      if (watched !== undefined && !watched.isDead()) watched.tick.fate = "unwritten";
      throw error;
    }
  };
  FrameBuffer.prototype.discard = function (frame, reason) {
    const watched = FRAMES.get(frame);
    if (watched !== undefined && !watched.isDead()) {
      watched.tick.fate = "unwritten";
      watched.tick.dropReason = reason;
    }
    discard.call(this, frame, reason);
  };
  FrameBuffer.prototype.dropped = function (seq, reason) {
    const watched = JOURNALS.get(this);
    if (watched !== undefined && !watched.isDead()) watched.journal.dropped(seq, reason);
    dropped.call(this, seq, reason);
  };
  watchRoom();
}

/** What a full buffer drops to make room. */
function watchRoom(): void {
  const { settlement } = Refusals.prototype;
  Refusals.prototype.settlement = function (ledger, stretches, seq, reason) {
    const watched = reason === DROPPED_FOR_ROOM ? STREAMS.get(ledger.streamId)?.deref() : undefined;
    if (watched !== undefined && !watched.isDead()) {
      for (const tick of watched.journal.ticks) {
        const isMeant = tick.seq > ledger.settledSeq && tick.seq <= seq;
        if (isMeant && tick.fate === "buffered") tick.dropReason ??= DROPPED_FOR_ROOM;
      }
    }
    return settlement.call(this, ledger, stretches, seq, reason);
  };
}

watchFrameBuffers();
