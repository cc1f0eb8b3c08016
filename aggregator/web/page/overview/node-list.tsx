import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { Figure, Overview } from "../../overview-shape.ts";
import { formatLoad, formatRate, formatShare } from "../format.ts";
import { parameters, setParameters } from "../route.ts";
import { locale, theme, words } from "../settings.ts";
import { isNarrow } from "../shell/screen.ts";
import { selectedRow } from "../shell/selection.ts";
import { followScroll, showRow } from "../table/scrolled-rows.ts";
import { nodePath } from "../view.ts";
import {
  alertsByNode,
  levelOf,
  type NodeAlerts,
  nodeOrder,
  SORTS,
  type Sort,
} from "./node-rows.ts";
import { NodeState } from "./node-state.tsx";
import { drawSparklines, SPARK_FIGURES, type SparkColumn } from "./sparklines.ts";
import { visibleRows } from "./visible-rows.ts";

const ROW_PX = { wide: 30, narrow: 62 };
const BAND = { wide: { top: 4, height: 22 }, narrow: { top: 40, height: 17 } };
/** Of the figures, those that have a column in a row. */
const COLUMNS: readonly Figure[] = [...SPARK_FIGURES, "load"];

/** All nodes that match, worst first; only those that can be seen are made. */
export function NodeList({ overview }: { overview: Overview }) {
  const list = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const scroll = useSignal({ topPx: 0, heightPx: 1000 });
  const size = isNarrow.value ? "narrow" : "wide";
  const rowPx = ROW_PX[size];
  const wanted = useComputed(() => ({
    filter: parameters.value.get("q") ?? "",
    state: parameters.value.get("state") ?? "",
    sort: sortOf(parameters.value.get("sort")),
  })).value;
  const alerts = alertsByNode(overview);
  const order = nodeOrder(overview, wanted, alerts);
  const { first, end } = visibleRows(
    scroll.value.topPx,
    scroll.value.heightPx,
    rowPx,
    order.length,
  );
  const places = order.slice(first, end);

  useEffect(() => followScroll(list.current, scroll), []);
  useEffect(() => selectedRow.bind(order.length, (row) => showRow(list.current, row, rowPx)));
  useLayoutEffect(() => {
    if (canvas.current === null || list.current === null) return;
    theme.value; // other colours
    draw(canvas.current, list.current, overview, { places, rowPx, band: BAND[size] });
  });

  return (
    <div class="nodes" role="table" aria-label={words.value.nodes} aria-rowcount={order.length + 1}>
      <Heads sort={wanted.sort} />
      <div
        ref={list}
        class="node-rows"
        role="rowgroup"
        style={{ height: `${order.length * rowPx}px` }}
      >
        <canvas
          ref={canvas}
          class="sparks"
          aria-hidden="true"
          style={{ transform: `translateY(${first * rowPx}px)` }}
        />
        {places.map((place, i) => (
          <NodeRow
            key={overview.nodes.name[place]}
            {...{ overview, place, row: first + i, top: (first + i) * rowPx }}
            alerts={alerts.get(overview.nodes.name[place] ?? "")}
          />
        ))}
      </div>
    </div>
  );
}

function sortOf(text: string | null): Sort {
  return SORTS.find((one) => one === text) ?? "worst";
}

function Heads({ sort }: { sort: Sort }) {
  const head = (name: Sort, text: string, title = text) => (
    <span
      role="columnheader"
      class={`head head-${name}`}
      aria-sort={sort === name ? "other" : "none"}
    >
      <button
        type="button"
        title={words.value.sortedBy(title)}
        onClick={() => setParameters({ sort: sort === name || name === "worst" ? "" : name })}
      >
        {text}
        {sort === name ? <span aria-hidden="true"> ▾</span> : null}
      </button>
    </span>
  );
  const { name, worst, diskHint, state } = words.value;
  return (
    <div role="rowgroup" class="heads">
      <div role="row" class="node-row heads-row">
        {head("name", name)}
        <span role="columnheader" class="head head-worst">
          <button type="button" title={worst} onClick={() => setParameters({ sort: "" })}>
            {state}
            {sort === "worst" ? <span aria-hidden="true"> ▾</span> : null}
          </button>
        </span>
        {COLUMNS.map((figure) =>
          head(figure, words.value[figure], figure === "disk" ? diskHint : words.value[figure]),
        )}
      </div>
    </div>
  );
}

type RowProps = {
  overview: Overview;
  place: number;
  row: number;
  top: number;
  alerts: NodeAlerts | undefined;
};

function NodeRow({ overview: { nodes }, place, row, top, alerts }: RowProps) {
  const name = nodes.name[place] ?? "";
  const state = nodes.state[place] ?? "awaited";
  const mark = alerts === undefined ? "" : alerts.isCritical ? "critical" : "warning";
  return (
    <div
      role="row"
      aria-rowindex={row + 2}
      class={`node-row state-${state}`}
      data-selected={selectedRow.at.value === row}
      style={{ transform: `translateY(${top}px)` }}
    >
      <span role="rowheader" class="node-name">
        <a href={nodePath(name)} data-row={row} title={name}>
          <bdi>{name}</bdi>
        </a>
        {alerts === undefined ? null : (
          <span class={`count ${mark}`} title={words.value.firing(String(alerts.count))}>
            {alerts.count}
          </span>
        )}
      </span>
      <span role="cell" class="node-since">
        <NodeState state={state} sinceMs={nodes.sinceMs[place] ?? 0} />
      </span>
      {COLUMNS.map((figure) => (
        <FigureCell key={figure} figure={figure} value={nodes[figure][place] ?? null} />
      ))}
    </div>
  );
}

function FigureCell({ figure, value }: { figure: Figure; value: number | null }) {
  const level = levelOf(figure, value);
  return (
    <span role="cell" class={`figure figure-${figure} level-${level}`}>
      {figure === "load" ? null : <span class="spark" data-figure={figure} />}
      <span class="short">{words.value[figure]}</span>
      <span class="number">{figureText(figure, value)}</span>
    </span>
  );
}

export function figureText(figure: Figure, value: number | null): string {
  if (value === null) return "–";
  if (figure === "network") return formatRate(locale.value, value);
  return figure === "load" ? formatLoad(locale.value, value) : formatShare(locale.value, value);
}

type Drawn = {
  places: readonly number[];
  rowPx: number;
  band: { top: number; height: number };
};

/** The cells of the first row say where the columns are. */
function draw(
  canvas: HTMLCanvasElement,
  list: HTMLElement,
  overview: Overview,
  { places, rowPx, band }: Drawn,
): void {
  const ratio = devicePixelRatio;
  const left = list.getBoundingClientRect().left;
  const columns: SparkColumn[] = [];
  for (const figure of SPARK_FIGURES) {
    const cell = list.querySelector(`[data-figure="${figure}"]`)?.getBoundingClientRect();
    if (cell !== undefined && cell.width > 0)
      columns.push({ figure, x: cell.left - left, width: cell.width });
  }
  const [width, height] = [list.clientWidth, places.length * rowPx];
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  if (context === null) return;
  context.scale(ratio, ratio);
  const style = getComputedStyle(canvas);
  const color = (name: string) => style.getPropertyValue(name);
  const colors = {
    ...{ good: color("--line"), high: color("--amber"), full: color("--red") },
    silence: color("--silence"),
  };
  drawSparklines(context, overview, { places, columns, rowPx, band, colors });
}
