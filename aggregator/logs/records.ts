import { OperationalError } from "../../shared/errors.ts";
import type { Labels } from "../../shared/model/labels.ts";
import { ByteReader, ByteWriter, checkedBody } from "../../shared/wire/bytes.ts";

/**
 * Where hot blocks lie in the store of log lines; packed ones: store/keys.ts. Numbers are
 * big-endian, so that keys sort as they do.
 *
 *     t stream(4)            a stream: node, stream id, last sequence, blocks stored
 *     b stream(4) seq(8)     a block as its agent sent it (shared/wire/line-block.ts)
 *     i stream(4) seq(8)     what is in that block: a start and a search read only this of most
 *     d stream(4) seq(8)     packed blocks stand for that block: it is deleted when nobody reads it
 *
 * A block counts while its summary is there. What replaces it and takes its summary away is one batch.
 */
const STREAM = 0x74;
const BLOCK = 0x62;
const SUMMARY = 0x69;
const REPLACED = 0x64;
const WORD = 2 ** 32;

export const ALL_STREAMS = { gte: Uint8Array.of(STREAM), lt: Uint8Array.of(STREAM + 1) };
export const ALL_SUMMARIES = { gte: Uint8Array.of(SUMMARY), lt: Uint8Array.of(SUMMARY + 1) };
export const ALL_REPLACED = { gte: Uint8Array.of(REPLACED), lt: Uint8Array.of(REPLACED + 1) };

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

export function summaryKey(number: number, seq: number): Uint8Array {
  return keyOf(SUMMARY, [number, Math.floor(seq / WORD), seq % WORD]);
}

export function replacedKey(number: number, seq: number): Uint8Array {
  return keyOf(REPLACED, [number, Math.floor(seq / WORD), seq % WORD]);
}

/** Of the key of a block, a summary or a replaced block. */
export function readSummaryKey(key: Uint8Array): { readonly number: number; readonly seq: number } {
  return { number: wordAt(key, 0), seq: wordAt(key, 1) * WORD + wordAt(key, 2) };
}

/** The lines that a block has of one source. */
export type StoredSource = {
  /** With `instance`, the name of the node. */
  readonly labels: Labels;
  readonly lineCount: number;
  /** Of the lines' texts. */
  readonly textBytes: number;
  /** Of the earliest and the latest line, Unix microseconds. */
  readonly minUs: number;
  readonly maxUs: number;
};

/** `bytes`: of the block. */
type BlockSummary = { readonly bytes: number; readonly sources: readonly StoredSource[] };

export function encodeSummary({ bytes, sources }: BlockSummary): Uint8Array {
  const writer = new ByteWriter(256);
  writer.varint(bytes);
  writer.varint(sources.length);
  for (const { labels, lineCount, textBytes, minUs, maxUs } of sources) {
    writer.varint(labels.length);
    for (const text of labels) writer.text(text);
    for (const number of [lineCount, textBytes, minUs, maxUs - minUs]) writer.varint(number);
  }
  return writer.finish();
}

/** Null for a record that is damaged. */
export function decodeSummary(value: Uint8Array): BlockSummary | null {
  return ifWhole(value, "summary", (reader) => {
    const bytes = reader.varint();
    const sources: StoredSource[] = [];
    for (let left = reader.count(5); left > 0; left -= 1) {
      const labels = Array.from({ length: reader.count(1) }, () => reader.text());
      const [lineCount, textBytes, minUs] = [reader.varint(), reader.varint(), reader.varint()];
      sources.push({ labels, lineCount, textBytes, minUs, maxUs: minUs + reader.varint() });
    }
    return { bytes, sources };
  });
}

export function encodeStream({ node, streamId, lastSeq, blocksStored }: StreamRecord): Uint8Array {
  const writer = new ByteWriter(128);
  for (const text of [node, streamId]) writer.text(text);
  writer.varint(lastSeq);
  writer.varint(blocksStored);
  return writer.finish();
}

/** Null for a record that is damaged. */
export function decodeStream(value: Uint8Array): StreamRecord | null {
  return ifWhole(value, "stream", (reader) => {
    const [node, streamId] = [reader.text(), reader.text()];
    return { node, streamId, lastSeq: reader.varint(), blocksStored: reader.varint() };
  });
}

function ifWhole<T>(value: Uint8Array, what: string, read: (reader: ByteReader) => T): T | null {
  try {
    const reader = new ByteReader(checkedBody(value, what), what);
    const record = read(reader);
    reader.end();
    return record;
  } catch (error) {
    if (!(error instanceof OperationalError) || error.code !== "PARSE") throw error;
    return null;
  }
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
