import { KIND } from "./column.ts";
import { addSections, type ColumnNode, openColumn, type Sections } from "./column-decoder.ts";

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

/** The same by the texts themselves; true where that needs more than the column's own sections. */
export function holdsToken(node: ColumnNode, sought: SoughtToken, sections: Sections): boolean {
  if (!mayHoldToken(node, sought)) return false;
  switch (node.kind) {
    case KIND.constant:
    case KIND.shortDictionary:
      return true;
    case KIND.dictionary:
    case KIND.shapes:
      return node.children.some((child) => holdsToken(child, sought, sections));
    default:
      return hasClock(node) || someText(node, sought.token, sections);
  }
}

function someText(node: ColumnNode, token: string, sections: Sections): boolean {
  const column = openColumn(node, sections, new Float64Array(0));
  for (let row = 0; row < node.count; row += 1) if (column(row).includes(token)) return true;
  return false;
}

function hasClock(node: ColumnNode): boolean {
  return node.clockField !== 0 || node.children.some(hasClock);
}

/** Of the payload whose summary the column's tokens are in: the last one. */
function tokenSection(node: ColumnNode): number {
  return node.kind === KIND.affix && node.children[0] !== undefined
    ? tokenSection(node.children[0])
    : (node.places.at(-1)?.section ?? -1);
}
