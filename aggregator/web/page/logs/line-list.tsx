import { useSignal } from "@preact/signals";
import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { formatCount, formatTime } from "../format.ts";
import { locale, words } from "../settings.ts";
import { isNarrow } from "../shell/screen.ts";
import { selectedRow } from "../shell/selection.ts";
import { LineDetails } from "./line-details.tsx";
import { LINES_MAX, type LineFeed } from "./line-feed.ts";
import { clipped, oneLine, plainText } from "./line-text.ts";
import { type LogLine, sourceOf } from "./log-lines.ts";
import type { LineOrder, LogQuestion } from "./log-question.ts";
import { MarkedText } from "./marked-text.tsx";
import { rowPlaces } from "./row-places.ts";

const ROW_PX = 22;
const NARROW_ROW_PX = 56;
/** Of a line in its row; more of it does not fit. */
const ROW_CHARS = 400;
/** Rows that are made above and below those that are seen. */
const ROWS_AROUND = 12;
/** So near to the end further lines are loaded. */
const MORE_PX = 600;

type ListProps = {
  feed: LineFeed;
  order: LineOrder;
  question: LogQuestion;
  /** The second that is looked at; null: none. */
  atMs: number | null;
};

/** Log lines, of which only those that are seen are made. */
export function LineList({ feed, order, question, atMs }: ListProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const scroll = useSignal({ topPx: 0, heightPx: 600 });
  const open = useSignal<ReadonlyMap<LogLine, number>>(new Map());
  const lines = feed.lines.value;
  const rowPx = isNarrow.value ? NARROW_ROW_PX : ROW_PX;
  const places = placesOf(lines, order, open.value, rowPx);
  const lineAt = (row: number) => lines[order === "newest" ? lines.length - 1 - row : row];
  useFollowedScroll(scroller, scroll, feed);
  useHeldPlace(scroller, lines, order, rowPx);
  useRowKeys(scroller, lines.length, places);
  const { topPx, heightPx } = scroll.value;
  const first = Math.max(0, places.rowAt(topPx) - ROWS_AROUND);
  const end = Math.min(lines.length, places.rowAt(topPx + heightPx) + 1 + ROWS_AROUND);
  const rows = Array.from({ length: Math.max(0, end - first) }, (_, i) => first + i);
  const toggle = (line: LogLine) => {
    const next = new Map(open.value);
    if (!next.delete(line)) next.set(line, 0);
    open.value = next;
  };
  return (
    <div
      ref={scroller}
      class="line-scroller"
      tabIndex={0}
      role="group"
      aria-label={words.value.logLines}
    >
      <ol class="line-rows" style={{ height: `${places.heightPx}px` }}>
        {rows.map((row) => {
          const line = lineAt(row);
          if (line === undefined) return null;
          return (
            <LineRow
              key={`${line.time} ${lines.length - row}`}
              {...{ line, row, question }}
              top={places.topOf(row)}
              isAt={atMs !== null && Math.floor(line.timeMs / 1000) === Math.floor(atMs / 1000)}
              isOpen={open.value.has(line)}
              onToggle={() => toggle(line)}
              onHeight={(px) => {
                if (open.value.get(line) === px || !open.value.has(line)) return;
                open.value = new Map(open.value).set(line, px);
              }}
            />
          );
        })}
      </ol>
      <ListEnd feed={feed} />
    </div>
  );
}

function placesOf(
  lines: readonly LogLine[],
  order: LineOrder,
  open: ReadonlyMap<LogLine, number>,
  rowPx: number,
) {
  const extra = new Map<number, number>();
  for (const [line, px] of open) {
    const place = lines.indexOf(line);
    if (place !== -1) extra.set(order === "newest" ? lines.length - 1 - place : place, px);
  }
  return rowPlaces(lines.length, rowPx, extra);
}

type Scroll = { value: { topPx: number; heightPx: number } };
type Scroller = RefObject<HTMLDivElement | null>;

function useFollowedScroll(scroller: Scroller, scroll: Scroll, feed: LineFeed): void {
  useEffect(() => {
    const { current: box } = scroller;
    if (box === null) return undefined;
    const look = () => {
      scroll.value = { topPx: box.scrollTop, heightPx: box.clientHeight };
      if (box.scrollHeight - box.scrollTop - box.clientHeight < MORE_PX) feed.more();
    };
    const observer = new ResizeObserver(look);
    observer.observe(box);
    box.addEventListener("scroll", look, { passive: true });
    look();
    return () => {
      observer.disconnect();
      box.removeEventListener("scroll", look);
    };
  }, [feed]);
}

/** Who has scrolled away from the newest lines goes on seeing the same ones while others come in. */
function useHeldPlace(
  scroller: Scroller,
  lines: readonly LogLine[],
  order: LineOrder,
  rowPx: number,
): void {
  const before = useRef(lines);
  useLayoutEffect(() => {
    const last = before.current.at(-1);
    before.current = lines;
    const { current: box } = scroller;
    if (order !== "newest" || box === null || box.scrollTop < rowPx || last === undefined) return;
    const added = lines.length - 1 - lines.lastIndexOf(last);
    if (added > 0 && added < lines.length) box.scrollTop += added * rowPx;
  }, [lines]);
}

/** The keys j and k walk from line to line. */
function useRowKeys(scroller: Scroller, count: number, places: ReturnType<typeof rowPlaces>): void {
  useEffect(() => {
    return selectedRow.bind(count, (row) => {
      const { current: box } = scroller;
      if (box === null) return;
      const top = places.topOf(row);
      if (top < box.scrollTop || top + NARROW_ROW_PX > box.scrollTop + box.clientHeight)
        box.scrollTop = Math.max(0, top - box.clientHeight / 3);
      requestAnimationFrame(() =>
        requestAnimationFrame(() => {
          const button = box.querySelector<HTMLElement>(`[data-row="${row}"]`);
          button?.focus({ preventScroll: true });
        }),
      );
    });
  }, [count, places]);
}

type RowProps = {
  line: LogLine;
  row: number;
  top: number;
  question: LogQuestion;
  isAt: boolean;
  isOpen: boolean;
  onToggle: () => void;
  onHeight: (px: number) => void;
};

function LineRow({ line, row, top, question, isAt, isOpen, onToggle, onHeight }: RowProps) {
  const text = clipped(oneLine(plainText(line.text.slice(0, 4 * ROW_CHARS))), ROW_CHARS).text;
  return (
    <li
      class={`line-row severity-${line.severity}${isAt ? " at" : ""}`}
      style={{ transform: `translateY(${top}px)` }}
    >
      <button type="button" data-row={row} aria-expanded={isOpen} onClick={onToggle}>
        <time class="line-time">{lineTime(line.timeMs)}</time>
        <span class="unseen">{words.value.severities[line.severity]}</span>
        <bdi class="line-source">{sourceOf(line.labels)}</bdi>
        <bdi class="line-text">
          <MarkedText text={text} question={question} />
        </bdi>
      </button>
      {isOpen ? <LineDetails line={line} question={question} onHeight={onHeight} /> : null}
    </li>
  );
}

/** To the millisecond. */
export function lineTime(timeMs: number): string {
  const { value: language } = locale;
  const seconds = Math.floor(timeMs / 1000) % 60;
  const ms = timeMs % 1000;
  const two = String(seconds).padStart(2, "0");
  return `${formatTime(language, timeMs, timeMs)}:${two}.${String(ms).padStart(3, "0")}`;
}

function ListEnd({ feed }: { feed: LineFeed }) {
  const { loading, noLines, linesFull, linesEnd } = words.value;
  const count = feed.lines.value.length;
  const state = feed.state.value;
  if (state === "loading") return <p class="line-end quiet">{loading}</p>;
  if (count === 0)
    return feed.problem.value === "" ? <p class="line-end quiet">{noLines}</p> : null;
  if (state === "more") return null;
  const text = state === "full" ? linesFull(formatCount(locale.value, LINES_MAX)) : linesEnd;
  return <p class="line-end quiet">{text}</p>;
}
