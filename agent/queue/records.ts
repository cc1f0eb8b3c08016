import { OperationalError } from "../../shared/errors.ts";
import type { DroppedRange } from "../../shared/model/accounts.ts";
import type { SeriesDefinition } from "../../shared/model/series-definition.ts";
import type { BatchOperation } from "../../shared/platform/ports.ts";
import { ByteReader, ByteWriter, checkedBody } from "../../shared/wire/bytes.ts";
import { countOfSeq, epochOfSeq, seqOf } from "../../shared/wire/frame.ts";
import type { EncodedFrame } from "../../shared/wire/frame-encoder.ts";
import { RANGES_UNDERWAY_MAX, type RangeBook } from "./dropped-ranges.ts";
import type { Ledger } from "./ledger.ts";
import type { Stretch } from "./stretches.ts";

/**
 * How the queue lies in the store. Numbers in keys are big-endian, so that keys sort as they do.
 *
 *     "m"                      the ledger
 *     "i"                      the stream's id once more, for the day the ledger is damaged
 *     "r"                      the ranges of dropped frames that were not yet reported
 *     "f" epoch:4 count:4      a frame, as it travels (it has its own checksum and sequence)
 *     "k" epoch:4 count:4      for each keyframe: what had been put in before it (a `Stretch`)
 *     "d" epoch:4 id:4         a series definition
 *
 * Ledger, stretches and definitions are followed by a CRC-32 of their own. A frame, its stretch, its
 * definitions and the ledger that counts it are one batch. What lies outside of the stretches is
 * garbage that a crash left over; opening removes it.
 */
export const LEDGER_KEY = Uint8Array.of(0x6d);
export const RANGES_KEY = Uint8Array.of(0x72);
export const IDENTITY_KEY = Uint8Array.of(0x69);

const LEDGER_NAME = "ledger of the buffer";
const IDENTITY_NAME = "stream id of the buffer";
const RANGES_NAME = "dropped ranges of the buffer";
const DEFINITION_NAME = "series definition";

const STREAM_ID = /^[0-9a-f]{32}$/;

const FRAME = 0x66;
const STRETCH = 0x6b;
const DEFINITION = 0x64;

export const ALL_STRETCHES = { gte: key(STRETCH, 0, 0), lt: key(STRETCH + 1, 0, 0) };
export const ALL_FRAMES = { gte: key(FRAME, 0, 0), lt: key(FRAME + 1, 0, 0) };
export const ALL_DEFINITIONS = { gte: key(DEFINITION, 0, 0), lt: key(DEFINITION + 1, 0, 0) };

export function frameKey(seq: number): Uint8Array {
  return key(FRAME, epochOfSeq(seq), countOfSeq(seq));
}

export function stretchKey(seq: number): Uint8Array {
  return key(STRETCH, epochOfSeq(seq), countOfSeq(seq));
}

export function definitionKey(epoch: number, id: number): Uint8Array {
  return key(DEFINITION, epoch, id);
}

function key(kind: number, high: number, low: number): Uint8Array {
  const bytes = new Uint8Array(9);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, kind);
  view.setUint32(1, high);
  view.setUint32(5, low);
  return bytes;
}

/** The sequence in the key of a frame or of a stretch. */
export function seqOfKey(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return seqOf(view.getUint32(1), view.getUint32(5));
}

/** Null for a key that is none of a frame: a damaged block may hold anything. */
export function seqOfFrameKey(bytes: Uint8Array): number | null {
  return bytes.length === 9 && bytes[0] === FRAME ? seqOfKey(bytes) : null;
}

export function stretchPut(stretch: Stretch): Put {
  return { type: "put", key: stretchKey(stretch.seq), value: encodeStretch(stretch) };
}

export function stretchDeletion(seq: number): BatchOperation {
  return { type: "del", key: stretchKey(seq) };
}

function encodeStretch(stretch: Stretch): Uint8Array {
  const writer = new ByteWriter(40);
  writer.varint(stretch.timeMs);
  writer.varint(stretch.before.frames);
  writer.varint(stretch.before.bytes);
  writer.varint(stretch.before.samples);
  return writer.finish();
}

/** @throws OperationalError PARSE when the value is damaged */
export function decodeStretch(seq: number, value: Uint8Array): Stretch {
  const reader = new ByteReader(checkedBody(value, "stretch"), "stretch");
  const timeMs = reader.varint();
  const before = { frames: reader.varint(), bytes: reader.varint(), samples: reader.varint() };
  reader.end();
  return { seq, timeMs, before };
}

export type Put = { readonly type: "put"; readonly key: Uint8Array; readonly value: Uint8Array };

/** The frame and its new definitions. */
export function frameOperations(frame: EncodedFrame): Put[] {
  const puts: Put[] = [{ type: "put", key: frameKey(frame.seq), value: frame.bytes }];
  const epoch = epochOfSeq(frame.seq);
  for (const definition of frame.definitions) {
    const value = encodeDefinition(definition);
    puts.push({ type: "put", key: definitionKey(epoch, definition.id), value });
  }
  return puts;
}

function encodeDefinition(definition: SeriesDefinition): Uint8Array {
  return seal([definition.group, definition.scale, ...definition.labels]);
}

/** @throws OperationalError PARSE when the value is damaged */
export function decodeDefinition(id: number, value: Uint8Array): SeriesDefinition {
  const content = unseal(value, DEFINITION_NAME);
  const [group, scale, ...labels] = Array.isArray(content) ? content : [];
  const isWhole = Number.isInteger(group) && Number.isInteger(scale);
  if (isWhole && labels.every((one) => typeof one === "string"))
    return { id, group, scale, labels };
  throw ofAnotherVersion(DEFINITION_NAME);
}

/** Its ranges have a record of their own, which changes seldom. */
export function encodeLedger(ledger: Ledger): Uint8Array {
  return seal({ ...ledger, ranges: undefined, rangeId: ledger.ranges.lastId });
}

/**
 * The ledger without its ranges: their last id is there.
 * @throws OperationalError PARSE when the value is damaged
 */
export function decodeLedger(value: Uint8Array): Ledger {
  const content = unseal(value, LEDGER_NAME);
  if (!isLedger(content)) throw ofAnotherVersion(LEDGER_NAME);
  const { rangeId = 0, ...ledger } = content;
  return { ...ledger, ranges: { lastId: rangeId, frozenId: 0, ranges: [] } };
}

export function encodeIdentity(streamId: string): Uint8Array {
  return seal(streamId);
}

/** @throws OperationalError PARSE when the value is damaged */
export function decodeIdentity(value: Uint8Array): string {
  const content = unseal(value, IDENTITY_NAME);
  if (typeof content === "string" && STREAM_ID.test(content)) return content;
  throw ofAnotherVersion(IDENTITY_NAME);
}

export function encodeRanges({ ranges }: RangeBook): Uint8Array {
  return seal(ranges);
}

/**
 * Those that the process before may have handed out keep their shape.
 * @throws OperationalError PARSE when the value is damaged
 */
export function decodeRanges(value: Uint8Array, lastId: number): RangeBook {
  const ranges = unseal(value, RANGES_NAME);
  if (!isRanges(ranges)) throw ofAnotherVersion(RANGES_NAME);
  const frozenId = ranges.slice(0, RANGES_UNDERWAY_MAX).at(-1)?.id ?? 0;
  return { lastId: Math.max(lastId, ranges.at(-1)?.id ?? 0), frozenId, ranges };
}

function isRanges(content: unknown): content is DroppedRange[] {
  const names = ["id", "fromSeq", "toSeq", "fromMs", "toMs", "frames", "samples"];
  return (
    Array.isArray(content) &&
    content.every((one) => hasCounts(one, names) && typeof one["reason"] === "string")
  );
}

type StoredLedger = Omit<Ledger, "ranges"> & { readonly rangeId?: number };

function isLedger(content: unknown): content is StoredLedger {
  if (!isRecord(content)) return false;
  const { streamId, queued, dropped, rangeId = 0 } = content;
  return (
    isCount(rangeId) &&
    typeof streamId === "string" &&
    STREAM_ID.test(streamId) &&
    hasCounts(content, ["epoch", "newestSeq", "settledSeq", "settledFrames", "made", "stored"]) &&
    hasCounts(queued, ["frames", "bytes", "samples"]) &&
    Array.isArray(dropped) &&
    dropped.every(
      (one) => hasCounts(one, ["frames", "samples"]) && typeof one["reason"] === "string",
    )
  );
}

function hasCounts(content: unknown, names: readonly string[]): content is Record<string, unknown> {
  return isRecord(content) && names.every((name) => isCount(content[name]));
}

function isCount(value: unknown): boolean {
  return Number.isInteger(value) && Number(value) >= 0;
}

function isRecord(content: unknown): content is Record<string, unknown> {
  return typeof content === "object" && content !== null;
}

function seal(content: unknown): Uint8Array {
  const text = new TextEncoder().encode(JSON.stringify(content));
  const writer = new ByteWriter(text.length);
  writer.bytes(text);
  return writer.finish();
}

function unseal(value: Uint8Array, what: string): unknown {
  const text = new TextDecoder().decode(checkedBody(value, what));
  try {
    return JSON.parse(text);
  } catch {
    throw ofAnotherVersion(what);
  }
}

/** Its checksum is right, so nothing damaged it. */
function ofAnotherVersion(what: string): OperationalError {
  return new OperationalError("PARSE", `${what} is not of this version`);
}
