import type { Drop } from "./dropped-ranges.ts";
import type { Ledger, Settlement } from "./ledger.ts";
import type { Stretches } from "./stretches.ts";

type Refusal = { readonly reason: string; readonly frames: number; readonly toSeq: number };

/** Frames that still wait and are known not to be stored when their turn to be settled comes. */
export class Refusals {
  /** By sequence; a gap by the first sequence in it. */
  readonly #refusals = new Map<number, Refusal>();

  /** False when it was known, alone or as a part of a gap. */
  add(seq: number, refusal: Refusal): boolean {
    for (const [at, { toSeq }] of this.#refusals) if (at <= seq && seq <= toSeq) return false;
    this.#refusals.set(seq, refusal);
    return true;
  }

  hasUpTo(seq: number): boolean {
    for (const refused of this.#refusals.keys()) if (refused <= seq) return true;
    return false;
  }

  /** All up to `seq` are settled. */
  removeUpTo(seq: number): void {
    for (const refused of [...this.#refusals.keys()]) {
      if (refused <= seq) this.#refusals.delete(refused);
    }
  }

  /**
   * What settling everything up to `seq` does: what was not refused is stored, or with a `reason`
   * dropped for it. Times are those of the stretches.
   */
  settlement(ledger: Ledger, stretches: Stretches, seq: number, reason: string | null): Settlement {
    const { queued, settledSeq, settledFrames } = ledger;
    let rest = Math.max(0, stretches.framesUpTo(seq, queued) - settledFrames);
    const dropped: Drop[] = [];
    const drop = (fromSeq: number, refusal: Refusal) => {
      const frames = Math.min(rest, refusal.frames);
      const { toSeq } = refusal;
      dropped.push({
        fromSeq,
        toSeq,
        fromMs: stretches.timeAt(fromSeq),
        toMs: stretches.timeAfter(toSeq),
        reason: refusal.reason,
        frames,
        samples: stretches.meanSamples(fromSeq, frames, queued),
        afterSeq: Math.max(settledSeq, stretches.seqBefore(fromSeq)),
      });
      rest -= frames;
    };
    const refused = [...this.#refusals].filter(([at]) => at > settledSeq && at <= seq);
    for (const [at, refusal] of refused.sort(([a], [b]) => a - b)) drop(at, refusal);
    if (reason !== null) {
      drop(stretches.seqAfter(settledSeq, queued), { reason, frames: rest, toSeq: seq });
    }
    return { seq, stored: rest, dropped };
  }
}
