import { useComputed, useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { formatCount } from "../format.ts";
import { visibleRows } from "../overview/visible-rows.ts";
import { parameters, setParameters } from "../route.ts";
import { locale, words } from "../settings.ts";
import { isNarrow } from "../shell/screen.ts";
import { selectedRow } from "../shell/selection.ts";
import { ColumnChoice, SortChoice } from "./column-choice.tsx";
import { type Column, chosenColumns, rowOrder } from "./columns.ts";
import { followScroll, showRow } from "./scrolled-rows.ts";

const ROW_PX = { wide: 30, narrow: 66 };
/** Of a narrow row, besides the name. */
const NARROW_COLUMNS = 4;

export type TableProps<Row> = {
  readonly title: string;
  readonly rows: readonly Row[];
  /** The first is the name of a row. */
  readonly columns: readonly Column<Row>[];
  readonly keyOf: (row: Row) => string;
  /** What the filter looks into. */
  readonly textOf: (row: Row) => string;
  readonly pathOf: (row: Row) => string;
  readonly nameOf: (row: Row) => string;
  /** By which it is sorted where the link does not say. */
  readonly sort: string;
  /** Where there are no rows. */
  readonly empty: string;
  readonly remark?: ComponentChildren;
  /** The view has a heading of its own. */
  readonly isPart?: true;
};

/** A table of any length: only the rows that can be seen are made. Order, filter and columns are in the link. */
export function VirtualTable<Row>(props: TableProps<Row>) {
  const { title, rows, columns, textOf } = props;
  const asked = useComputed(() => ({
    filter: parameters.value.get("q") ?? "",
    sort: parameters.value.get("sort") ?? "",
    isReversed: parameters.value.get("order") === "reversed",
    columns: parameters.value.get("columns") ?? "",
  })).value;
  const sorted = columns.find(({ key }) => key === (asked.sort || props.sort));
  const order = useMemo(
    () => rowOrder(rows, textOf, asked.filter, sorted, asked.isReversed),
    [rows, asked.filter, sorted?.key, asked.isReversed],
  );
  const chosen = chosenColumns(columns, asked.columns);
  const Heading = props.isPart ? "h2" : "h1";
  const isAll = order.length === rows.length;
  const count = (value: number) => formatCount(locale.value, value);
  return (
    <section class="part table-part" aria-labelledby="table-title">
      <div class="title-line">
        <Heading id="table-title" class="table-title">
          {title}{" "}
          <span class="quiet">
            {isAll
              ? count(rows.length)
              : words.value.tableOf(count(order.length), count(rows.length))}
          </span>
        </Heading>
        {props.remark}
        {isNarrow.value ? <SortChoice columns={columns} sorted={sorted?.key ?? ""} /> : null}
        <ColumnChoice columns={columns} chosen={chosen} />
      </div>
      {order.length === 0 ? (
        <p class="quiet">{rows.length === 0 ? props.empty : words.value.noneMatches}</p>
      ) : (
        <Rows
          {...props}
          {...{ order, sorted, isReversed: asked.isReversed }}
          shown={isNarrow.value ? narrowed(chosen, sorted) : chosen}
        />
      )}
    </section>
  );
}

/** The name, what it is sorted by, and the first of the others. */
function narrowed<Row>(
  chosen: readonly Column<Row>[],
  sorted: Column<Row> | undefined,
): readonly Column<Row>[] {
  const first = chosen.slice(0, 1);
  const rest = chosen.slice(1).filter((one) => one !== sorted);
  const others = sorted === undefined || sorted === first[0] ? rest : [sorted, ...rest];
  return [...first, ...others.slice(0, NARROW_COLUMNS)];
}

type RowsProps<Row> = TableProps<Row> & {
  order: readonly number[];
  sorted: Column<Row> | undefined;
  isReversed: boolean;
  shown: readonly Column<Row>[];
};

function Rows<Row>(props: RowsProps<Row>) {
  const { title, rows, order, shown } = props;
  const list = useRef<HTMLDivElement>(null);
  const scroll = useSignal({ topPx: 0, heightPx: 1000 });
  const rowPx = ROW_PX[isNarrow.value ? "narrow" : "wide"];
  const { first, end } = visibleRows(
    scroll.value.topPx,
    scroll.value.heightPx,
    rowPx,
    order.length,
  );
  useEffect(() => followScroll(list.current, scroll), []);
  useEffect(() => selectedRow.bind(order.length, (row) => showRow(list.current, row, rowPx)));
  const tracks = shown.map(({ width }) => width).join(" ");
  return (
    <div
      class="rows-table"
      role="table"
      aria-label={title}
      aria-rowcount={order.length + 1}
      style={isNarrow.value ? {} : { "--tracks": tracks }}
    >
      <Heads {...props} />
      <div ref={list} class="rows" role="rowgroup" style={{ height: `${order.length * rowPx}px` }}>
        {order.slice(first, end).map((place, i) => {
          const row = rows[place];
          if (row === undefined) return null;
          return (
            <TableRow key={props.keyOf(row)} {...props} row={row} at={first + i} rowPx={rowPx} />
          );
        })}
      </div>
    </div>
  );
}

function Heads<Row>({ shown, sorted, isReversed }: RowsProps<Row>) {
  return (
    <div role="rowgroup" class="heads">
      <div role="row" class="table-row heads-row">
        {shown.map((column) => {
          const isSorted = sorted?.key === column.key;
          const isUpward = isFromGreatest(column) === isReversed;
          const direction = isUpward ? "ascending" : "descending";
          return (
            <span
              key={column.key}
              role="columnheader"
              class={`head ${column.isNumber ? "number" : ""}`}
              aria-sort={isSorted ? direction : "none"}
            >
              <button
                type="button"
                title={column.hint ?? words.value.sortedBy(column.title)}
                onClick={() =>
                  setParameters({
                    sort: column.key,
                    order: isSorted && !isReversed ? "reversed" : "",
                  })
                }
              >
                {column.title}
                {isSorted ? <span aria-hidden="true">{isUpward ? " ▴" : " ▾"}</span> : null}
              </button>
            </span>
          );
        })}
      </div>
    </div>
  );
}

function isFromGreatest<Row>({ isNumber, isRanked }: Column<Row>): boolean {
  return isNumber === true || isRanked === true;
}

type RowProps<Row> = RowsProps<Row> & { row: Row; at: number; rowPx: number };

function TableRow<Row>({ row, at, rowPx, shown, pathOf, nameOf }: RowProps<Row>) {
  return (
    <div
      role="row"
      aria-rowindex={at + 2}
      class="table-row"
      data-selected={selectedRow.at.value === at}
      style={{ transform: `translateY(${at * rowPx}px)`, height: `${rowPx}px` }}
    >
      {shown.map(({ key, title, isNumber, cell }, place) =>
        place === 0 ? (
          <span key={key} role="rowheader" class="row-name">
            <a href={pathOf(row)} data-row={at} title={nameOf(row)}>
              <bdi>{nameOf(row)}</bdi>
            </a>
            {cell(row)}
          </span>
        ) : (
          <span key={key} role="cell" class={isNumber ? "cell number" : "cell"}>
            <span class="short">{title}</span>
            {cell(row)}
          </span>
        ),
      )}
    </div>
  );
}
