import { FrameQueue } from "../../agent/frames/frame-queue.ts";
import { HeldLedger } from "../../agent/queue/held-ledger.ts";
import type { Ledger } from "../../agent/queue/ledger.ts";
import type { AgentJournal } from "./journal.ts";
import { replaced } from "./replaced.ts";

/** Whose frames lie in a buffer, and whether its process still lives. */
type Watched = { readonly journal: AgentJournal; readonly isDead: () => boolean };

/** Why the oldest frames of a buffer go when it is full. */
export const DROPPED_FOR_ROOM = "buffer_full";

const WATCHED = new WeakMap<FrameQueue, Watched>();
/** By stream, of which the ledger bears the name. */
const STREAMS = new Map<string, WeakRef<Watched>>();

export function watchBuffer(buffer: FrameQueue, watched: Watched): void {
  WATCHED.set(buffer, watched);
}

/** Null for a buffer of anybody else, and of a process that is dead. */
function watchedOf(buffer: FrameQueue): Watched | null {
  const watched = WATCHED.get(buffer);
  return watched === undefined || watched.isDead() ? null : watched;
}

/*
 * Lets the journals hear what the buffer says of their frames; frames of anybody else pass unseen.
 */
replaced(FrameQueue.prototype, "append", async (append, queue, frame, ...rest) => {
  const watched = WATCHED.get(queue);
  if (watched !== undefined) STREAMS.set(queue.streamId, new WeakRef(watched));
  const tick = watched?.journal.bySeq.get(frame.seq);
  try {
    await append(frame, ...rest);
    if (tick !== undefined && watchedOf(queue) !== null) tick.fate = "buffered";
  } catch (error) {
    if (tick !== undefined && watchedOf(queue) !== null) tick.fate = "unwritten";
    throw error;
  }
});
replaced(FrameQueue.prototype, "discard", (discard, queue, frame, reason) => {
  const tick = watchedOf(queue)?.journal.bySeq.get(frame.seq);
  if (tick !== undefined) {
    tick.fate = "unwritten";
    tick.dropReason = reason;
  }
  discard(frame, reason);
});
replaced(FrameQueue.prototype, "dropped", (dropped, queue, seq, reason) => {
  watchedOf(queue)?.journal.dropped(seq, reason);
  dropped(seq, reason);
});
/** What a full buffer drops to make room. */
replaced(HeldLedger.prototype, "write", (write, held, change, ...batch) => {
  const before = held.value;
  const watched = STREAMS.get(before.streamId)?.deref();
  const seen = (ledger: Ledger) => {
    const after = change(ledger);
    const isForRoom = droppedForRoom(after) > droppedForRoom(before);
    if (!isForRoom || watched === undefined || watched.isDead()) return after;
    for (const tick of watched.journal.ticks) {
      const isMeant = tick.seq > before.settledSeq && tick.seq <= after.settledSeq;
      if (isMeant && tick.fate === "buffered") tick.dropReason ??= DROPPED_FOR_ROOM;
    }
    return after;
  };
  return write(seen, ...batch);
});

export function droppedForRoom({ dropped }: Ledger): number {
  return dropped.find(({ reason }) => reason === DROPPED_FOR_ROOM)?.frames ?? 0;
}
