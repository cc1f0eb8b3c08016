import type { RefusedRange, StreamPosition } from "../model/commit.ts";

/** What became of the frames of a stream since its record was made. */
export type StreamAccounts = Pick<StreamPosition, "framesStored" | "refused">;

export const NO_FRAMES: StreamAccounts = { framesStored: 0, refused: [] };

/** Beyond it the oldest are forgotten; an agent hears of a refusal within its window. */
const REFUSED_RANGES_MAX = 64;

/** @param reason null: its samples are stored */
export function withFrame(
  accounts: StreamAccounts,
  seq: number,
  reason: RefusedRange["reason"] | null,
): StreamAccounts {
  const { framesStored, refused } = accounts;
  if (reason === null) return { framesStored: framesStored + 1, refused };
  const last = refused.at(-1);
  if (last?.reason === reason && last.toSeq === seq - 1) {
    return { framesStored, refused: [...refused.slice(0, -1), { ...last, toSeq: seq }] };
  }
  const range = { fromSeq: seq, toSeq: seq, reason };
  return { framesStored, refused: [...refused, range].slice(-REFUSED_RANGES_MAX) };
}
