/**
 * Numbers that a line's time has in it. A line mostly says its own time, in a form of its own; its
 * digits are then the line's time again, and a column of them costs nothing once it is written as
 * the difference to the field.
 */
const FIELDS: readonly ((timeUs: number) => number)[] = [
  (timeUs) => Math.floor(timeUs / 1e6) % 60,
  (timeUs) => Math.floor(timeUs / 6e7) % 60,
  (timeUs) => Math.floor(timeUs / 3.6e9) % 24,
  (timeUs) => Math.floor(timeUs / 1e3) % 1e3,
  (timeUs) => timeUs % 1e6,
  (timeUs) => Math.floor(timeUs / 1e3),
  (timeUs) => Math.floor(timeUs / 1e6),
  (timeUs) => timeUs,
];

/** No field: the numbers are written as they are. */
export const NO_FIELD = 0;

/** From this one on a field grows with the time; of the others it is only known how large they get. */
const FIRST_GROWING = 6;
const LARGEST = [59, 59, 23, 999, 999_999] as const;

/** The least and the largest that the field is, of times of these bounds. */
export function clockFieldRange(
  field: number,
  firstUs: number,
  lastUs: number,
): readonly [least: number, most: number] {
  if (field === NO_FIELD) return [0, 0];
  if (field < FIRST_GROWING) return [0, LARGEST[field - 1] ?? 0];
  return [clockField(field, firstUs), clockField(field, lastUs)];
}

const TRIED = 64;

/** The field, counted from 1, that most of the numbers are; NO_FIELD when none is. */
export function clockFieldOf(values: Float64Array, timesUs: Float64Array): number {
  const step = Math.max(1, Math.floor(values.length / TRIED));
  for (let field = 1; field <= FIELDS.length; field += 1) {
    let tried = 0;
    let equal = 0;
    for (let i = 0; i < values.length; i += step) {
      tried += 1;
      if (clockField(field, timesUs[i] ?? 0) === values[i]) equal += 1;
    }
    if (equal * 2 > tried) return field;
  }
  return NO_FIELD;
}

/** The field of a time; 0 for NO_FIELD and for one that is not known. */
export function clockField(field: number, timeUs: number): number {
  return FIELDS[field - 1]?.(timeUs) ?? 0;
}
