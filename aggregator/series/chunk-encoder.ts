import { DOUBLE_SCALE } from "../../shared/model/series-definition.ts";
import { ByteWriter, zigzag } from "../../shared/wire/bytes.ts";
import { CHUNK_VERSION, CODING, TIMES } from "./chunk.ts";
import {
  ColumnValues,
  chooseDoubles,
  chooseWhole,
  decimalsOf,
  deltaBits,
  expand,
  makeWhole,
} from "./column-values.ts";
import type { Changes } from "./group-rows.ts";
import { LikelyColumn } from "./likely-column.ts";
import { NumberEncoder } from "./number-encoder.ts";

/** What is coded by how likely it is takes a few times longer to read: it has to save something. */
const PAYS = 31 / 32;

/**
 * Writes chunks (chunk.ts), one after the other: `begin`, a column at a time, `finish`. Version 1 is
 * written fast, 2 small.
 */
export class ChunkEncoder {
  readonly #version: number;
  readonly #likely: LikelyColumn | null;
  readonly #head = new ByteWriter(4096);
  readonly #body = new ByteWriter(65_536);
  readonly #column = new ColumnValues();
  readonly #refs: number[] = [];
  readonly #sizes: number[] = [];
  #from = 0;
  #end = 0;

  constructor(version: number) {
    this.#version = version;
    this.#likely = version === CHUNK_VERSION.cut ? null : new LikelyColumn();
  }

  /**
   * @param times of the rows `from` up to, not including, `from + times.length`
   * @param silentRows of the group; those of other rows are left out
   */
  begin(from: number, times: Float64Array, silentRows: readonly number[]): void {
    this.#from = from;
    this.#end = from + times.length;
    this.#refs.length = 0;
    this.#sizes.length = 0;
    this.#body.reset();
    const head = this.#head;
    head.reset();
    head.byte(this.#version);
    head.varint(times.length);
    writeTimes(head, times, this.#likely !== null);
    const silent = silentRows.filter((row) => row >= this.#from && row < this.#end);
    head.varint(silent.length);
    let before = from;
    for (const row of silent) {
      head.varint(row - before);
      before = row;
    }
  }

  /** Columns come with their refs ascending. One that says nothing of these rows is left out. */
  addColumn(ref: number, scale: number, changes: Changes): void {
    this.#column.read(changes, this.#end);
    this.addValues(ref, scale, this.#column);
  }

  /** The same of a column's values, which are not as they were afterwards. */
  addValues(ref: number, scale: number, column: ColumnValues): void {
    if (column.stretchCount === 0) return;
    const start = this.#body.length;
    this.#writeColumn(scale, column);
    this.#refs.push(ref);
    this.#sizes.push(this.#body.length - start);
  }

  /** The chunk, or null when no column had anything to say. */
  finish(): Uint8Array | null {
    if (this.#refs.length === 0) return null;
    const head = this.#head;
    head.varint(this.#refs.length);
    let before = 0;
    for (let i = 0; i < this.#refs.length; i += 1) {
      const ref = this.#refs[i] ?? 0;
      head.varint(ref - before);
      head.varint(this.#sizes[i] ?? 0);
      before = ref;
    }
    const bodyBytes = this.#body.length;
    head.bytes(this.#body.finish().subarray(0, bodyBytes));
    return head.finish();
  }

  #writeColumn(scale: number, column: ColumnValues): void {
    const writer = this.#body;
    const decimals = scale === DOUBLE_SCALE ? decimalsOf(column) : scale;
    const isWhole = decimals !== DOUBLE_SCALE && makeWhole(column, scale, decimals);
    // What double delta is good for, numbers are better for.
    const choice = isWhole ? chooseWhole(column, this.#likely === null) : chooseDoubles(column);
    const { coding, bytes } = choice;
    const likely = this.#likely?.encode(column, isWhole, bytes * PAYS) ?? null;
    writer.byte(likely ?? coding);
    writer.byte(decimals + 1);
    this.#writeStretches(column);
    if (likely !== null && this.#likely !== null) writer.bytes(this.#likely.written());
    else if (column.valueCount > 0) writeValues(writer, column, coding);
  }

  #writeStretches(column: ColumnValues): void {
    const writer = this.#body;
    const { stretchFrom, stretchEnd, stretchHasMarker, stretchCount, valueCount } = column;
    const isFull =
      stretchCount === 1 && valueCount === this.#end - this.#from && stretchHasMarker[0] === 0;
    writer.varint(isFull ? 0 : stretchCount);
    if (isFull) return;
    let before = this.#from;
    for (let i = 0; i < stretchCount; i += 1) {
      const from = stretchFrom[i] ?? 0;
      const end = stretchEnd[i] ?? 0;
      writer.varint(from - before);
      writer.varint((end - from) * 2 + (stretchHasMarker[i] ?? 0));
      before = end;
    }
  }
}

function writeTimes(writer: ByteWriter, times: Float64Array, isSmall: boolean): void {
  const start = times[0] ?? 0;
  const firstStep = (times[1] ?? start) - start;
  let isEven = true;
  for (let i = 2; i < times.length && isEven; i += 1) {
    isEven = (times[i] ?? 0) - (times[i - 1] ?? 0) === firstStep;
  }
  if (!isEven && isSmall && writeTimesAsNumbers(writer, times)) return;
  writer.byte(isEven ? TIMES.even : TIMES.steps);
  writer.varint(start);
  if (isEven) {
    writer.varint(firstStep);
    return;
  }
  let step = 0;
  for (let i = 1; i < times.length; i += 1) {
    const next = (times[i] ?? 0) - (times[i - 1] ?? 0);
    writer.varint(zigzag(next - step));
    step = next;
  }
}

function writeTimesAsNumbers(writer: ByteWriter, times: Float64Array): boolean {
  const numbers = new NumberEncoder();
  if (numbers.plan(times, times.length) > times.length) return false;
  const written = new ByteWriter(times.length);
  if (!numbers.write(written)) return false;
  writer.byte(TIMES.numbers);
  writer.bytes(written.written());
  return true;
}

function writeValues(writer: ByteWriter, column: ColumnValues, coding: number): void {
  switch (coding) {
    case CODING.constant:
      writer.varint(zigzag(column.runValues[0] ?? 0));
      break;
    case CODING.sparse:
    case CODING.sparseDoubles:
      writeSparse(writer, column, coding === CODING.sparse);
      break;
    case CODING.delta:
    case CODING.doubleDelta:
      writeDeltas(writer, column, coding === CODING.doubleDelta);
      break;
    case CODING.packed:
      writePacked(writer, column);
      break;
    default:
      writeXor(writer, column);
  }
}

function writeSparse(writer: ByteWriter, column: ColumnValues, isDelta: boolean): void {
  const { runCount, runStarts, runValues } = column;
  const first = runValues[0] ?? 0;
  if (isDelta) writer.varint(zigzag(first));
  else writer.double(first);
  writer.varint(runCount - 1);
  for (let i = 1; i < runCount; i += 1) {
    const value = runValues[i] ?? 0;
    writer.varint((runStarts[i] ?? 0) - (runStarts[i - 1] ?? 0) - 1);
    if (isDelta) writer.varint(zigzag(value - (runValues[i - 1] ?? 0)));
    else writer.double(value);
  }
}

function writeDeltas(writer: ByteWriter, column: ColumnValues, isDouble: boolean): void {
  const values = expand(column);
  writer.varint(zigzag(values[0] ?? 0));
  let step = 0;
  for (let i = 1; i < column.valueCount; i += 1) {
    const next = (values[i] ?? 0) - (values[i - 1] ?? 0);
    writer.varint(zigzag(isDouble ? next - step : next));
    step = next;
  }
}

function writePacked(writer: ByteWriter, column: ColumnValues): void {
  const { min, bits } = deltaBits(column);
  const values = expand(column);
  writer.varint(zigzag(values[0] ?? 0));
  writer.varint(zigzag(min));
  writer.byte(bits);
  let held = 0; // bits that wait for their byte to fill
  let heldBits = 0;
  if (bits <= 24) {
    for (let i = 1; i < column.valueCount; i += 1) {
      held |= ((values[i] ?? 0) - (values[i - 1] ?? 0) - min) << heldBits;
      heldBits += bits;
      for (; heldBits >= 8; heldBits -= 8) {
        writer.byte(held & 0xff);
        held >>>= 8;
      }
    }
    if (heldBits > 0) writer.byte(held);
    return;
  }
  // Multiplied, as a shift has 32 bits.
  for (let i = 1; i < column.valueCount; i += 1) {
    held += ((values[i] ?? 0) - (values[i - 1] ?? 0) - min) * 2 ** heldBits;
    heldBits += bits;
    while (heldBits >= 8) {
      writer.byte(held % 256);
      held = Math.floor(held / 256);
      heldBits -= 8;
    }
  }
  if (heldBits > 0) writer.byte(held);
}

function writeXor(writer: ByteWriter, column: ColumnValues): void {
  const values = expand(column);
  const bytes = new Uint8Array(values.buffer, values.byteOffset, column.valueCount * 8);
  writer.double(values[0] ?? 0);
  for (let at = 8; at < bytes.length; at += 8) {
    let low = 0;
    let high = 8;
    while (high > 0 && bytes[at + high - 1] === bytes[at + high - 9]) high -= 1;
    while (low < high && bytes[at + low] === bytes[at + low - 8]) low += 1;
    const left = low === high ? 0 : low;
    writer.byte(left * 16 + (high - low));
    for (let i = low; i < high; i += 1) {
      writer.byte((bytes[at + i] ?? 0) ^ (bytes[at + i - 8] ?? 0));
    }
  }
}
