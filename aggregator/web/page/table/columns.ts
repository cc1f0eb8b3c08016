import type { ComponentChildren } from "preact";
import { hasAll, wordsOf } from "../overview/node-rows.ts";

/** One column of a table. Texts are sorted from A, numbers from the greatest; what is not known last. */
export type Column<Row> = {
  readonly key: string;
  readonly title: string;
  readonly hint?: string;
  /** A track of CSS grid, such as `minmax(90px, 1fr)`. */
  readonly width: string;
  readonly valueOf: (row: Row) => number | string | null;
  readonly cell: (row: Row) => ComponentChildren;
  /** Aligned to the right, and sorted from the greatest. */
  readonly isNumber?: true;
  /** Sorted from the greatest, though it is read as a text. */
  readonly isRanked?: true;
  /** Shown only where somebody chooses it. */
  readonly isExtra?: true;
};

/** Those that a link names, the first always; "": the usual ones. */
export function chosenColumns<Row>(
  columns: readonly Column<Row>[],
  text: string,
): readonly Column<Row>[] {
  const names = new Set(text.split(","));
  return columns.filter(({ key, isExtra }, place) => {
    if (place === 0) return true;
    return text === "" ? isExtra !== true : names.has(key);
  });
}

/** What a link says where exactly these are chosen; "": the usual ones. */
export function columnsText<Row>(
  columns: readonly Column<Row>[],
  chosen: ReadonlySet<string>,
): string {
  const keys = columns.filter(({ key }) => chosen.has(key)).map(({ key }) => key);
  const usual = columns.filter(({ isExtra }, place) => place > 0 && isExtra !== true);
  const isUsual = keys.length === usual.length && usual.every(({ key }) => chosen.has(key));
  return isUsual ? "" : keys.join(",") || "none";
}

/** Places of the rows whose text has all words of the filter, in their order. */
export function rowOrder<Row>(
  rows: readonly Row[],
  textOf: (row: Row) => string,
  filter: string,
  column: Column<Row> | undefined,
  isReversed: boolean,
): number[] {
  const words = wordsOf(filter);
  const places: number[] = [];
  rows.forEach((row, place) => {
    if (words.length === 0 || hasAll(textOf(row).toLowerCase(), words)) places.push(place);
  });
  if (column === undefined) return places;
  const values = rows.map(column.valueOf);
  const sign = isReversed ? -1 : 1;
  return places.sort((a, b) => compareValues(values[a], values[b], sign) || a - b);
}

type Value = number | string | null | undefined;

function compareValues(a: Value, b: Value, sign: number): number {
  const [isUnknown, isOther] = [a === null || a === "", b === null || b === ""];
  if (isUnknown || isOther) return Number(isUnknown) - Number(isOther);
  if (typeof a === "number" && typeof b === "number") return (b - a) * sign;
  const [left, right] = [String(a), String(b)];
  return left === right ? 0 : (left < right ? -1 : 1) * sign;
}
