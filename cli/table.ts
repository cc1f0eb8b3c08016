import { type Color, type Paint, printable } from "./terminal.ts";

/** `align` is of the whole column, left unless it says right. */
export type Column<Row> = {
  readonly title: string;
  readonly align?: "right";
  readonly cell: (row: Row) => Cell;
};
export type Cell = string | { readonly text: string; readonly color: Color | null };

const GAP = "  ";

/** Lines of aligned columns under their titles, each with a newline. Cells are made printable. */
export function formatTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  paint: Paint,
): string {
  const titles = columns.map(({ title }) => ({ text: printable(title), color: "bold" as const }));
  const shown = rows.map((row) => columns.map(({ cell }) => shownCell(cell(row))));
  const widths = titles.map(({ text }, i) =>
    shown.reduce((width, row) => Math.max(width, widthOf(row[i]?.text ?? "")), widthOf(text)),
  );
  const lineOf = (cells: readonly { text: string; color: Color | null }[]) => {
    const parts = cells.map(({ text, color }, i) => {
      const space = " ".repeat((widths[i] ?? 0) - widthOf(text));
      if (columns[i]?.align === "right") return space + paint(text, color);
      // The last column ends where its text does.
      return i === columns.length - 1 ? paint(text, color) : paint(text, color) + space;
    });
    return `${parts.join(GAP).trimEnd()}\n`;
  };
  return [titles, ...shown].map(lineOf).join("");
}

function shownCell(cell: Cell): { text: string; color: Color | null } {
  const { text, color } = typeof cell === "string" ? { text: cell, color: null } : cell;
  return { text: printable(text), color };
}

/** In code points: close enough to what a terminal shows. */
function widthOf(text: string): number {
  return [...text].length;
}
