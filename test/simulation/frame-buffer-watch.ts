import { FrameBuffer } from "../../agent/queue/queue.ts";
import { Refusals } from "../../agent/queue/refusals.ts";
import type { AgentJournal } from "./journal.ts";

/** Whose frames lie in a buffer, and whether its process still lives. */
type Watched = { readonly journal: AgentJournal; readonly isDead: () => boolean };

/** Why the oldest frames of a buffer go when it is full. */
export const DROPPED_FOR_ROOM = "buffer_full";

const WATCHED = new WeakMap<FrameBuffer, Watched>();
/** By stream, of which the ledger bears the name. */
const STREAMS = new Map<string, WeakRef<Watched>>();

export function watchBuffer(buffer: FrameBuffer, watched: Watched): void {
  WATCHED.set(buffer, watched);
}

/** Null for a buffer of anybody else, and of a process that is dead. */
function watchedOf(buffer: FrameBuffer): Watched | null {
  const watched = WATCHED.get(buffer);
  return watched === undefined || watched.isDead() ? null : watched;
}

/**
 * Lets the journals hear what the buffer says of their frames. The methods themselves stay what
 * they are; frames of anybody else pass unseen.
 */
function watchFrameBuffers(): void {
  const { append, discard, dropped } = FrameBuffer.prototype;
  FrameBuffer.prototype.append = async function (frame, signal) {
    const watched = WATCHED.get(this);
    if (watched !== undefined) STREAMS.set(this.streamId, new WeakRef(watched));
    const tick = watched?.journal.bySeq.get(frame.seq);
    try {
      const isThere = await append.call(this, frame, signal);
      if (isThere && tick !== undefined && watchedOf(this) !== null) tick.fate = "buffered";
      return isThere;
    } catch (error) {
      if (tick !== undefined && watchedOf(this) !== null) tick.fate = "unwritten";
      throw error;
    }
  };
  FrameBuffer.prototype.discard = function (frame, reason) {
    const tick = watchedOf(this)?.journal.bySeq.get(frame.seq);
    if (tick !== undefined) {
      tick.fate = "unwritten";
      tick.dropReason = reason;
    }
    discard.call(this, frame, reason);
  };
  FrameBuffer.prototype.dropped = function (seq, reason) {
    watchedOf(this)?.journal.dropped(seq, reason);
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
