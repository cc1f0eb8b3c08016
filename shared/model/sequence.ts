/**
 * A sequence is `epoch * 2^32 + count`: every start of an agent begins an epoch, so none is ever used
 * for two entries. These limits keep it a whole number below 2^53.
 */
export const EPOCH_MAX = 2 ** 21 - 1;
export const EPOCH_FRAMES_MAX = 2 ** 32 - 1;

const EPOCH_FACTOR = 2 ** 32;

export function seqOf(epoch: number, count: number): number {
  return epoch * EPOCH_FACTOR + count;
}

export function epochOfSeq(seq: number): number {
  return Math.floor(seq / EPOCH_FACTOR);
}

/** Place of an entry in its epoch, from 1. */
export function countOfSeq(seq: number): number {
  return seq % EPOCH_FACTOR;
}
