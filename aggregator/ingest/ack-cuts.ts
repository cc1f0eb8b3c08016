/** How many frames of a stream were stored when everything up to `seq` was answered. */
export type AckCut = { readonly seq: number; readonly framesStored: number };

/** Accounts are as of an ack that was sent a round trip ago; with more acks than this on the way they wait. */
const CUTS_MAX = 256;

/**
 * The acks of a session, so that an agent's accounts, which are as of one of them, can be compared with
 * what was stored then. Sequences ascend.
 */
export class AckCuts {
  #cuts: AckCut[];

  /** @param start what the welcome said */
  constructor(start: AckCut) {
    this.#cuts = [start];
  }

  add(cut: AckCut): void {
    // Frames that come a second time are acked again: that says nothing about what is stored.
    if (cut.seq < (this.#cuts.at(-1)?.seq ?? 0)) return;
    this.#cuts.push(cut);
    if (this.#cuts.length > CUTS_MAX) this.#cuts.shift();
  }

  /**
   * Frames stored up to the newest ack at or before `settledSeq`; null when that is too long ago.
   * Earlier acks are forgotten.
   */
  storedAt(settledSeq: number): number | null {
    const newest = this.#cuts.findLastIndex(({ seq }) => seq <= settledSeq);
    if (newest < 0) return null;
    this.#cuts = this.#cuts.slice(newest);
    return this.#cuts[0]?.framesStored ?? null;
  }
}
