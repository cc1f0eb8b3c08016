import { OperationalError } from "../../shared/errors.ts";
import { columnBits, setStale } from "../../shared/model/stale.ts";
import { ByteReader, checkedBody } from "../../shared/wire/bytes.ts";
import { CHUNK_ROWS_MAX, CHUNK_VERSION, CODING, POWERS, TIMES } from "./chunk.ts";
import { type ColumnSpace, newColumn } from "./column-space.ts";
import { countUpTo } from "./group-rows.ts";
import { readNumbers } from "./number-decoder.ts";

/** Samples of one series from one place, oldest first, no time twice. */
export type Piece = { readonly times: Float64Array; readonly values: Float64Array };

/** A chunk of which the head has been read; its columns are read one by one, as they are asked for. */
export class Chunk {
  readonly version: number;
  readonly times: Float64Array;
  /** Ascending; a column each. */
  readonly refs: Uint32Array;
  /** The columns, one after the other, and where each starts. */
  readonly #columns: Uint8Array;
  readonly #starts: Uint32Array;
  readonly silentRows: ReadonlySet<number>;
  #window: Window | null = null;

  /** @throws OperationalError PARSE when the bytes are not a sound chunk of this version */
  constructor(bytes: Uint8Array) {
    const reader = new ByteReader(checkedBody(bytes, "chunk"), "chunk");
    this.version = reader.byte();
    if (this.version !== CHUNK_VERSION.cut && this.version !== CHUNK_VERSION.merged) {
      throw new OperationalError("PARSE", `chunk has version ${this.version}`);
    }
    const rowCount = reader.varint();
    if (rowCount > CHUNK_ROWS_MAX) throw damaged(`${rowCount} rows`);
    this.times = readTimes(reader, rowCount);
    this.silentRows = readSilentRows(reader, rowCount);
    const columnCount = reader.count(2);
    this.refs = new Uint32Array(columnCount);
    this.#starts = new Uint32Array(columnCount + 1);
    let ref = 0;
    let start = 0;
    for (let i = 0; i < columnCount; i += 1) {
      ref += reader.varint();
      this.refs[i] = ref;
      this.#starts[i] = start;
      start += reader.varint();
    }
    if (start !== reader.remaining) throw damaged("columns of other sizes");
    this.#starts[columnCount] = start;
    this.#columns = reader.bytes(start);
  }

  /**
   * The samples of a column with startMs < time <= endMs. Columns that have a value in every row
   * share their times.
   * @param space where the piece is made; null: in memory of its own
   * @throws OperationalError PARSE
   */
  read(index: number, startMs: number, endMs: number, space: ColumnSpace | null = null): Piece {
    const bytes = this.#columns.subarray(this.#starts[index] ?? 0, this.#starts[index + 1] ?? 0);
    const reader = new ByteReader(bytes, "chunk");
    const coding = reader.byte();
    const power = POWERS[Math.max(0, reader.byte() - 1)] ?? 1;
    const stretches = readStretches(reader, this.times.length);
    const values = newColumn(space, valueCount(stretches));
    readValues(reader, coding, values);
    if (power !== 1) {
      for (let i = 0; i < values.length; i += 1) values[i] = (values[i] ?? 0) / power;
    }
    const window = this.#windowOf(startMs, endMs);
    if (values.length === this.times.length && this.silentRows.size === 0) {
      return { times: window.times, values: values.subarray(window.from, window.end) };
    }
    return this.#spread(values, stretches, window, space);
  }

  /** Puts values to the rows of their stretches, and staleness markers behind them. */
  #spread(
    values: Float64Array,
    stretches: readonly Stretch[],
    window: Window,
    space: ColumnSpace | null,
  ): Piece {
    const room = window.end - window.from;
    const times = newColumn(space, room);
    const spread = newColumn(space, room);
    const bits = columnBits(spread);
    let count = 0;
    let valueIndex = 0;
    for (const { from, end, hasMarker } of stretches) {
      for (let row = Math.max(from, window.from); row < Math.min(end, window.end); row += 1) {
        if (this.silentRows.has(row)) continue;
        times[count] = this.times[row] ?? 0;
        spread[count] = values[valueIndex + row - from] ?? 0;
        count += 1;
      }
      valueIndex += end - from;
      if (!hasMarker || end < window.from || end >= window.end) continue;
      times[count] = this.times[end] ?? 0;
      setStale(bits, count);
      count += 1;
    }
    return { times: times.subarray(0, count), values: spread.subarray(0, count) };
  }

  #windowOf(startMs: number, endMs: number): Window {
    const known = this.#window;
    if (known !== null && known.startMs === startMs && known.endMs === endMs) return known;
    const from = countUpTo(this.times, startMs);
    const end = Math.max(from, countUpTo(this.times, endMs));
    const window = { startMs, endMs, from, end, times: this.times.subarray(from, end) };
    this.#window = window;
    return window;
  }
}

type Window = {
  readonly startMs: number;
  readonly endMs: number;
  readonly from: number;
  readonly end: number;
  readonly times: Float64Array;
};

/** Rows with a value, and whether a staleness marker stands in the row after them. */
type Stretch = { readonly from: number; readonly end: number; readonly hasMarker: boolean };

function valueCount(stretches: readonly Stretch[]): number {
  let count = 0;
  for (const { from, end } of stretches) count += end - from;
  return count;
}

function readTimes(reader: ByteReader, rowCount: number): Float64Array {
  const kind = reader.byte();
  if (kind === TIMES.numbers) {
    const times = new Float64Array(rowCount);
    readNumbers(reader, times);
    return times;
  }
  const isEven = kind === TIMES.even;
  if (!isEven && rowCount > reader.remaining) throw damaged("times cut off");
  const times = new Float64Array(rowCount);
  let time = reader.varint();
  let step = isEven ? reader.varint() : 0;
  times[0] = time;
  for (let i = 1; i < rowCount; i += 1) {
    if (!isEven) step += zigzag(reader);
    time += step;
    times[i] = time;
  }
  return times;
}

function readSilentRows(reader: ByteReader, rowCount: number): Set<number> {
  const count = reader.count(1);
  const rows = new Set<number>();
  let row = 0;
  for (let i = 0; i < count; i += 1) {
    row += reader.varint();
    rows.add(row);
  }
  if (row >= rowCount && count > 0) throw damaged(`silent row ${row} of ${rowCount}`);
  return rows;
}

function readStretches(reader: ByteReader, rowCount: number): Stretch[] {
  const count = reader.count(2);
  if (count === 0) return [{ from: 0, end: rowCount, hasMarker: false }];
  const stretches: Stretch[] = [];
  let row = 0;
  for (let i = 0; i < count; i += 1) {
    const from = row + reader.varint();
    const code = reader.varint();
    row = from + Math.floor(code / 2);
    if (row > rowCount) throw damaged(`row ${row} of ${rowCount}`);
    stretches.push({ from, end: row, hasMarker: code % 2 === 1 });
  }
  return stretches;
}

function readValues(reader: ByteReader, coding: number, values: Float64Array): void {
  if (values.length === 0) return;
  switch (coding) {
    case CODING.constant:
      values.fill(zigzag(reader));
      break;
    case CODING.sparse:
    case CODING.sparseDoubles:
      readSparse(reader, values, coding === CODING.sparse);
      break;
    case CODING.delta:
    case CODING.doubleDelta:
      readDeltas(reader, values, coding === CODING.doubleDelta);
      break;
    case CODING.packed:
      readPacked(reader, values);
      break;
    case CODING.xor:
      readXor(reader, values);
      break;
    case CODING.likely:
      readNumbers(reader, values);
      break;
    case CODING.likelySparse:
      readLikelySparse(reader, values);
      break;
    case CODING.halves:
      readHalves(reader, values);
      break;
    default:
      throw damaged(`coding ${coding}`);
  }
}

function readSparse(reader: ByteReader, values: Float64Array, isDelta: boolean): void {
  let value = isDelta ? zigzag(reader) : reader.double();
  const changes = reader.varint();
  let index = 0;
  for (let i = 0; i < changes; i += 1) {
    const next = index + reader.varint() + 1;
    if (next >= values.length) throw damaged(`value ${next} of ${values.length}`);
    if (next === index + 1) values[index] = value;
    else values.fill(value, index, next);
    index = next;
    value = isDelta ? value + zigzag(reader) : reader.double();
  }
  values.fill(value, index);
}

function readLikelySparse(reader: ByteReader, values: Float64Array): void {
  const changes = reader.varint();
  if (changes >= values.length) throw damaged(`${changes} changes of ${values.length} values`);
  const gaps = new Float64Array(changes);
  const runs = new Float64Array(changes + 1);
  readNumbers(reader, gaps);
  readNumbers(reader, runs);
  let index = 0;
  for (let i = 0; i < changes; i += 1) {
    const next = index + (gaps[i] ?? 0) + 1;
    if (!(next > index && next < values.length)) throw damaged(`value ${next}`);
    values.fill(runs[i] ?? 0, index, next);
    index = next;
  }
  values.fill(runs[changes] ?? 0, index);
}

function readHalves(reader: ByteReader, values: Float64Array): void {
  const half = new Float64Array(values.length);
  const bits = columnBits(values);
  for (const place of [1, 0]) {
    readNumbers(reader, half);
    for (let i = 0; i < half.length; i += 1) bits[i * 2 + place] = half[i] ?? 0;
  }
}

function readDeltas(reader: ByteReader, values: Float64Array, isDouble: boolean): void {
  let value = zigzag(reader);
  let step = 0;
  values[0] = value;
  for (let i = 1; i < values.length; i += 1) {
    step = isDouble ? step + zigzag(reader) : zigzag(reader);
    value += step;
    values[i] = value;
  }
}

function readPacked(reader: ByteReader, values: Float64Array): void {
  let value = zigzag(reader);
  const min = zigzag(reader);
  const bits = reader.byte();
  if (bits > 30) throw damaged(`packed ${bits} bits`);
  const bytes = reader.bytes(Math.ceil(((values.length - 1) * bits) / 8));
  const mask = 2 ** bits - 1;
  let at = 0;
  let held = 0;
  let heldBits = 0;
  values[0] = value;
  for (let i = 1; i < values.length; i += 1) {
    let code: number;
    if (bits <= 24) {
      while (heldBits < bits) {
        held |= (bytes[at] ?? 0) << heldBits;
        at += 1;
        heldBits += 8;
      }
      code = held & mask;
      held >>>= bits;
    } else {
      while (heldBits < bits) {
        held += (bytes[at] ?? 0) * 2 ** heldBits;
        at += 1;
        heldBits += 8;
      }
      code = held % (mask + 1);
      held = Math.floor(held / (mask + 1));
    }
    heldBits -= bits;
    value += min + code;
    values[i] = value;
  }
}

function readXor(reader: ByteReader, values: Float64Array): void {
  const out = new Uint8Array(values.buffer, values.byteOffset, values.length * 8);
  values[0] = reader.double();
  for (let at = 8; at < out.length; at += 8) {
    out.copyWithin(at, at - 8, at);
    const code = reader.byte();
    const low = code >>> 4;
    const count = code & 15;
    if (low + count > 8) throw damaged(`xor code ${code}`);
    for (let i = low; i < low + count; i += 1) out[at + i] = (out[at + i] ?? 0) ^ reader.byte();
  }
}

function zigzag(reader: ByteReader): number {
  const code = reader.varint();
  if (code < 0x40000000) return (code >>> 1) ^ -(code & 1);
  return code % 2 === 1 ? -(code + 1) / 2 : code / 2;
}

function damaged(what: string): OperationalError {
  return new OperationalError("PARSE", `chunk is damaged: ${what}`);
}
