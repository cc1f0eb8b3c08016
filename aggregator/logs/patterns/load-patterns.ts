import { type MinerState, otherPattern } from "../../../shared/log-patterns/miner.ts";
import {
  current,
  newPattern,
  newShape,
  type Pattern,
  type Shape,
} from "../../../shared/log-patterns/pattern.ts";
import { shapeOf } from "../../../shared/log-patterns/token-keys.ts";
import { getOrInsert } from "../../../shared/model/get-or-insert.ts";
import type { Labels } from "../../../shared/model/labels.ts";
import type { KeyValueStore } from "../../../shared/platform/ports.ts";
import {
  decodeLabels,
  decodeMeta,
  decodePage,
  decodePattern,
  decodeShape,
  META_KEY,
  numberOfKey,
  PAGE_PATTERNS,
  type PatternRecord,
  type PatternTotals,
  type RecordKind,
  rangeOfKind,
  type ShapeRecord,
} from "./pattern-records.ts";

type LoadedPatterns = {
  readonly state: MinerState;
  readonly streams: ReadonlyMap<number, Labels>;
  /** Records that could not be read. Lines of a pattern that is lost count as all others. */
  readonly damaged: number;
};

/** @throws OperationalError STORAGE */
export async function loadPatterns(store: KeyValueStore): Promise<LoadedPatterns> {
  let damaged = 0;
  async function* records<T>(kind: RecordKind, decode: (value: Uint8Array) => T | null) {
    for await (const [key, value] of store.entries(rangeOfKind(kind))) {
      const record = decode(value);
      if (record === null) damaged += 1;
      else yield [key, record] as const;
    }
  }
  const shapes = new Map<string, ShapeRecord>();
  for await (const [, record] of records("shape", decodeShape)) shapes.set(record.key, record);
  const saved = new Map<number, PatternRecord>();
  for await (const [key, record] of records("pattern", decodePattern)) {
    saved.set(numberOfKey(key), record);
  }
  const byNumber = patternsOf(saved, shapes);
  for await (const [key, totals] of records("page", decodePage)) {
    addTotals(byNumber, numberOfKey(key) * PAGE_PATTERNS, totals);
  }
  const streams = new Map<number, Labels>();
  for await (const [key, labels] of records("labels", decodeLabels)) {
    streams.set(numberOfKey(key), labels);
  }
  const value = await store.get(META_KEY);
  const meta = value === undefined ? null : decodeMeta(value);
  if (value !== undefined && meta === null) damaged += 1;
  const patterns = [...byNumber.values()].sort((a, b) => a.number - b.number);
  const nextNumber = Math.max(meta?.nextNumber ?? 1, (patterns.at(-1)?.number ?? 0) + 1);
  const hasForgotten = meta?.hasForgotten ?? value !== undefined;
  return { state: { nextNumber, hasForgotten, patterns }, streams, damaged };
}

function patternsOf(
  saved: ReadonlyMap<number, PatternRecord>,
  shapeRecords: ReadonlyMap<string, ShapeRecord>,
): Map<number, Pattern> {
  const shapes = new Map<string, Shape>();
  const other = otherPattern();
  const byNumber = new Map([[0, other]]);
  const nothing = { hasHeader: false, example: "" };
  for (const [number, record] of saved) {
    const { id } = record;
    if (record.kind === "merged") {
      const pattern = newPattern({ number, id }, { texts: [], gaps: [] }, newShape(""), nothing);
      byNumber.set(number, Object.assign(pattern, { lastLine: record.line, mergedInto: other }));
      continue;
    }
    const key = shapeOf(record.texts);
    const shape = getOrInsert(shapes, key, () => shapeFrom(key, shapeRecords.get(key)));
    const { hasHeader, example, leaves } = record;
    const pattern = newPattern({ number, id }, record, shape, { hasHeader, example });
    pattern.leaves = leaves;
    shape.patterns.push(pattern);
    byNumber.set(number, pattern);
  }
  for (const [number, record] of saved) {
    const pattern = byNumber.get(number);
    const into = record.kind === "merged" ? byNumber.get(record.into) : undefined;
    // Merged into itself it could only be by damage, and would be looked for without end.
    if (pattern !== undefined && into !== undefined && into !== pattern) pattern.mergedInto = into;
  }
  return byNumber;
}

function shapeFrom(key: string, record: ShapeRecord | undefined): Shape {
  const shape = newShape(key);
  if (record === undefined) return shape;
  for (const mask of record.masks) shape.masks.set(mask.join(), mask);
  shape.fresh = record.fresh;
  shape.isSettled = record.isSettled;
  return shape;
}

function addTotals(
  byNumber: ReadonlyMap<number, Pattern>,
  first: number,
  totals: readonly (PatternTotals | null)[],
): void {
  for (const [i, one] of totals.entries()) {
    if (one === null) continue;
    const pattern = current(byNumber.get(first + i) ?? (byNumber.get(0) as Pattern));
    pattern.count += one.count;
    pattern.lastLine = Math.max(pattern.lastLine, one.lastLine);
    pattern.firstUs = Math.min(pattern.firstUs, one.firstUs);
    pattern.lastUs = Math.max(pattern.lastUs, one.lastUs);
  }
}
