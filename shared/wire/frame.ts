/**
 * A frame is one tick of one stream: what changed since the frame before, or, in a keyframe,
 * everything. The same bytes lie in the agent's queue, travel to the aggregator and lie in its
 * write-ahead log; nothing in between encodes anew.
 *
 *     byte      format version (1)
 *     byte      flags: 1 = keyframe
 *     varint    seq: epoch * 2^32 + count; an epoch is one table of series, count starts at 1
 *     varint    time, Unix milliseconds
 *     varint    definitions of this epoch that a reader must have: ids below this number
 *     varint    number of groups; then for each of them, in the order of their numbers:
 *       varint    group * 2 + 1 if it ticked, group * 2 if it is only named (in a keyframe)
 *       varint    number of series that ended; their ids, each as the gap to the one before
 *       varint    number of series that changed or began; each as gap and value
 *     4 bytes   CRC-32 (IEEE) of all bytes before, little-endian
 *
 * A gap is the id minus the one before minus 1 (the first: the id). A value of an integer series is
 * its difference to the last value (to 0 for a series that begins, and for all in a keyframe) as
 * varint: twice its magnitude, plus 1 if negative. One that does not fit in 50 bits, and every value
 * of a double series, is the code 1 (a negative zero) and 8 bytes of the value itself, as a double.
 *
 * Series that are alive, belong to a group that ticked and are not named did not change: they have
 * a sample at this tick all the same. A keyframe names every series that is alive in every group, also
 * in groups that did not tick, and a reader ends what it does not name. So every stretch from a
 * keyframe on stands alone. An epoch begins with a keyframe.
 */
export const FRAME_VERSION = 1;
export const FLAG_KEYFRAME = 1;

/** Bytes of one frame, at most: a keyframe of 200,000 series fits. */
export const FRAME_BYTES_MAX = 2 * 1024 * 1024;
/** Series one stream may define in an epoch. */
export const STREAM_SERIES_MAX = 1_000_000;
export const FRAME_GROUPS_MAX = 64;

const EPOCH_FACTOR = 2 ** 32;

export function seqOf(epoch: number, count: number): number {
  return epoch * EPOCH_FACTOR + count;
}

export function epochOfSeq(seq: number): number {
  return Math.floor(seq / EPOCH_FACTOR);
}

/** Place of a frame in its epoch, from 1. */
export function countOfSeq(seq: number): number {
  return seq % EPOCH_FACTOR;
}
