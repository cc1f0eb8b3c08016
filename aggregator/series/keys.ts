/**
 * What lies where in the store. Numbers are big-endian, so that keys sort as numbers do; times are
 * Unix milliseconds.
 *
 *     m                                                   format version
 *     t stream(4)                                         a stream: node and stream id
 *     k stream(4)                                         checkpoint: where its replay starts
 *     d stream(4) epoch(4) first id(4)                    series definitions of a stream
 *     w stream(4) seq(8)                                  write-ahead log: one frame
 *     r segment(4) number(4)                              log of what was written: one request
 *     p                                                   checkpoint of that log
 *     s ref(4)                                            a series: its labels
 *     c partition(4) block(4) end(8) stream(4) epoch(4) group(1)   a chunk
 *     p partition(4)                                      a partition whose chunks are merged
 *     q key                                               a damaged record, set aside as it was
 *
 * A partition is a stretch of time; retention drops it as one range. A block is 64 series whose
 * refs differ only in the low six bits: series that were first seen together. So the chunks of a
 * series over a time lie in one short range a partition, and none of them reaches over its end.
 */
const PREFIX = {
  version: 0x6d,
  stream: 0x74,
  checkpoint: 0x6b,
  definitions: 0x64,
  frame: 0x77,
  written: 0x72,
  writtenCheckpoint: 0x70,
  series: 0x73,
  chunk: 0x63,
  compacted: 0x70,
  damaged: 0x71,
} as const;

export const PARTITION_MS = 2 * 3_600_000;
const BLOCK_BITS = 6;
const WORD = 2 ** 32;
/** Where in a chunk's key its stream, epoch and group are. */
const SOURCE_AT = 17;

export type Range = { readonly gte: Uint8Array; readonly lt: Uint8Array };

export function partitionOf(timeMs: number): number {
  return Math.floor(timeMs / PARTITION_MS);
}

export function blockOf(ref: number): number {
  return ref >>> BLOCK_BITS;
}

export const VERSION_KEY = Uint8Array.of(PREFIX.version);

export function streamKey(stream: number): Uint8Array {
  return words(PREFIX.stream, stream);
}

export function checkpointKey(stream: number): Uint8Array {
  return words(PREFIX.checkpoint, stream);
}

export function seriesKey(ref: number): Uint8Array {
  return words(PREFIX.series, ref);
}

export function definitionsKey(stream: number, epoch: number, firstId: number): Uint8Array {
  return words(PREFIX.definitions, stream, epoch, firstId);
}

export function frameKey(stream: number, seq: number): Uint8Array {
  return words(PREFIX.frame, stream, ...doubleWord(seq));
}

export const WRITTEN_CHECKPOINT_KEY = Uint8Array.of(PREFIX.writtenCheckpoint);

export function writtenKey(segment: number, number: number): Uint8Array {
  return words(PREFIX.written, segment, number);
}

/** What was written into segments up to and with `segment`. */
export function writtenUpTo(segment: number): Range {
  return { gte: words(PREFIX.written), lt: words(PREFIX.written, segment + 1) };
}

/** Where a chunk's rows come from, and the time of the last one. */
export type ChunkSource = {
  readonly endMs: number;
  readonly stream: number;
  readonly epoch: number;
};

export function chunkKey(block: number, source: ChunkSource, group: number): Uint8Array {
  const { endMs, stream, epoch } = source;
  const partition = partitionOf(endMs);
  const head = words(PREFIX.chunk, partition, block, ...doubleWord(endMs), stream, epoch);
  return Uint8Array.of(...head, group);
}

export function readChunkKey(key: Uint8Array): ChunkSource {
  return { endMs: keyDoubleWord(key, 2), stream: keyWord(key, 4), epoch: keyWord(key, 5) };
}

/** Tells chunks of different streams, epochs and groups apart. */
export function sourceOf(key: Uint8Array): string {
  return Buffer.from(key.subarray(SOURCE_AT)).toString("latin1");
}

export function compactedKey(partition: number): Uint8Array {
  return words(PREFIX.compacted, partition);
}

/** Chunks of blocks `first` to `last` in a partition; of `first` only those that end after `afterMs`. */
export function chunkRange(partition: number, first: number, last: number, afterMs: number): Range {
  return {
    gte: words(PREFIX.chunk, partition, first, ...doubleWord(Math.max(0, Math.floor(afterMs) + 1))),
    lt: words(PREFIX.chunk, partition, last + 1),
  };
}

/** All chunks of the partitions from `first` up to, not including, `end`. */
export function partitionRange(first: number, end: number): Range {
  return { gte: words(PREFIX.chunk, first), lt: words(PREFIX.chunk, end) };
}

/** All keys of a kind, or those of one stream. */
export function rangeOf(kind: keyof typeof PREFIX, stream?: number): Range {
  const prefix = PREFIX[kind];
  if (stream === undefined) return { gte: words(prefix), lt: words(prefix + 1) };
  return { gte: words(prefix, stream), lt: words(prefix, stream + 1) };
}

/** Frames of a stream with a sequence above `seq`. */
export function framesAfter(stream: number, seq: number): Range {
  return { gte: frameKey(stream, seq + 1), lt: words(PREFIX.frame, stream + 1) };
}

/** Frames of a stream up to and with `seq`. */
export function framesUpTo(stream: number, seq: number): Range {
  return { gte: words(PREFIX.frame, stream), lt: frameKey(stream, seq + 1) };
}

/** Definitions of a stream, of the epochs from `first` up to, not including, `end`. */
export function definitionsOfEpochs(stream: number, first: number, end: number): Range {
  return {
    gte: words(PREFIX.definitions, stream, first),
    lt: words(PREFIX.definitions, stream, end),
  };
}

export function damagedKey(key: Uint8Array): Uint8Array {
  return Uint8Array.of(PREFIX.damaged, ...key);
}

/** The `index`th number after a key's first byte. */
export function keyWord(key: Uint8Array, index: number): number {
  const at = 1 + index * 4;
  const high = ((key[at] ?? 0) << 8) | (key[at + 1] ?? 0);
  return high * 0x10000 + (((key[at + 2] ?? 0) << 8) | (key[at + 3] ?? 0));
}

function keyDoubleWord(key: Uint8Array, index: number): number {
  return keyWord(key, index) * WORD + keyWord(key, index + 1);
}

export function seqOfFrameKey(key: Uint8Array): number {
  return keyDoubleWord(key, 1);
}

function words(prefix: number, ...numbers: number[]): Uint8Array {
  const key = new Uint8Array(1 + numbers.length * 4);
  const view = new DataView(key.buffer);
  key[0] = prefix;
  for (const [i, number] of numbers.entries()) view.setUint32(1 + i * 4, number);
  return key;
}

function doubleWord(value: number): [number, number] {
  return [Math.floor(value / WORD), value % WORD];
}
