import { columnBits } from "../../shared/model/stale.ts";
import { ByteWriter } from "../../shared/wire/bytes.ts";
import { CODING } from "./chunk.ts";
import { type ColumnValues, expand } from "./column-values.ts";
import { NumberEncoder } from "./number-encoder.ts";

/** A column with fewer changes than one in so many values is written as its changes. */
const SPARSE_FROM = 12;

/** Writes the values of a column by how likely they are (codings 7 to 9 of chunk.ts). */
export class LikelyColumn {
  readonly #writer = new ByteWriter(16_384);
  readonly #first = new NumberEncoder();
  readonly #second = new NumberEncoder();
  #numbers = new Float64Array(1024);
  #others = new Float64Array(1024);

  /** The coding, if that takes no more than `bytesMax`; null otherwise. */
  encode(column: ColumnValues, isWhole: boolean, bytesMax: number): number | null {
    this.#writer.reset();
    const isSparse = column.runCount * SPARSE_FROM < column.valueCount;
    if (!isWhole) return isSparse ? null : this.#encodeHalves(column, bytesMax);
    return isSparse ? this.#encodeSparse(column, bytesMax) : this.#encodeAll(column, bytesMax);
  }

  /** What the last column that was encoded takes; valid until the next. */
  written(): Uint8Array {
    return this.#writer.written();
  }

  #encodeAll(column: ColumnValues, bytesMax: number): number | null {
    if (this.#first.plan(expand(column), column.valueCount) > bytesMax) return null;
    return this.#isWritten(bytesMax, this.#first) ? CODING.likely : null;
  }

  #encodeSparse({ runCount, runStarts, runValues }: ColumnValues, bytesMax: number): number | null {
    const gaps = this.#room(runCount);
    for (let i = 1; i < runCount; i += 1) {
      gaps[i - 1] = (runStarts[i] ?? 0) - (runStarts[i - 1] ?? 0) - 1;
    }
    const bytes = this.#first.plan(gaps, runCount - 1) + this.#second.plan(runValues, runCount);
    if (bytes > bytesMax) return null;
    this.#writer.varint(runCount - 1);
    return this.#isWritten(bytesMax, this.#first, this.#second) ? CODING.likelySparse : null;
  }

  #encodeHalves(column: ColumnValues, bytesMax: number): number | null {
    const count = column.valueCount;
    const bits = columnBits(expand(column));
    const high = this.#room(count);
    const low = this.#others;
    for (let i = 0; i < count; i += 1) {
      low[i] = bits[i * 2] ?? 0;
      high[i] = bits[i * 2 + 1] ?? 0;
    }
    if (this.#first.plan(high, count) + this.#second.plan(low, count) > bytesMax) return null;
    return this.#isWritten(bytesMax, this.#first, this.#second) ? CODING.halves : null;
  }

  #isWritten(bytesMax: number, ...encoders: readonly NumberEncoder[]): boolean {
    return (
      encoders.every((encoder) => encoder.write(this.#writer)) && this.#writer.length <= bytesMax
    );
  }

  #room(count: number): Float64Array {
    if (count > this.#numbers.length) {
      this.#numbers = new Float64Array(count * 2);
      this.#others = new Float64Array(count * 2);
    }
    return this.#numbers;
  }
}
