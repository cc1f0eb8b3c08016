import { OperationalError } from "../../shared/errors.ts";
import type { Labels } from "../../shared/model/labels.ts";
import { SCALE_MAX, type SeriesDefinition } from "../../shared/model/series-definition.ts";
import { ByteReader, ByteWriter, checkedBody } from "../../shared/wire/bytes.ts";
import type { RefusedRange } from "../model/commit.ts";
import type { StreamAccounts } from "./stream-accounts.ts";

/**
 * The small records of the store. Each ends with a CRC-32 (bytes.ts); reading one throws PARSE when
 * it is damaged.
 */

export type StreamRecord = { readonly node: string; readonly streamId: string };

export function encodeStream(record: StreamRecord): Uint8Array {
  const writer = new ByteWriter(64);
  writer.text(record.node);
  writer.text(record.streamId);
  return writer.finish();
}

export function decodeStream(bytes: Uint8Array): StreamRecord {
  return readRecord(bytes, "stream record", (reader) => {
    return { node: reader.text(), streamId: reader.text() };
  });
}

/** A series: its labels and when it was seen. `lastMs` is 0 while it has columns in a head. */
export type SeriesRecord = {
  readonly labels: Labels;
  readonly firstMs: number;
  readonly lastMs: number;
};

export function encodeSeries(record: SeriesRecord): Uint8Array {
  const writer = new ByteWriter(256);
  writer.varint(record.firstMs);
  writer.varint(record.lastMs);
  writeLabels(writer, record.labels);
  return writer.finish();
}

export function decodeSeries(bytes: Uint8Array): SeriesRecord {
  return readRecord(bytes, "series record", (reader) => {
    return { firstMs: reader.varint(), lastMs: reader.varint(), labels: readLabels(reader) };
  });
}

/** Definitions with consecutive ids; the key says of which stream and epoch. */
export function encodeDefinitions(definitions: readonly SeriesDefinition[]): Uint8Array {
  const writer = new ByteWriter(definitions.length * 128 + 16);
  writer.varint(definitions[0]?.id ?? 0);
  writer.varint(definitions.length);
  for (const { group, scale, labels } of definitions) {
    writer.varint(group);
    writer.varint(scale + 1);
    writeLabels(writer, labels);
  }
  return writer.finish();
}

export function decodeDefinitions(bytes: Uint8Array): SeriesDefinition[] {
  return readRecord(bytes, "series definitions", (reader) => {
    const firstId = reader.varint();
    return readList(reader, 3, (i) => {
      const group = reader.varint();
      const scale = reader.varint() - 1;
      if (scale > SCALE_MAX) throw new OperationalError("PARSE", `series has scale ${scale}`);
      return { id: firstId + i, group, scale, labels: readLabels(reader) };
    });
  });
}

/**
 * From `fromMs` on the times of `epoch` repeat those of earlier ones: a clock that was ahead had been
 * put right.
 */
export type SetBack = { readonly epoch: number; readonly fromMs: number };

/**
 * Everything of a stream up to frame `seq` is in chunks; its replay starts after it, from
 * `snapshot`. `lastTimeMs` is the time of the last frame that was stored, in epoch `timeEpoch`;
 * `chunksEndMs` the newest time in any chunk of the store; `accounts` counts the frames up to `seq`,
 * `setBacks` are of them.
 */
export type Checkpoint = {
  readonly seq: number;
  readonly lastTimeMs: number;
  readonly timeEpoch: number;
  readonly chunksEndMs: number;
  readonly accounts: StreamAccounts;
  readonly setBacks: readonly SetBack[];
  readonly snapshot: Uint8Array;
};

export function encodeCheckpoint(checkpoint: Checkpoint): Uint8Array {
  const writer = new ByteWriter(checkpoint.snapshot.length + 32);
  writer.varint(checkpoint.seq);
  writer.varint(checkpoint.lastTimeMs);
  writer.varint(checkpoint.timeEpoch);
  writer.varint(checkpoint.chunksEndMs);
  writer.varint(checkpoint.snapshot.length);
  writer.bytes(checkpoint.snapshot);
  writer.varint(checkpoint.accounts.framesStored);
  writer.varint(checkpoint.accounts.refused.length);
  for (const { fromSeq, toSeq, reason } of checkpoint.accounts.refused) {
    writer.varint(fromSeq);
    writer.varint(toSeq - fromSeq);
    writer.byte(reason === "future" ? 1 : 2);
  }
  writer.varint(checkpoint.setBacks.length);
  for (const { epoch, fromMs } of checkpoint.setBacks) {
    writer.varint(epoch);
    writer.varint(fromMs);
  }
  return writer.finish();
}

export function decodeCheckpoint(bytes: Uint8Array): Checkpoint {
  return readRecord(bytes, "checkpoint", (reader) => ({
    seq: reader.varint(),
    lastTimeMs: reader.varint(),
    timeEpoch: reader.varint(),
    chunksEndMs: reader.varint(),
    snapshot: reader.bytes(reader.count(1)),
    accounts: { framesStored: reader.varint(), refused: readRefused(reader) },
    setBacks: readList(reader, 2, () => ({ epoch: reader.varint(), fromMs: reader.varint() })),
  }));
}

function readRefused(reader: ByteReader): RefusedRange[] {
  return readList(reader, 3, () => {
    const fromSeq = reader.varint();
    const toSeq = fromSeq + reader.varint();
    return { fromSeq, toSeq, reason: reader.byte() === 1 ? "future" : "out-of-order" };
  });
}

/**
 * A frame in the write-ahead log has one byte before it: whether its samples were stored, or only
 * its state was taken (a time in the future or out of order). The two differ in several bits.
 */
const STORED = 0x53;
const STATE_ONLY = 0xac;

export function encodeLogged(frame: Uint8Array, isStored: boolean): Uint8Array {
  const bytes = new Uint8Array(frame.length + 1);
  bytes[0] = isStored ? STORED : STATE_ONLY;
  bytes.set(frame, 1);
  return bytes;
}

export function decodeLogged(bytes: Uint8Array): {
  readonly frame: Uint8Array;
  readonly isStored: boolean;
} {
  const mark = bytes[0];
  if (mark !== STORED && mark !== STATE_ONLY) {
    throw new OperationalError("PARSE", `logged frame has mark ${mark}`);
  }
  return { frame: bytes.subarray(1), isStored: mark === STORED };
}

function readRecord<T>(bytes: Uint8Array, what: string, read: (reader: ByteReader) => T): T {
  const reader = new ByteReader(checkedBody(bytes, what), what);
  const record = read(reader);
  reader.end();
  return record;
}

/** A count, and so many items of at least `itemBytesMin` bytes each. */
function readList<T>(reader: ByteReader, itemBytesMin: number, read: (i: number) => T): T[] {
  return Array.from({ length: reader.count(itemBytesMin) }, (_, i) => read(i));
}

function writeLabels(writer: ByteWriter, labels: Labels): void {
  writer.varint(labels.length);
  for (const text of labels) writer.text(text);
}

function readLabels(reader: ByteReader): Labels {
  const labels = readList(reader, 1, () => reader.text());
  if (labels.length % 2 !== 0) throw new OperationalError("PARSE", "labels are not pairs");
  return labels;
}
