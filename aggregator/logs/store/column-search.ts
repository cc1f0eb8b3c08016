import { clockFieldRange } from "./clock-fields.ts";
import { KIND } from "./column.ts";
import {
  addSections,
  type ColumnNode,
  needsTimes,
  openColumn,
  type Sections,
  shapeChildren,
} from "./column-decoder.ts";

/** A token that every line must have, alone or as a part of one, and the sections that may have it. */
export type SoughtToken = { readonly token: string; readonly sections: ReadonlySet<number> };

/** By the layout alone: whether a text of the column may have the token in it. */
export function mayHoldToken(node: ColumnNode, sought: SoughtToken): boolean {
  switch (node.kind) {
    case KIND.constant:
    case KIND.shortDictionary:
      return node.texts.some((text) => text.includes(sought.token));
    case KIND.dictionary:
    case KIND.shapes:
      return node.children.some((child) => mayHoldToken(child, sought));
    default:
      return sought.sections.has(tokenSection(node));
  }
}

/** Adds the sections that `holdsToken` will look into. */
export function sectionsWith(node: ColumnNode, sought: SoughtToken, to: Set<number>): void {
  switch (node.kind) {
    case KIND.constant:
    case KIND.shortDictionary:
      return;
    case KIND.dictionary:
    case KIND.shapes:
      for (const child of node.children) sectionsWith(child, sought, to);
      return;
    default:
      if (sought.sections.has(tokenSection(node))) addSections(node, to);
  }
}

/** Of the lines of a block, Unix microseconds, both inclusive. */
export type TimeBounds = { readonly firstUs: number; readonly lastUs: number };

/** The same by the texts themselves; true where that needs more than the column's own sections. */
export function holdsToken(
  node: ColumnNode,
  sought: SoughtToken,
  sections: Sections,
  times: TimeBounds,
): boolean {
  if (!mayHoldToken(node, sought)) return false;
  switch (node.kind) {
    case KIND.constant:
    case KIND.shortDictionary:
      return true;
    case KIND.dictionary:
    case KIND.shapes:
      return node.children.some((child) => holdsToken(child, sought, sections, times));
    default:
      return needsTimes(node)
        ? mayBeInClock(node, sought.token, sections, times)
        : someText(node, sought.token, sections);
  }
}

function someText(node: ColumnNode, token: string, sections: Sections): boolean {
  const column = openColumn(node, sections, new Float64Array(0));
  for (let row = 0; row < node.count; row += 1) {
    if (column(row)?.includes(token) === true) return true;
  }
  return false;
}

/** Numbers that are a field of the line's time, nearly: between which they lie is known. */
function mayBeInClock(
  node: ColumnNode,
  token: string,
  sections: Sections,
  { firstUs, lastUs }: TimeBounds,
): boolean {
  if (node.clockField === 0) return true; // with something around it
  const [least, most] = clockFieldRange(node.clockField, firstUs, lastUs);
  const rest = openColumn({ ...node, kind: KIND.integer, clockField: 0 }, sections, NO_TIMES);
  let [restLeast, restMost] = [0, 0];
  for (let row = 0; row < node.count; row += 1) {
    const value = Number(rest(row));
    restLeast = Math.min(restLeast, value);
    restMost = Math.max(restMost, value);
  }
  const from = Math.max(0, least + restLeast);
  return mayBeInNumber(token, from, most + restMost, node.width);
}

const NO_TIMES = new Float64Array(0);

/** Whether the decimal form of some number between two may have the digits in it. */
function mayBeInNumber(digits: string, from: number, to: number, width: number): boolean {
  const [low, high] = [`${from}`.padStart(width, "0"), `${to}`.padStart(width, "0")];
  if (digits.length > high.length) return false;
  if (low.length !== high.length) return true;
  let same = 0;
  while (same < low.length && low[same] === high[same]) same += 1;
  for (let at = 0; at + digits.length <= low.length; at += 1) {
    const known = Math.min(same, at + digits.length) - at;
    if (known <= 0 || low.startsWith(digits.slice(0, known), at)) return true;
  }
  return false;
}

/** The column, of shapes those alone that may have the token: it is in no other column of the line. */
export function narrowed(
  node: ColumnNode,
  sought: SoughtToken,
  sections: Sections,
  times: TimeBounds,
): ColumnNode {
  if (node.kind !== KIND.shapes) return node;
  const wanted = new Set<number>();
  for (const [shape, children] of shapeChildren(node).entries()) {
    if (children.some((child) => holdsToken(child, sought, sections, times))) wanted.add(shape);
  }
  return { ...node, wanted };
}

/** Of the payload whose summary the column's tokens are in: the last one. */
function tokenSection(node: ColumnNode): number {
  return node.kind === KIND.affix && node.children[0] !== undefined
    ? tokenSection(node.children[0])
    : (node.places.at(-1)?.section ?? -1);
}
