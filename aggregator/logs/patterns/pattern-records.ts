import { OperationalError } from "../../../shared/errors.ts";
import { patternId } from "../../../shared/log-patterns/pattern-text.ts";
import type { Labels } from "../../../shared/model/labels.ts";
import type { KeyRange } from "../../../shared/platform/ports.ts";
import { ByteReader, ByteWriter, checkedBody } from "../../../shared/wire/bytes.ts";

/**
 * What lies where of patterns, in the store of log lines. Numbers are big-endian, so that keys sort
 * as they do; all begin with the same byte. Every value ends with its checksum.
 *
 *     P m                              the next pattern's number, and whether ids were forgotten
 *     P p number(4)                    a pattern, or which one it was merged into
 *     P s hash(8)                      patterns of one shape: how they are compared
 *     P c page(4)                      lines and times of 64 patterns
 *     P l stream(4)                    the labels of a log stream
 *     P h stream(4) start(4) part(8)   lines by pattern, from a minute on
 *
 * History is in parts: whoever begins to count lines of a stream and time takes a part of its own,
 * numbered by the lines of all patterns so far. They add up, and roll-up makes one of them.
 */
const PREFIX = 0x50;
const KIND = { meta: 0x6d, pattern: 0x70, shape: 0x73, page: 0x63, labels: 0x6c, history: 0x68 };

const WORD = 2 ** 32;
export const PAGE_PATTERNS = 64;
const ID_DIGITS = 16;

export type RecordKind = keyof typeof KIND;

export function rangeOfKind(kind: RecordKind): Required<Pick<KeyRange, "gte" | "lt">> {
  return { gte: Uint8Array.of(PREFIX, KIND[kind]), lt: Uint8Array.of(PREFIX, KIND[kind] + 1) };
}

export const META_KEY = Uint8Array.of(PREFIX, KIND.meta);

export function numberedKey(kind: "pattern" | "page" | "labels", number: number): Uint8Array {
  return keyOf(kind, number);
}

/** Of a key that `numberedKey` made. */
export function numberOfKey(key: Uint8Array): number {
  return wordAt(key, 0);
}

export function shapeRecordKey(shape: string): Uint8Array {
  const hash = patternId(shape);
  const half = ID_DIGITS / 2;
  return keyOf(
    "shape",
    Number.parseInt(hash.slice(0, half), 16),
    Number.parseInt(hash.slice(half), 16),
  );
}

export type HistoryPlace = {
  readonly stream: number;
  /** Minutes since 1970. */
  readonly startMin: number;
  readonly part: number;
};

export function historyKey({ stream, startMin, part }: HistoryPlace): Uint8Array {
  return keyOf("history", stream, startMin, Math.floor(part / WORD), part % WORD);
}

export function readHistoryKey(key: Uint8Array): HistoryPlace {
  const [stream, startMin] = [wordAt(key, 0), wordAt(key, 1)];
  return { stream, startMin, part: wordAt(key, 2) * WORD + wordAt(key, 3) };
}

/** History of a stream that begins at `fromMin` <= minute < `toMin`. */
export function historyRange(
  stream: number,
  fromMin: number,
  toMin: number,
): { readonly gte: Uint8Array; readonly lt: Uint8Array } {
  return { gte: keyOf("history", stream, fromMin), lt: keyOf("history", stream, toMin) };
}

export type MetaRecord = { readonly nextNumber: number; readonly hasForgotten: boolean };

export function encodeMeta({ nextNumber, hasForgotten }: MetaRecord): Uint8Array {
  const writer = new ByteWriter(16);
  writer.varint(nextNumber);
  writer.byte(hasForgotten ? 1 : 0);
  return writer.finish();
}

export function decodeMeta(value: Uint8Array): MetaRecord | null {
  return ifWhole(value, (reader) => {
    return { nextNumber: reader.varint(), hasForgotten: reader.byte() !== 0 };
  });
}

export type PatternRecord =
  | {
      readonly kind: "live";
      readonly id: string;
      readonly texts: readonly string[];
      readonly gaps: readonly boolean[];
      readonly hasHeader: boolean;
      readonly leaves: number;
      readonly example: string;
    }
  | {
      readonly kind: "merged";
      readonly id: string;
      readonly into: number;
      /** The number of the line at which it was. */
      readonly line: number;
    };

const LIVE = 1;
const MERGED = 2;

export function encodePattern(record: PatternRecord): Uint8Array {
  const writer = new ByteWriter(256);
  writer.byte(record.kind === "live" ? LIVE : MERGED);
  writer.text(record.id);
  if (record.kind === "merged") {
    writer.varint(record.into);
    writer.varint(record.line);
    return writer.finish();
  }
  writer.byte(record.hasHeader ? 1 : 0);
  writer.varint(record.leaves);
  writer.text(record.example);
  writer.varint(record.texts.length);
  for (const [i, text] of record.texts.entries()) {
    writer.byte(record.gaps[i] === true ? 1 : 0);
    writer.text(text);
  }
  return writer.finish();
}

/** Null for a record that is damaged, as all here. */
export function decodePattern(value: Uint8Array): PatternRecord | null {
  return ifWhole(value, (reader): PatternRecord => {
    const kind = reader.byte();
    const id = reader.text();
    if (kind === MERGED)
      return { kind: "merged", id, into: reader.varint(), line: reader.varint() };
    const hasHeader = reader.byte() !== 0;
    const [leaves, example] = [reader.varint(), reader.text()];
    const [texts, gaps]: [string[], boolean[]] = [[], []];
    for (let left = reader.count(2); left > 0; left -= 1) {
      gaps.push(reader.byte() !== 0);
      texts.push(reader.text());
    }
    return { kind: "live", id, texts, gaps, hasHeader, leaves, example };
  });
}

export type ShapeRecord = {
  readonly key: string;
  readonly fresh: number;
  readonly isSettled: boolean;
  readonly masks: readonly (readonly number[])[];
};

export function encodeShape({ key, fresh, isSettled, masks }: ShapeRecord): Uint8Array {
  const writer = new ByteWriter(128);
  writer.text(key);
  writer.varint(fresh);
  writer.byte(isSettled ? 1 : 0);
  writer.varint(masks.length);
  for (const mask of masks) {
    writer.varint(mask.length);
    for (const position of mask) writer.varint(position);
  }
  return writer.finish();
}

export function decodeShape(value: Uint8Array): ShapeRecord | null {
  return ifWhole(value, (reader) => {
    const [key, fresh, isSettled] = [reader.text(), reader.varint(), reader.byte() !== 0];
    const masks = Array.from({ length: reader.count(1) }, () =>
      Array.from({ length: reader.count(1) }, () => reader.varint()),
    );
    return { key, fresh, isSettled, masks };
  });
}

/** Of one pattern, as in shared/log-patterns/pattern.ts. */
export type PatternTotals = {
  readonly count: number;
  readonly lastLine: number;
  readonly firstUs: number;
  readonly lastUs: number;
};

/** By place in the page; null: there is no such pattern, or it has no line. */
export function encodePage(totals: readonly (PatternTotals | null)[]): Uint8Array {
  const writer = new ByteWriter(1024);
  for (const one of totals) {
    writer.varint(one?.count ?? 0);
    if (one === null || one.count === 0) continue;
    for (const number of [one.lastLine, one.firstUs, one.lastUs]) writer.varint(number);
  }
  return writer.finish();
}

export function decodePage(value: Uint8Array): readonly (PatternTotals | null)[] | null {
  return ifWhole(value, (reader) =>
    Array.from({ length: PAGE_PATTERNS }, () => {
      const count = reader.varint();
      if (count === 0) return null;
      const [lastLine, firstUs, lastUs] = [reader.varint(), reader.varint(), reader.varint()];
      return { count, lastLine, firstUs, lastUs };
    }),
  );
}

export function encodeLabels(labels: Labels): Uint8Array {
  const writer = new ByteWriter(128);
  writer.varint(labels.length);
  for (const text of labels) writer.text(text);
  return writer.finish();
}

export function decodeLabels(value: Uint8Array): Labels | null {
  return ifWhole(value, (reader) => Array.from({ length: reader.count(1) }, () => reader.text()));
}

export type HistoryRecord = {
  /** From the key's minute on. */
  readonly minutes: number;
  /** Lines by the number of their pattern. */
  readonly counts: ReadonlyMap<number, number>;
};

export function encodeHistory({ minutes, counts }: HistoryRecord): Uint8Array {
  const writer = new ByteWriter(16 + counts.size * 6);
  writer.varint(minutes);
  writer.varint(counts.size);
  let last = 0;
  for (const number of [...counts.keys()].sort((a, b) => a - b)) {
    writer.varint(number - last);
    writer.varint(counts.get(number) ?? 0);
    last = number;
  }
  return writer.finish();
}

export function decodeHistory(value: Uint8Array): HistoryRecord | null {
  return ifWhole(value, (reader) => {
    const minutes = reader.varint();
    const counts = new Map<number, number>();
    let number = 0;
    for (let left = reader.count(2); left > 0; left -= 1) {
      number += reader.varint();
      counts.set(number, reader.varint());
    }
    return { minutes, counts };
  });
}

function ifWhole<T>(value: Uint8Array, read: (reader: ByteReader) => T): T | null {
  try {
    const reader = new ByteReader(checkedBody(value, "pattern"), "pattern");
    const record = read(reader);
    reader.end();
    return record;
  } catch (error) {
    if (!(error instanceof OperationalError) || error.code !== "PARSE") throw error;
    return null;
  }
}

function keyOf(kind: RecordKind, ...words: readonly number[]): Uint8Array {
  const key = new Uint8Array(2 + words.length * 4);
  const view = new DataView(key.buffer);
  key[0] = PREFIX;
  key[1] = KIND[kind];
  for (const [i, word] of words.entries()) view.setUint32(2 + i * 4, word);
  return key;
}

function wordAt(key: Uint8Array, index: number): number {
  return new DataView(key.buffer, key.byteOffset, key.byteLength).getUint32(2 + index * 4);
}
