import { countOfSeq, epochOfSeq, seqOf } from "../../shared/model/sequence.ts";
import type { BatchOperation } from "../../shared/platform/ports.ts";
import { ByteWriter, checkedBody } from "../../shared/wire/bytes.ts";
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
 * The queue's own records are JSON and a CRC-32.
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
  return { type: "put", key: stretchKey(seq), value: encodeRecord({ timeMs, before }) };
}

/** @throws OperationalError PARSE when the value is damaged */
export function decodeStretch(seq: number, value: Uint8Array): Stretch {
  return { seq, ...decodeRecord<Omit<Stretch, "seq">>(value, "stretch of the queue") };
}

/** Its ranges have a record of their own, which changes seldom; its stretches one each. */
export function encodeLedger({ stretches: _, refused: _refused, ...ledger }: Ledger): Uint8Array {
  return encodeRecord({ ...ledger, ranges: ledger.ranges.lastId });
}

/** @throws OperationalError PARSE when the value is damaged */
export function decodeLedger(value: Uint8Array): Ledger {
  type Stored = Omit<Ledger, "ranges" | "stretches" | "refused"> & { readonly ranges: number };
  const { ranges, ...ledger } = decodeRecord<Stored>(value, "ledger of the queue");
  return { ...newLedger(""), ...ledger, ranges: { lastId: ranges, frozenId: 0, ranges: [] } };
}

/**
 * Those that the process before may have handed out keep their shape.
 * @throws OperationalError PARSE when the value is damaged
 */
export function decodeRanges(value: Uint8Array, lastId: number): DroppedRanges {
  const ranges = decodeRecord<DroppedRanges["ranges"]>(value, "dropped ranges of the queue");
  const frozenId = ranges.slice(0, RANGES_UNDERWAY_MAX).at(-1)?.id ?? 0;
  return { lastId: Math.max(lastId, ranges.at(-1)?.id ?? 0), frozenId, ranges };
}

/** JSON, followed by its CRC-32. */
export function encodeRecord(content: unknown): Uint8Array {
  const text = new TextEncoder().encode(JSON.stringify(content));
  const writer = new ByteWriter(text.length);
  writer.bytes(text);
  return writer.finish();
}

/**
 * What `encodeRecord` was given: the checksum vouches for its shape.
 * @throws OperationalError PARSE when the value is damaged
 */
export function decodeRecord<T>(value: Uint8Array, what: string): T {
  return JSON.parse(new TextDecoder().decode(checkedBody(value, what))) as T;
}
