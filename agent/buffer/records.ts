import { z } from "zod";
import { OperationalError } from "../../shared/errors.ts";
import type { SeriesDefinition } from "../../shared/model/series-definition.ts";
import type { BatchOperation } from "../../shared/platform/ports.ts";
import { ByteReader, ByteWriter, checkedBody } from "../../shared/wire/bytes.ts";
import { countOfSeq, epochOfSeq, seqOf } from "../../shared/wire/frame.ts";
import type { EncodedFrame } from "../../shared/wire/frame-encoder.ts";
import type { Ledger } from "./ledger-state.ts";
import type { Stretch } from "./stretches.ts";

/**
 * How the queue lies in the store. Numbers in keys are big-endian, so that keys sort as they do.
 *
 *     "m"                      the ledger
 *     "f" epoch:4 count:4      a frame, as it travels (it has its own checksum and sequence)
 *     "k" epoch:4 count:4      for each keyframe: what had been put in before it (a `Stretch`)
 *     "d" epoch:4 id:4         a series definition
 *
 * Ledger, stretches and definitions are followed by a CRC-32 of their own. A frame, its stretch, its
 * definitions and the ledger that counts it are one batch. What lies outside of the stretches is
 * garbage that a crash left over; opening removes it.
 */
export const LEDGER_KEY = Uint8Array.of(0x6d);

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

export function stretchDeletion(seq: number): BatchOperation {
  return { type: "del", key: stretchKey(seq) };
}

export function encodeStretch(stretch: Stretch): Uint8Array {
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

const definitionSchema = z.tuple([z.int(), z.int()]).rest(z.string());

/** @throws OperationalError PARSE when the value is damaged */
export function decodeDefinition(id: number, value: Uint8Array): SeriesDefinition {
  const [group, scale, ...labels] = unseal(value, "series definition", definitionSchema);
  return { id, group, scale, labels };
}

export function encodeLedger(ledger: Ledger): Uint8Array {
  return seal(ledger);
}

const count = z.int().min(0);
const ledgerSchema = z.strictObject({
  streamId: z.string().regex(/^[0-9a-f]{32}$/),
  epoch: count,
  newestSeq: count,
  settledSeq: count,
  settledFrames: count,
  queued: z.strictObject({ frames: count, bytes: count, samples: count }),
  made: count,
  stored: count,
  dropped: z.array(z.strictObject({ reason: z.string(), frames: count, samples: count })),
});

/** @throws OperationalError PARSE when the value is damaged */
export function decodeLedger(value: Uint8Array): Ledger {
  return unseal(value, "ledger of the buffer", ledgerSchema);
}

function seal(content: unknown): Uint8Array {
  const text = new TextEncoder().encode(JSON.stringify(content));
  const writer = new ByteWriter(text.length);
  writer.bytes(text);
  return writer.finish();
}

function unseal<T>(value: Uint8Array, what: string, schema: z.ZodType<T>): T {
  const text = new TextDecoder().decode(checkedBody(value, what));
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw new OperationalError("PARSE", `${what} is not of this version`, { cause });
  }
}
