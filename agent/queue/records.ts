import type { BatchOperation } from "../../shared/platform/ports.ts";
import { ByteReader, ByteWriter, checkedBody } from "../../shared/wire/bytes.ts";
import { countOfSeq, epochOfSeq, seqOf } from "../../shared/wire/frame.ts";
import { type DroppedRanges, RANGES_UNDERWAY_MAX } from "./dropped-ranges.ts";
import { type Ledger, newLedger } from "./ledger.ts";
import type { Stretch } from "./stretches.ts";

/**
 * How the queue lies in the store. Numbers in keys are big-endian, so that keys sort as they do.
 *
 *     "m"                      the ledger
 *     "i"                      the stream's id once more, for the day the ledger is damaged
 *     "r"                      the ranges of drops that were not yet reported
 *     "e" epoch:4 count:4      an entry, as it travels (it has its own checksum and sequence)
 *     "s" epoch:4 count:4      for each entry that a reader can begin with: its stretch
 *     "u" ...                  what the user of the queue keeps along with its entries
 *
 * The queue's own records are numbers and texts one after the other, then a CRC-32.
 */
export const LEDGER_KEY = Uint8Array.of(0x6d);
export const RANGES_KEY = Uint8Array.of(0x72);
export const IDENTITY_KEY = Uint8Array.of(0x69);

const ENTRY = 0x65;
const STRETCH = 0x73;
/** The first byte of every key that a user of the queue makes. */
export const USER_KEY = 0x75;

export const ALL_ENTRIES = { gte: Uint8Array.of(ENTRY), lt: Uint8Array.of(ENTRY + 1) };
export const ALL_STRETCHES = { gte: Uint8Array.of(STRETCH), lt: Uint8Array.of(STRETCH + 1) };

export function entryKey(seq: number): Uint8Array {
  return numbersKey(ENTRY, epochOfSeq(seq), countOfSeq(seq));
}

export function stretchKey(seq: number): Uint8Array {
  return numbersKey(STRETCH, epochOfSeq(seq), countOfSeq(seq));
}

/** A kind and two numbers of 32 bits. */
export function numbersKey(kind: number, high: number, low: number): Uint8Array {
  const bytes = new Uint8Array(9);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, kind);
  view.setUint32(1, high);
  view.setUint32(5, low);
  return bytes;
}

/** Null for what is not the key of an entry or a stretch: a damaged block may hold anything. */
export function seqOfKey(bytes: Uint8Array): number | null {
  if (bytes.length !== 9 || (bytes[0] !== ENTRY && bytes[0] !== STRETCH)) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return seqOf(view.getUint32(1), view.getUint32(5));
}

export function stretchPut({ seq, timeMs, before }: Stretch): BatchOperation {
  const writer = new ByteWriter(40);
  for (const number of [timeMs, before.entries, before.bytes, before.items]) writer.varint(number);
  return { type: "put", key: stretchKey(seq), value: writer.finish() };
}

/** @throws OperationalError PARSE when the value is damaged */
export function decodeStretch(seq: number, value: Uint8Array): Stretch {
  const reader = readerOf(value, "stretch of the queue");
  const timeMs = reader.varint();
  const before = { entries: reader.varint(), bytes: reader.varint(), items: reader.varint() };
  reader.end();
  return { seq, timeMs, before };
}

/** Its ranges have a record of their own, which changes seldom; its stretches one each. */
export function encodeLedger(ledger: Ledger): Uint8Array {
  const { queued, dropped } = ledger;
  const writer = new ByteWriter(256);
  writeText(writer, ledger.streamId);
  const { epoch, newestSeq, settledSeq, settledEntries, made, stored, ranges } = ledger;
  const places = [epoch, newestSeq, settledSeq, settledEntries, made, stored, ranges.lastId];
  for (const number of places) writer.varint(number);
  for (const number of [queued.entries, queued.bytes, queued.items]) writer.varint(number);
  writer.varint(dropped.length);
  for (const { reason, frames, samples } of dropped) {
    writeText(writer, reason);
    writer.varint(frames);
    writer.varint(samples);
  }
  return writer.finish();
}

/** @throws OperationalError PARSE when the value is damaged */
export function decodeLedger(value: Uint8Array): Ledger {
  const reader = readerOf(value, "ledger of the queue");
  const number = () => reader.varint();
  const ledger = {
    ...newLedger(readText(reader)),
    epoch: number(),
    newestSeq: number(),
    settledSeq: number(),
    settledEntries: number(),
    made: number(),
    stored: number(),
    ranges: { lastId: number(), frozenId: 0, ranges: [] },
    queued: { entries: number(), bytes: number(), items: number() },
    dropped: Array.from({ length: reader.count(3) }, () => {
      return { reason: readText(reader), frames: number(), samples: number() };
    }),
  };
  reader.end();
  return ledger;
}

export function encodeIdentity(streamId: string): Uint8Array {
  const writer = new ByteWriter(40);
  writeText(writer, streamId);
  return writer.finish();
}

/** @throws OperationalError PARSE when the value is damaged */
export function decodeIdentity(value: Uint8Array): string {
  return readText(readerOf(value, "stream id of the queue"));
}

export function encodeRanges({ ranges }: DroppedRanges): Uint8Array {
  const writer = new ByteWriter(64 * ranges.length + 8);
  writer.varint(ranges.length);
  for (const { id, fromSeq, toSeq, fromMs, toMs, frames, samples, reason } of ranges) {
    for (const number of [id, fromSeq, toSeq, fromMs, toMs, frames, samples]) writer.varint(number);
    writeText(writer, reason);
  }
  return writer.finish();
}

/**
 * Those that the process before may have handed out keep their shape.
 * @throws OperationalError PARSE when the value is damaged
 */
export function decodeRanges(value: Uint8Array, lastId: number): DroppedRanges {
  const reader = readerOf(value, "dropped ranges of the queue");
  const number = () => reader.varint();
  const ranges = Array.from({ length: reader.count(8) }, () => {
    const place = { id: number(), fromSeq: number(), toSeq: number(), fromMs: number() };
    const counts = { toMs: number(), frames: number(), samples: number() };
    return { ...place, ...counts, reason: readText(reader) };
  });
  reader.end();
  const frozenId = ranges.slice(0, RANGES_UNDERWAY_MAX).at(-1)?.id ?? 0;
  return { lastId: Math.max(lastId, ranges.at(-1)?.id ?? 0), frozenId, ranges };
}

function readerOf(value: Uint8Array, what: string): ByteReader {
  return new ByteReader(checkedBody(value, what), what);
}

function writeText(writer: ByteWriter, text: string): void {
  const bytes = new TextEncoder().encode(text);
  writer.varint(bytes.length);
  writer.bytes(bytes);
}

function readText(reader: ByteReader): string {
  return new TextDecoder().decode(reader.bytes(reader.count(1)));
}
