/**
 * A frame is one tick of one stream: what changed since the frame before, or, in a keyframe,
 * everything. The same bytes lie in the agent's queue, travel to the aggregator and lie in its
 * write-ahead log; nothing in between encodes anew.
 *
 *     byte      format version (1)
 *     byte      flags: 1 = keyframe
 *     varint    epoch: one table of series
 *     varint    count: place in the epoch, from 1; the sequence is epoch * 2^32 + count
 *     varint    time, Unix milliseconds
 *     varint    definitions of this epoch that a reader must have: ids below this number
 *     varint    number of groups, at most one more than there are series (group 0 may be empty)
 *     bits      for each of the groups, in the order of their numbers:
 *       count     its number minus the one before minus 1 (the first: the number)
 *       1 bit     1: it was read
 *       1 bit     1: it was read before the frame's time, and 6 bits follow, how many bits the age has
 *                 (1 to 48), then its bits below the leading 1: milliseconds
 *       count     series that ended
 *       count     series that changed or began
 *       ids       of those that ended, then of those that changed, each with its number
 *     zeros     up to the next full byte
 *     4 bytes   CRC-32 (IEEE) of all bytes before, little-endian
 *
 * A varint has 7 bits a byte, low bits first. Bits go from the most significant one of a byte on.
 * An id is a count: the id minus the one before in its list minus 1 (the first: the id). A number is
 * the difference of an integer series' value to the last one, to 0 for a series that begins and for
 * all in a keyframe. Both have symbols (frame-codes.ts) in a prefix code, one for counts, one for
 * numbers in keyframes, one for numbers in others:
 *
 *     count     0 to 3, or its number of bits; then its bits below the leading 1
 *     number    zero
 *               negative, then the number's magnitude as another number
 *               repeat 1 to 4: the same as the 1st to 4th newest of the distinct numbers of this frame
 *                 that have magnitude 32 or more, and no repeat symbol
 *               its number of bits, 1 to 48; then its bits below the leading 1
 *               for a multiple of 4096: the quotient's number of bits, 1 to 36; then as above
 *               absolute, then the 64 bits of the value itself as a double: every value of a double
 *                 series, and where the difference is not whole or has more than 48 bits
 *
 * Why so: most of what changes in a second are small numbers, pages of memory, and numbers that
 * several series have in common (a group and the one around it, usage and working set). A code that
 * adapts to each series was no smaller, and would make a frame's reading depend on those before it.
 *
 * A group is what is read together: its series have a sample at each reading, with the reading's time,
 * and none between two readings. Group 0 is read in every tick. Series that are alive, belong to a
 * group that was read and are not named did not change: they have a sample all the same. Of a group
 * that was not read a frame names what ended, and a keyframe, as of all groups, every series that is
 * alive: a reader ends what a keyframe does not name. So every stretch from a keyframe on stands
 * alone. An epoch begins with a keyframe.
 */
export const FRAME_VERSION = 1;
export const FLAG_KEYFRAME = 1;

/** Bytes of one frame, at most: a keyframe of 200,000 series fits. */
export const FRAME_BYTES_MAX = 2 * 1024 * 1024;
/** Series one stream may define in an epoch. */
export const STREAM_SERIES_MAX = 1_000_000;
/** Two for each of 20,000 cgroups, and room. */
export const FRAME_GROUPS_MAX = 65_536;
/** Unix milliseconds; later times are refused. */
export const FRAME_TIME_END = 2 ** 48;
/** Read in every tick. */
export const TICK_GROUP = 0;
/** A tick or reading that was not at a full second has a time that is a multiple of this. */
export const TIME_PRECISION_MS = 50;

export type FrameHeader = {
  readonly seq: number;
  readonly timeMs: number;
  readonly isKeyframe: boolean;
  /** Definitions of the frame's epoch that a reader must have: ids below it. */
  readonly seriesCount: number;
};
