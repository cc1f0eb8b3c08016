import { OperationalError } from "../../shared/errors.ts";
import type { Labels } from "../../shared/model/labels.ts";
import { SCALE_MAX, type SeriesDefinition } from "../../shared/model/series-definition.ts";
import { ByteReader, ByteWriter, checkedBody } from "../../shared/wire/bytes.ts";
import type { RefusedRange } from "../model/commit.ts";
import type { SetBack } from "./stream.ts";
import type { StreamAccounts } from "./stream-accounts.ts";

/**
 * The small records of the store. Each ends with a CRC-32 (bytes.ts); reading one throws PARSE when
 * it is damaged.
 */

export type StreamRecord = { readonly node: string; readonly streamId: string };

export function encodeStream(record: StreamRecord): Uint8Array {
  const writer = new ByteWriter(64);
  writeText(writer, record.node);
  writeText(writer, record.streamId);
  return writer.finish();
}

export function decodeStream(bytes: Uint8Array): StreamRecord {
  const reader = openRecord(bytes, "stream record");
  const record = { node: readText(reader), streamId: readText(reader) };
  reader.end();
  return record;
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
  const reader = openRecord(bytes, "series record");
  const firstMs = reader.varint();
  const lastMs = reader.varint();
  const labels = readLabels(reader);
  reader.end();
  return { labels, firstMs, lastMs };
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
  const reader = openRecord(bytes, "series definitions");
  const firstId = reader.varint();
  const count = reader.count(3);
  const definitions: SeriesDefinition[] = [];
  for (let i = 0; i < count; i += 1) {
    const group = reader.varint();
    const scale = reader.varint() - 1;
    if (scale > SCALE_MAX) throw new OperationalError("PARSE", `series has scale ${scale}`);
    definitions.push({ id: firstId + i, group, scale, labels: readLabels(reader) });
  }
  reader.end();
  return definitions;
}

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
  const reader = openRecord(bytes, "checkpoint");
  const seq = reader.varint();
  const lastTimeMs = reader.varint();
  const timeEpoch = reader.varint();
  const chunksEndMs = reader.varint();
  const snapshot = reader.bytes(reader.count(1));
  const accounts = readAccounts(reader);
  const setBacks = readSetBacks(reader);
  reader.end();
  return { seq, lastTimeMs, timeEpoch, chunksEndMs, accounts, setBacks, snapshot };
}

function readSetBacks(reader: ByteReader): SetBack[] {
  const setBacks: SetBack[] = [];
  for (let left = reader.count(2); left > 0; left -= 1) {
    setBacks.push({ epoch: reader.varint(), fromMs: reader.varint() });
  }
  return setBacks;
}

function readAccounts(reader: ByteReader): StreamAccounts {
  const framesStored = reader.varint();
  const count = reader.count(3);
  const refused: RefusedRange[] = [];
  for (let i = 0; i < count; i += 1) {
    const fromSeq = reader.varint();
    const toSeq = fromSeq + reader.varint();
    refused.push({ fromSeq, toSeq, reason: reader.byte() === 1 ? "future" : "out-of-order" });
  }
  return { framesStored, refused };
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

function openRecord(bytes: Uint8Array, what: string): ByteReader {
  return new ByteReader(checkedBody(bytes, what), what);
}

function writeText(writer: ByteWriter, text: string): void {
  const bytes = Buffer.from(text, "utf8");
  writer.varint(bytes.length);
  writer.bytes(bytes);
}

function readText(reader: ByteReader): string {
  const bytes = reader.bytes(reader.count(1));
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8");
}

function writeLabels(writer: ByteWriter, labels: Labels): void {
  writer.varint(labels.length);
  for (const text of labels) writeText(writer, text);
}

function readLabels(reader: ByteReader): Labels {
  const count = reader.count(1);
  if (count % 2 !== 0) throw new OperationalError("PARSE", "labels are not pairs");
  const labels: string[] = [];
  for (let i = 0; i < count; i += 1) labels.push(readText(reader));
  return labels;
}
