import { expect } from "vitest";
import { ByteScanner } from "../../../agent/collect/kit/byte-scanner.ts";
import { RowTable } from "../../../agent/collect/kit/row-table.ts";
import { checkMutated } from "./mutated.ts";

export type RowsParser = (scan: ByteScanner, table: RowTable) => void;
export type ValuesParser = (scan: ByteScanner, values: Float64Array, target: number) => void;

/** A place that the parser did not write to. */
export const UNSET = -7;

/** Behind a file the buffer holds what an earlier, longer file left. */
function scannerOf(text: string): ByteScanner {
  return new ByteScanner(Buffer.from(`${text}9 9 9 garbage behind the end\n`), text.length);
}

export function valuesOf(parse: ValuesParser, text: string, size: number) {
  const values = new Float64Array(size).fill(UNSET);
  const scan = scannerOf(text);
  parse(scan, values, 0);
  return { values: [...values], malformed: scan.malformed };
}

export function rowsOf(parse: RowsParser, text: string, table: RowTable) {
  const scan = scannerOf(text);
  parse(scan, table);
  const gone = table.finish().map((row) => row.key);
  const rows = Object.fromEntries(table.rows.map((row) => [row.key, [...row.values]]));
  return { rows, malformed: scan.malformed, gone };
}

/** All numbers that a parser gives. */
export type NumbersOf = (bytes: Buffer) => readonly number[];

export function numbersOfValues(parse: ValuesParser, size: number): NumbersOf {
  return (bytes) => {
    const values = new Float64Array(size).fill(-1);
    const scan = new ByteScanner(bytes, bytes.length);
    parse(scan, values, 0);
    return [scan.malformed, ...values];
  };
}

/** One table for all files: what a mutated one leaves behind must not hurt the next. */
export function numbersOfRows(parse: RowsParser, columns: number): NumbersOf {
  const table = new RowTable(columns);
  return (bytes) => {
    const scan = new ByteScanner(bytes, bytes.length);
    parse(scan, table);
    table.finish();
    return [scan.malformed, ...table.rows.flatMap((row) => [...row.values])];
  };
}

/** Whatever the file holds, each number is a count, or -1 for a value that is absent. */
export function checkHostile(original: string | Uint8Array, numbersOf: NumbersOf): void {
  const check = (bytes: Buffer) => {
    const wrong = numbersOf(bytes).filter((value) => !(Number.isFinite(value) && value >= -1));
    expect(wrong).toEqual([]);
  };
  checkMutated(original, check, { numRuns: 25 });
  const piece = Buffer.concat([Buffer.from(original), Buffer.from("x9 \n:=\t4.a max\0\xff12\n7")]);
  check(Buffer.alloc(1_000_000, piece));
}
