import { DOUBLE_SCALE } from "../../shared/model/series-definition.ts";
import { columnBits } from "../../shared/model/stale.ts";
import { zigzag } from "../../shared/wire/bytes.ts";
import { CODING, DECIMALS_MAX, POWERS, WHOLE_MAX } from "./chunk.ts";
import { type Changes, grownCopy } from "./group-rows.ts";

/**
 * One column as stretches of rows and runs of equal values, oldest first. Run `i` starts at value
 * number `runStarts[i]`; values of all stretches are counted on.
 */
export class ColumnValues {
  valueCount = 0;
  runCount = 0;
  stretchCount = 0;
  runStarts = new Uint32Array(1024);
  runValues = new Float64Array(1024);
  runBits = columnBits(this.runValues);
  stretchFrom = new Uint32Array(16);
  stretchEnd = new Uint32Array(16);
  stretchHasMarker = new Uint8Array(16);

  read(changes: Changes, end: number): void {
    this.reset();
    if (changes.count > this.runStarts.length) this.#growRuns(changes.count);
    for (let i = changes.count - 1; i >= 0; i -= 1) {
      const row = changes.rows[i] ?? 0;
      const nextRow = i > 0 ? (changes.rows[i - 1] ?? 0) : end;
      if (changes.ends[i] === 1) this.addMarker(row);
      else if (nextRow > row) this.#addRun(row, nextRow, changes.values[i] ?? 0);
    }
  }

  /** Begins anew; `addSample` and `addMarker` follow, rows ascending. */
  reset(): void {
    this.valueCount = 0;
    this.runCount = 0;
    this.stretchCount = 0;
  }

  /** The values `from` up to, not including, `end` of a column, in rows that follow each other. */
  addValues(row: number, values: Float64Array, from: number, end: number): void {
    const need = this.runCount + end - from;
    if (need > this.runStarts.length) this.#growRuns(need);
    this.#extend(row, row + end - from);
    let { runCount, valueCount } = this;
    const { runStarts, runBits } = this;
    const bits = columnBits(values);
    for (let i = from; i < end; i += 1) {
      const low = bits[i * 2] ?? 0;
      const high = bits[i * 2 + 1] ?? 0;
      const last = runCount * 2 - 2;
      if (runCount === 0 || runBits[last] !== low || runBits[last + 1] !== high) {
        runStarts[runCount] = valueCount;
        runBits[last + 2] = low;
        runBits[last + 3] = high;
        runCount += 1;
      }
      valueCount += 1;
    }
    this.runCount = runCount;
    this.valueCount = valueCount;
  }

  #addRun(row: number, nextRow: number, value: number): void {
    this.#extend(row, nextRow);
    const isSame = this.runCount > 0 && Object.is(this.runValues[this.runCount - 1], value);
    if (!isSame) {
      this.runStarts[this.runCount] = this.valueCount;
      this.runValues[this.runCount] = value;
      this.runCount += 1;
    }
    this.valueCount += nextRow - row;
  }

  #extend(row: number, nextRow: number): void {
    const last = this.stretchCount - 1;
    const goesOn = last >= 0 && this.stretchEnd[last] === row && this.stretchHasMarker[last] === 0;
    if (goesOn) this.stretchEnd[last] = nextRow;
    else this.#addStretch(row, nextRow, 0);
  }

  addMarker(row: number): void {
    const last = this.stretchCount - 1;
    if (last >= 0 && this.stretchEnd[last] === row) this.stretchHasMarker[last] = 1;
    else this.#addStretch(row, row, 1);
  }

  #addStretch(from: number, end: number, marker: number): void {
    if (this.stretchCount === this.stretchFrom.length) this.#growStretches();
    this.stretchFrom[this.stretchCount] = from;
    this.stretchEnd[this.stretchCount] = end;
    this.stretchHasMarker[this.stretchCount] = marker;
    this.stretchCount += 1;
  }

  #growRuns(count: number): void {
    this.runStarts = grownCopy(this.runStarts, new Uint32Array(count * 2));
    this.runValues = grownCopy(this.runValues, new Float64Array(count * 2));
    this.runBits = columnBits(this.runValues);
  }

  #growStretches(): void {
    const capacity = this.stretchCount * 2;
    this.stretchFrom = grownCopy(this.stretchFrom, new Uint32Array(capacity));
    this.stretchEnd = grownCopy(this.stretchEnd, new Uint32Array(capacity));
    this.stretchHasMarker = grownCopy(this.stretchHasMarker, new Uint8Array(capacity));
  }
}

/** Decimal places with which every value is exactly a whole number / 10^places; else -1. */
export function decimalsOf(column: ColumnValues): number {
  let places = 0;
  for (let i = 0; i < column.runCount; i += 1) {
    const value = column.runValues[i] ?? 0;
    while (!isExact(value, places)) {
      places += 1;
      if (places > DECIMALS_MAX) return DOUBLE_SCALE;
    }
  }
  // One more place may have broken the exactness of an earlier value.
  for (let i = 0; i < column.runCount; i += 1) {
    if (!isExact(column.runValues[i] ?? 0, places)) return DOUBLE_SCALE;
  }
  return places;
}

function isExact(value: number, places: number): boolean {
  const power = POWERS[places] ?? 1;
  const whole = Math.round(value * power);
  return Math.abs(whole) < WHOLE_MAX && whole / power === value && !Object.is(value, -0);
}

/** Turns the values into the whole numbers that are coded; false (values as before) if they are not. */
export function makeWhole(column: ColumnValues, scale: number, decimals: number): boolean {
  if (scale === DOUBLE_SCALE) {
    const power = POWERS[decimals] ?? 1;
    for (let i = 0; i < column.runCount; i += 1) {
      column.runValues[i] = Math.round((column.runValues[i] ?? 0) * power);
    }
    return true;
  }
  for (let i = 0; i < column.runCount; i += 1) {
    if (!isExact(column.runValues[i] ?? 0, 0)) return false;
  }
  return true;
}

/** A coding, and about how many bytes it takes. */
export type Choice = { readonly coding: number; readonly bytes: number };

/** At worst, for doubles. */
export function chooseDoubles({ runCount, valueCount }: ColumnValues): Choice {
  const isSparse = runCount * 10 < valueCount;
  if (isSparse) return { coding: CODING.sparseDoubles, bytes: runCount * 9 };
  return { coding: CODING.xor, bytes: valueCount * 9 };
}

/**
 * The smallest coding of whole numbers. All sizes but one follow from the runs alone; that one,
 * double delta, is left out where `withDoubleDelta` is false.
 */
export function chooseWhole(column: ColumnValues, withDoubleDelta: boolean): Choice {
  const { runCount, valueCount, runStarts, runValues } = column;
  if (runCount <= 1) return { coding: CODING.constant, bytes: 1 };
  let sparseBytes = varintBytes(runCount);
  let deltaBytes = valueCount - runCount;
  for (let i = 1; i < runCount; i += 1) {
    const bytes = varintBytes(zigzag((runValues[i] ?? 0) - (runValues[i - 1] ?? 0)));
    deltaBytes += bytes;
    sparseBytes += bytes + varintBytes((runStarts[i] ?? 0) - (runStarts[i - 1] ?? 0) - 1);
  }
  const packedBytes = packedSize(column);
  const best = Math.min(sparseBytes, deltaBytes, packedBytes);
  if (withDoubleDelta && runCount * 4 > valueCount) {
    const bytes = doubleDeltaSize(column, best);
    if (bytes < best) return { coding: CODING.doubleDelta, bytes };
  }
  if (best === sparseBytes) return { coding: CODING.sparse, bytes: best };
  return { coding: best === deltaBytes ? CODING.delta : CODING.packed, bytes: best };
}

/** Smallest delta, and bits that a delta's distance to it takes; more than 30 are not packed. */
export function deltaBits(column: ColumnValues): { readonly min: number; readonly bits: number } {
  const { runCount, valueCount, runValues } = column;
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  for (let i = 1; i < runCount; i += 1) {
    const delta = (runValues[i] ?? 0) - (runValues[i - 1] ?? 0);
    if (delta < min) min = delta;
    if (delta > max) max = delta;
  }
  if (valueCount > runCount) {
    min = Math.min(min, 0);
    max = Math.max(max, 0);
  }
  const span = max - min;
  return { min, bits: span >= 2 ** 30 ? 31 : 32 - Math.clz32(span) };
}

function packedSize(column: ColumnValues): number {
  const { min, bits } = deltaBits(column);
  if (bits > 30) return Number.POSITIVE_INFINITY;
  return varintBytes(zigzag(min)) + 1 + Math.ceil(((column.valueCount - 1) * bits) / 8);
}

/** Bytes of the double-delta coding; Infinity as soon as it is not below `limit`. */
function doubleDeltaSize(column: ColumnValues, limit: number): number {
  const values = expand(column);
  let bytes = 0;
  let step = 0;
  for (let i = 1; i < column.valueCount; i += 1) {
    const next = (values[i] ?? 0) - (values[i - 1] ?? 0);
    if (Math.abs(next - step) >= 2 ** 52) return Number.POSITIVE_INFINITY;
    bytes += varintBytes(zigzag(next - step));
    if (bytes >= limit) return Number.POSITIVE_INFINITY;
    step = next;
  }
  return bytes;
}

/** Shorter runs are written faster one by one. */
const FILL_MIN = 16;
let expanded = new Float64Array(1024);

/** All values one after the other, in memory that the next call uses again. */
export function expand(column: ColumnValues): Float64Array {
  const { runCount, valueCount, runStarts, runValues } = column;
  if (valueCount > expanded.length) expanded = new Float64Array(valueCount * 2);
  for (let i = 0; i < runCount; i += 1) {
    const start = runStarts[i] ?? 0;
    const end = i + 1 < runCount ? (runStarts[i + 1] ?? 0) : valueCount;
    const value = runValues[i] ?? 0;
    if (end - start > FILL_MIN) expanded.fill(value, start, end);
    else for (let at = start; at < end; at += 1) expanded[at] = value;
  }
  return expanded;
}

function varintBytes(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  return value < 0x200000 ? 3 : Math.ceil((Math.log2(value) + 1e-9) / 7);
}
