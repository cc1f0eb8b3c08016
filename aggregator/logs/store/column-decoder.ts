import { OperationalError } from "../../../shared/errors.ts";
import { ByteReader } from "../../../shared/wire/bytes.ts";
import { clockField } from "./clock-fields.ts";
import { KIND, PLACE } from "./column.ts";
import { readIntegers } from "./integers.ts";

/** Where a payload lies. */
type Place = { readonly section: number; readonly offset: number; readonly length: number };

/** The sections of a block that were read, expanded, by number. */
export type Sections = ReadonlyMap<number, Uint8Array>;

/** The text of a row; null, of a column of a template only: the row is not wanted. */
export type Column = (row: number) => string | null;

/** What the layout says of a column. */
export type ColumnNode = {
  readonly kind: number;
  readonly count: number;
  readonly places: readonly Place[];
  /** Of a dictionary, shapes or an affix. */
  readonly texts: readonly string[];
  /** Width of digits, length of texts, or size of a dictionary. */
  readonly width: number;
  readonly clockField: number;
  readonly children: readonly ColumnNode[];
  /** Of shapes, those whose rows are wanted; null: all. */
  readonly wanted: ReadonlySet<number> | null;
};

const LEAF = {
  places: [],
  texts: [],
  width: 0,
  clockField: 0,
  children: [],
  wanted: null,
} as const;
const DEPTH_MAX = 8;

/** @throws OperationalError PARSE when the layout is not one */
export function readColumnNode(reader: ByteReader, count: number, depth = 0): ColumnNode {
  if (depth > DEPTH_MAX) throw new OperationalError("PARSE", "block layout is too deep");
  const kind = reader.byte();
  const base = { ...LEAF, kind, count };
  switch (kind) {
    case KIND.constant:
      return { ...base, texts: [readText(reader)] };
    case KIND.shortDictionary: {
      const texts = readTexts(reader, reader.count(1));
      return { ...base, texts, places: [readPlace(reader)] };
    }
    case KIND.dictionary: {
      const width = reader.varint();
      const children = [readColumnNode(reader, checkedCount(width), depth + 1)];
      return { ...base, width, children, places: [readPlace(reader)] };
    }
    case KIND.integer:
      return { ...base, clockField: reader.byte(), places: [readPlace(reader)] };
    case KIND.digits: {
      const width = reader.varint();
      return { ...base, width, clockField: reader.byte(), places: [readPlace(reader)] };
    }
    case KIND.affix: {
      const texts = readTexts(reader, 2);
      return { ...base, texts, children: [readColumnNode(reader, count, depth + 1)] };
    }
    case KIND.hex:
    case KIND.fixedText:
      return { ...base, width: reader.varint(), places: [readPlace(reader)] };
    case KIND.text:
      return { ...base, places: [readPlace(reader)] };
    case KIND.anyText:
      return { ...base, places: [readPlace(reader), readPlace(reader)] };
    case KIND.shapes:
      return readShapes(reader, base, depth);
    default:
      throw new OperationalError("PARSE", `block layout has a column of kind ${kind}`);
  }
}

/** How many rows each shape has is written in the layout, so that its columns can be read alone. */
function readShapes(reader: ByteReader, base: ColumnNode, depth: number): ColumnNode {
  const texts: string[] = [];
  const counts: number[] = [];
  for (let left = reader.count(2); left > 0; left -= 1) {
    texts.push(readText(reader));
    counts.push(checkedCount(reader.varint()));
  }
  const places = [readPlace(reader)];
  const children: ColumnNode[] = [];
  for (const [i, shape] of texts.entries()) {
    for (let left = shape.split(PLACE).length - 1; left > 0; left -= 1) {
      children.push(readColumnNode(reader, counts[i] ?? 0, depth + 1));
    }
  }
  const others = base.count - counts.reduce((sum, one) => sum + one, 0);
  if (others < 0) throw new OperationalError("PARSE", "block layout has too many rows in shapes");
  if (others > 0) children.push(readColumnNode(reader, others, depth + 1));
  return { ...base, texts, places, children };
}

function checkedCount(count: number): number {
  if (count <= 65_536) return count;
  throw new OperationalError("PARSE", `block layout has a column of ${count} texts`);
}

export function readText(reader: ByteReader): string {
  return latin1(reader.bytes(reader.count(1)));
}

function readTexts(reader: ByteReader, count: number): string[] {
  return Array.from({ length: count }, () => readText(reader));
}

function readPlace(reader: ByteReader): Place {
  return { section: reader.varint(), offset: reader.varint(), length: reader.varint() };
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

/** Sections with payloads of the column. */
export function addSections(node: ColumnNode, to: Set<number>): void {
  for (const { section } of node.places) to.add(section);
  if (node.wanted === null) {
    for (const child of node.children) addSections(child, to);
    return;
  }
  for (const [shape, children] of shapeChildren(node).entries()) {
    if (node.wanted.has(shape)) for (const child of children) addSections(child, to);
  }
}

/** By shape its columns; at last the one of the texts that have none. */
export function shapeChildren({ texts, children }: ColumnNode): (readonly ColumnNode[])[] {
  let at = 0;
  const take = (count: number) => {
    at += count;
    return children.slice(at - count, at);
  };
  return [...texts.map((shape) => take(shape.split(PLACE).length - 1)), take(1)];
}

/**
 * @param timesUs by row, of its line
 * @throws OperationalError PARSE when payloads are not what the layout says
 */
export function openColumn(node: ColumnNode, sections: Sections, timesUs: Float64Array): Column {
  const { kind, count, width, texts } = node;
  switch (kind) {
    case KIND.constant: {
      const text = texts[0] ?? "";
      return () => text;
    }
    case KIND.shortDictionary: {
      const numbers = integersOf(node, sections);
      return (row) => texts[numbers[row] ?? 0] ?? "";
    }
    case KIND.dictionary: {
      const numbers = integersOf(node, sections);
      const inner = childOf(node, 0, sections, timesUs);
      const words = Array.from({ length: width }, (_, i) => inner(i) ?? "");
      return (row) => words[numbers[row] ?? 0] ?? "";
    }
    case KIND.integer:
    case KIND.digits: {
      const numbers = integersOf(node, sections);
      addClock(numbers, node.clockField, timesUs);
      if (kind === KIND.integer) return (row) => String(numbers[row] ?? 0);
      return (row) => String(numbers[row] ?? 0).padStart(width, "0");
    }
    case KIND.affix: {
      const [prefix = "", suffix = ""] = texts;
      const inner = childOf(node, 0, sections, timesUs);
      return (row) => prefix + inner(row) + suffix;
    }
    case KIND.hex:
    case KIND.fixedText: {
      const bytes = payloadOf(node, 0, sections);
      const isHex = kind === KIND.hex;
      if (bytes.length !== (count * width) / (isHex ? 2 : 1)) throw broken(node);
      const text = isHex ? Buffer.from(bytes).toString("hex") : latin1(bytes);
      return (row) => text.slice(row * width, (row + 1) * width);
    }
    case KIND.text: {
      const lines = latin1(payloadOf(node, 0, sections)).split("\n");
      if (lines.length !== count + 1) throw broken(node);
      return (row) => lines[row] ?? "";
    }
    case KIND.anyText:
      return openAnyText(node, sections);
    default:
      return openShapes(node, sections, timesUs);
  }
}

function openAnyText(node: ColumnNode, sections: Sections): Column {
  const lengths = integersOf(node, sections);
  const text = latin1(payloadOf(node, 1, sections));
  const ends = new Float64Array(node.count + 1);
  for (let i = 0; i < node.count; i += 1) ends[i + 1] = (ends[i] ?? 0) + (lengths[i] ?? 0);
  if (ends[node.count] !== text.length) throw broken(node);
  return (row) => text.slice(ends[row], ends[row + 1]);
}

function openShapes(node: ColumnNode, sections: Sections, timesUs: Float64Array): Column {
  const { texts, count } = node;
  const numbers = integersOf(node, sections);
  const ranks = new Int32Array(count);
  const counts = new Int32Array(texts.length + 1);
  for (let row = 0; row < count; row += 1) {
    const number = numbers[row] ?? 0;
    const rank = counts[number];
    if (rank === undefined) throw broken(node);
    ranks[row] = rank;
    counts[number] = rank + 1;
  }
  const open = (one: ColumnNode, number: number): Column => {
    if (one.count !== counts[number]) throw broken(node);
    const times = needsTimes(one) ? timesOf(timesUs, numbers, number, one.count) : NO_TIMES;
    return openColumn(one, sections, times);
  };
  const shapes = shapeChildren(node).map((columns, number): Column => {
    if (counts[number] === 0 || node.wanted?.has(number) === false) return () => null;
    const [first = "", ...rest] = (texts[number] ?? PLACE).split(PLACE);
    if (columns.length !== rest.length) throw broken(node);
    const opened = columns.map((one) => open(one, number));
    return joined(first, rest, opened);
  });
  return (row) => (shapes[numbers[row] as number] as Column)(ranks[row] as number);
}

function joined(first: string, rest: readonly string[], columns: readonly Column[]): Column {
  return (rank) => {
    let text = first;
    for (let at = 0; at < columns.length; at += 1) {
      text += (columns[at] as Column)(rank) + (rest[at] as string);
    }
    return text;
  };
}

const NO_TIMES = new Float64Array(0);

/** Whether a text of the column has a field of its line's time. */
export function needsTimes({ clockField: field, children }: ColumnNode): boolean {
  return field !== 0 || children.some(needsTimes);
}

/** Of the rows that have the number. */
function timesOf(
  timesUs: Float64Array,
  numbers: Float64Array,
  number: number,
  count: number,
): Float64Array {
  const times = new Float64Array(count);
  let at = 0;
  for (let row = 0; row < numbers.length; row += 1) {
    if (numbers[row] !== number) continue;
    times[at] = timesUs[row] ?? 0;
    at += 1;
  }
  return times;
}

function addClock(numbers: Float64Array, field: number, timesUs: Float64Array): void {
  if (field === 0) return;
  for (let i = 0; i < numbers.length; i += 1) {
    numbers[i] = (numbers[i] ?? 0) + clockField(field, timesUs[i] ?? 0);
  }
}

function childOf(
  node: ColumnNode,
  index: number,
  sections: Sections,
  timesUs: Float64Array,
): Column {
  const child = node.children[index];
  if (child === undefined) throw broken(node);
  return openColumn(child, sections, timesUs);
}

function integersOf(node: ColumnNode, sections: Sections): Float64Array {
  const reader = new ByteReader(payloadOf(node, 0, sections), "block column");
  const values = readIntegers(reader, node.count);
  reader.end();
  return values;
}

/** @throws OperationalError PARSE when it reaches over the end of its section */
function payloadOf(node: ColumnNode, index: number, sections: Sections): Uint8Array {
  const place = node.places[index];
  const section = place === undefined ? undefined : sections.get(place.section);
  if (place === undefined || section === undefined) throw broken(node);
  const { offset, length } = place;
  if (offset + length > section.length) throw broken(node);
  return section.subarray(offset, offset + length);
}

function broken({ kind, count }: ColumnNode): OperationalError {
  return new OperationalError("PARSE", `block column of kind ${kind} and ${count} rows is damaged`);
}
