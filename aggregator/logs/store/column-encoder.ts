import { ByteWriter } from "../../../shared/wire/bytes.ts";
import type { BlockWriter } from "./block-writer.ts";
import { clockField, clockFieldOf, NO_FIELD } from "./clock-fields.ts";
import { digitsOf, integerOf, isHex, KIND, SHAPES_MAX, shapeOf } from "./column.ts";
import { writeIntegers } from "./integers.ts";
import { TokenSummary } from "./token-summary.ts";

/** A dictionary of at most so many texts is in the layout, which every search reads. */
const SHORT_DICTIONARY_MAX = 32;
const DICTIONARY_MAX = 65_536;
/** A dictionary is worth it when a text comes as often as this on average. */
const USES_MIN = 6;
/** Texts looked at before a dictionary is given up. */
const LOOK = 2048;
/** A shape with fewer texts is not worth columns of its own. */
const SHAPE_USES_MIN = 4;

/** Texts that are looked at in one turn. */
const TEXTS_PER_TURN = 4096;

const scratch = new ByteWriter(1 << 16);

/**
 * Writes a column: its structure into the layout, its numbers and texts into sections.
 * @param timesUs by text, of its line; null: they belong to no line, as in a dictionary
 */
export async function writeColumn(
  out: BlockWriter,
  values: readonly string[],
  timesUs: Float64Array | null,
): Promise<void> {
  if (values.length >= TEXTS_PER_TURN) await out.pause();
  if (isConstant(values)) {
    out.layout.byte(KIND.constant);
    out.text(values[0] ?? "");
    return;
  }
  const numbers = numbersOf(values);
  const dictionary = dictionaryOf(values);
  if (numbers !== null && (dictionary === null || isBetterAsNumbers(numbers, dictionary))) {
    writeNumbers(out, numbers, timesUs, summaryOf(out, values));
    return;
  }
  if (dictionary !== null) await writeDictionary(out, dictionary);
  else if (!(await writeShapes(out, values, timesUs))) writeWhole(out, values, timesUs);
}

function isConstant(values: readonly string[]): boolean {
  const first = values[0];
  for (let i = 1; i < values.length; i += 1) if (values[i] !== first) return false;
  return true;
}

type Numbers = { readonly values: Float64Array /** 0: as usual */; readonly width: number };

function numbersOf(values: readonly string[]): Numbers | null {
  const width = values[0]?.length ?? 0;
  if (width === 0 || width > 15) return null;
  const numbers = new Float64Array(values.length);
  let isUsual = true;
  let isFixed = true;
  for (let i = 0; i < values.length && (isUsual || isFixed); i += 1) {
    const value = values[i] ?? "";
    if (value.length !== width) isFixed = false;
    const number = isUsual ? integerOf(value) : null;
    if (number === null) isUsual = false;
    const digits = number ?? (isFixed ? digitsOf(value) : null);
    if (digits === null) return null;
    numbers[i] = digits;
  }
  if (isUsual) return { values: numbers, width: 0 };
  return isFixed ? { values: numbers, width } : null;
}

type Dictionary = { readonly texts: readonly string[]; readonly numbers: Float64Array };

/** null when too few texts come again. */
function dictionaryOf(values: readonly string[]): Dictionary | null {
  const numbers = new Float64Array(values.length);
  const found = new Map<string, number>();
  for (let i = 0; i < values.length; i += 1) {
    const value = values[i] ?? "";
    let number = found.get(value);
    if (number === undefined) {
      number = found.size;
      found.set(value, number);
      if (number === DICTIONARY_MAX) return null;
      if (i === LOOK && number > LOOK / 2) return null;
    }
    numbers[i] = number;
  }
  const isWorthIt = found.size <= 2 || found.size * USES_MIN <= values.length;
  return isWorthIt ? { texts: [...found.keys()], numbers } : null;
}

/** Numbers of up to two bytes cost about what their places in a dictionary cost. */
function isBetterAsNumbers({ values }: Numbers, { texts }: Dictionary): boolean {
  let [least, most] = [values[0] ?? 0, values[0] ?? 0];
  for (let i = 1; i < values.length; i += 1) {
    least = Math.min(least, values[i] ?? 0);
    most = Math.max(most, values[i] ?? 0);
  }
  return most - least < 256 || texts.length > 256;
}

function writeNumbers(
  out: BlockWriter,
  { values, width }: Numbers,
  timesUs: Float64Array | null,
  summary: TokenSummary,
): void {
  const field = timesUs === null ? NO_FIELD : clockFieldOf(values, timesUs);
  out.layout.byte(width === 0 ? KIND.integer : KIND.digits);
  if (width > 0) out.layout.varint(width);
  out.layout.byte(field);
  const rest =
    field === NO_FIELD || timesUs === null
      ? values
      : values.map((value, i) => value - clockField(field, timesUs[i] ?? 0));
  integers(out, rest, summary);
}

function integers(out: BlockWriter, values: Float64Array, summary: TokenSummary | null): void {
  scratch.reset();
  writeIntegers(scratch, values);
  out.payload(scratch.written(), summary);
}

async function writeDictionary(out: BlockWriter, { texts, numbers }: Dictionary): Promise<void> {
  const isShort = texts.length <= SHORT_DICTIONARY_MAX;
  out.layout.byte(isShort ? KIND.shortDictionary : KIND.dictionary);
  out.layout.varint(texts.length);
  if (isShort) for (const text of texts) out.text(text);
  else await writeColumn(out, texts, null);
  integers(out, numbers, null);
}

/** False: they have too many shapes, or are tokens already. */
async function writeShapes(
  out: BlockWriter,
  values: readonly string[],
  timesUs: Float64Array | null,
): Promise<boolean> {
  const groups = await groupByShape(values, out.pause);
  if (groups === null) return false;
  const { shapes, numbers } = groups;
  out.layout.byte(KIND.shapes);
  out.layout.varint(shapes.length);
  for (const { shape, rows } of shapes) {
    out.text(shape);
    out.layout.varint(rows.length);
  }
  integers(out, numbers, null);
  for (const { rows, columns } of shapes) {
    const times = timesUs === null ? null : pick(timesUs, rows);
    for (const column of columns) await writeColumn(out, column, times);
  }
  const others = values.filter((_, i) => numbers[i] === shapes.length);
  if (others.length > 0) writeWhole(out, others, null);
  return true;
}

type ShapeGroup = { readonly shape: string; readonly rows: number[]; readonly columns: string[][] };

/** By text the number of its shape, or the number of shapes for those of another one. */
async function groupByShape(
  values: readonly string[],
  pause: () => Promise<void>,
): Promise<{ shapes: ShapeGroup[]; numbers: Float64Array } | null> {
  const groups = new Map<string, ShapeGroup>();
  for (const [row, value] of values.entries()) {
    if (row % TEXTS_PER_TURN === TEXTS_PER_TURN - 1) await pause();
    const cut = shapeOf(value);
    if (cut === null) continue;
    let group = groups.get(cut.shape);
    if (group === undefined) {
      if (groups.size > 4 * SHAPES_MAX && groups.size * SHAPE_USES_MIN > row) return null;
      group = { shape: cut.shape, rows: [], columns: cut.tokens.map(() => []) };
      groups.set(cut.shape, group);
    }
    group.rows.push(row);
    for (let i = 0; i < cut.tokens.length; i += 1) group.columns[i]?.push(cut.tokens[i] ?? "");
  }
  const isToken = groups.size === 1 && groups.has("\u0000");
  if (isToken) return null;
  const shapes = [...groups.values()]
    .filter(({ rows }) => rows.length >= SHAPE_USES_MIN)
    .sort((a, b) => b.rows.length - a.rows.length)
    .slice(0, SHAPES_MAX);
  const covered = shapes.reduce((sum, { rows }) => sum + rows.length, 0);
  if (covered * 2 < values.length) return null;
  const numbers = new Float64Array(values.length).fill(shapes.length);
  for (const [number, { rows }] of shapes.entries()) for (const row of rows) numbers[row] = number;
  return { shapes, numbers };
}

/** Texts that are not taken apart at their tokens. */
function writeWhole(
  out: BlockWriter,
  values: readonly string[],
  timesUs: Float64Array | null,
): void {
  const summary = summaryOf(out, values);
  const { prefix, suffix } = affixOf(values);
  if (prefix + suffix === 0) {
    writeLeaf(out, values, timesUs, summary);
    return;
  }
  const first = values[0] ?? "";
  out.layout.byte(KIND.affix);
  out.text(first.slice(0, prefix));
  out.text(first.slice(first.length - suffix));
  const inner = values.map((value) => value.slice(prefix, value.length - suffix));
  writeLeaf(out, inner, timesUs, summary);
}

/** Lengths of what all texts begin and end with; they do not overlap in the shortest. */
function affixOf(values: readonly string[]): { prefix: number; suffix: number } {
  const first = values[0] ?? "";
  let prefix = first.length;
  let suffix = first.length;
  let shortest = first.length;
  for (const value of values) {
    shortest = Math.min(shortest, value.length);
    let same = 0;
    while (same < prefix && value[same] === first[same]) same += 1;
    prefix = same;
    same = 0;
    while (same < suffix && value.at(-1 - same) === first.at(-1 - same)) same += 1;
    suffix = same;
    if (prefix + suffix === 0) break;
  }
  prefix = Math.min(prefix, shortest);
  return { prefix, suffix: Math.min(suffix, shortest - prefix) };
}

function writeLeaf(
  out: BlockWriter,
  values: readonly string[],
  timesUs: Float64Array | null,
  summary: TokenSummary,
): void {
  const numbers = numbersOf(values);
  if (numbers !== null) {
    writeNumbers(out, numbers, timesUs, summary);
    return;
  }
  const length = values[0]?.length ?? 0;
  const isFixed = values.every((value) => value.length === length);
  const text = values.join(isFixed ? "" : "\n");
  if (isFixed && length > 0 && length % 2 === 0 && isHex(text)) {
    out.layout.byte(KIND.hex);
    out.layout.varint(length);
    out.payload(Buffer.from(text, "hex"), summary);
  } else if (isFixed) {
    out.layout.byte(KIND.fixedText);
    out.layout.varint(length);
    out.payload(Buffer.from(text, "latin1"), summary);
  } else {
    writeTexts(out, values, summary);
  }
}

function writeTexts(out: BlockWriter, values: readonly string[], summary: TokenSummary): void {
  if (values.some((value) => value.includes("\n"))) {
    out.layout.byte(KIND.anyText);
    integers(
      out,
      Float64Array.from(values, ({ length }) => length),
      null,
    );
    out.payload(Buffer.from(values.join(""), "latin1"), summary);
    return;
  }
  out.layout.byte(KIND.text);
  out.payload(Buffer.from(`${values.join("\n")}\n`, "latin1"), summary);
}

function summaryOf(out: BlockWriter, values: readonly string[]): TokenSummary {
  const summary = new TokenSummary();
  for (let i = 0; i < values.length; i += 1) summary.add(values[i] ?? "", out.signature);
  return summary;
}

export function pick(column: Float64Array, rows: readonly number[]): Float64Array {
  const picked = new Float64Array(rows.length);
  for (let i = 0; i < rows.length; i += 1) picked[i] = column[rows[i] ?? 0] ?? 0;
  return picked;
}
