import { OperationalError } from "../../shared/errors.ts";
import { ByteReader, ByteWriter, checkedBody } from "../../shared/wire/bytes.ts";

/**
 * What lies where in the store of log lines. Numbers are big-endian, so that keys sort as they do.
 *
 *     t stream(4)            a stream: node, stream id, last sequence, blocks stored
 *     b stream(4) seq(8)     a block as its agent sent it (shared/wire/line-block.ts)
 */
const STREAM = 0x74;
const BLOCK = 0x62;
const WORD = 2 ** 32;

export const ALL_STREAMS = { gte: Uint8Array.of(STREAM), lt: Uint8Array.of(STREAM + 1) };
export const ALL_BLOCKS = { gte: Uint8Array.of(BLOCK), lt: Uint8Array.of(BLOCK + 1) };

export type StreamRecord = {
  readonly node: string;
  readonly streamId: string;
  readonly lastSeq: number;
  readonly blocksStored: number;
};

export function streamKey(number: number): Uint8Array {
  return keyOf(STREAM, [number]);
}

export function readStreamKey(key: Uint8Array): number {
  return wordAt(key, 0);
}

export function blockKey(number: number, seq: number): Uint8Array {
  return keyOf(BLOCK, [number, Math.floor(seq / WORD), seq % WORD]);
}

export function readBlockKey(key: Uint8Array): { readonly number: number; readonly seq: number } {
  return { number: wordAt(key, 0), seq: wordAt(key, 1) * WORD + wordAt(key, 2) };
}

export function encodeStream({ node, streamId, lastSeq, blocksStored }: StreamRecord): Uint8Array {
  const writer = new ByteWriter(128);
  for (const text of [node, streamId]) {
    const bytes = Buffer.from(text);
    writer.varint(bytes.length);
    writer.bytes(bytes);
  }
  writer.varint(lastSeq);
  writer.varint(blocksStored);
  return writer.finish();
}

/** Null for a record that is damaged. */
export function decodeStream(value: Uint8Array): StreamRecord | null {
  try {
    const reader = new ByteReader(checkedBody(value, "stream"), "stream");
    const [node, streamId] = [readText(reader), readText(reader)];
    const record = { node, streamId, lastSeq: reader.varint(), blocksStored: reader.varint() };
    reader.end();
    return record;
  } catch (error) {
    if (!(error instanceof OperationalError) || error.code !== "PARSE") throw error;
    return null;
  }
}

function readText(reader: ByteReader): string {
  return Buffer.from(reader.bytes(reader.count(1))).toString();
}

function keyOf(kind: number, words: readonly number[]): Uint8Array {
  const key = new Uint8Array(1 + words.length * 4);
  key[0] = kind;
  const view = new DataView(key.buffer);
  words.forEach((word, i) => {
    view.setUint32(1 + i * 4, word);
  });
  return key;
}

function wordAt(key: Uint8Array, index: number): number {
  const view = new DataView(key.buffer, key.byteOffset, key.byteLength);
  return view.getUint32(1 + index * 4);
}
