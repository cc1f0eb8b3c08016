import { ByteReader, ByteWriter, checkedBody, unzigzag, zigzag } from "../../shared/wire/bytes.ts";
import type { WrittenHead } from "./written-head.ts";

/**
 * The log of what was written: a record a request, with
 *
 *     varint    samples; for each:
 *     varint    its ref minus that of the one before, zigzag
 *     varint    its time minus that of the one before, zigzag
 *     8 bytes   the value
 *
 * and a checkpoint, from which a replay starts:
 *
 *     varint    last segment that is in chunks whole
 *     varint    the newest time in any chunk of the store
 *     varint    series that are written to; for each, refs ascending: varint gap of the ref, varint
 *               time of its last sample
 */

/** The samples that the head has staged, from the `from`th on; null: none. */
export function encodeStaged(head: WrittenHead, from: number): Uint8Array | null {
  const slots = head.stagedSince(from);
  if (slots.length === 0) return null;
  const { open } = head;
  const first = open.published + from;
  const words = new Uint32Array(2);
  const bytes = new Uint8Array(words.buffer);
  const writer = new ByteWriter(slots.length * 12 + 16);
  writer.varint(slots.length);
  let [ref, timeMs] = [0, 0];
  for (let i = 0; i < slots.length; i += 1) {
    const nextRef = head.refOf(slots[i] ?? 0);
    const nextMs = open.timeAt(first + i);
    writer.varint(zigzag(nextRef - ref));
    writer.varint(zigzag(nextMs - timeMs));
    words[0] = open.wordAt(first + i, 0);
    words[1] = open.wordAt(first + i, 1);
    writer.bytes(bytes);
    ref = nextRef;
    timeMs = nextMs;
  }
  return writer.finish();
}

/** Puts the samples of a record into the head. @throws OperationalError PARSE */
export function replayWritten(record: Uint8Array, head: WrittenHead): void {
  const reader = new ByteReader(checkedBody(record, "written samples"), "written samples");
  let [ref, timeMs] = [0, 0];
  for (let left = reader.count(10); left > 0; left -= 1) {
    ref += unzigzag(reader.varint());
    timeMs += unzigzag(reader.varint());
    const bytes = reader.bytes(8);
    const view = new DataView(bytes.buffer, bytes.byteOffset, 8);
    head.replay(ref, timeMs, view.getUint32(0, true), view.getUint32(4, true));
  }
  reader.end();
}

export type WrittenCheckpoint = {
  readonly segment: number;
  readonly chunksEndMs: number;
  /** Refs ascending. */
  readonly series: readonly { readonly ref: number; readonly lastMs: number }[];
};

export function encodeWrittenCheckpoint(checkpoint: WrittenCheckpoint): Uint8Array {
  const writer = new ByteWriter(checkpoint.series.length * 10 + 32);
  writer.varint(checkpoint.segment);
  writer.varint(checkpoint.chunksEndMs);
  writer.varint(checkpoint.series.length);
  let before = 0;
  for (const { ref, lastMs } of checkpoint.series) {
    writer.varint(ref - before);
    writer.varint(lastMs);
    before = ref;
  }
  return writer.finish();
}

/** @throws OperationalError PARSE */
export function decodeWrittenCheckpoint(bytes: Uint8Array): WrittenCheckpoint {
  const reader = new ByteReader(checkedBody(bytes, "checkpoint"), "checkpoint");
  const segment = reader.varint();
  const chunksEndMs = reader.varint();
  let ref = 0;
  const series = Array.from({ length: reader.count(2) }, () => {
    ref += reader.varint();
    return { ref, lastMs: reader.varint() };
  });
  reader.end();
  return { segment, chunksEndMs, series };
}
