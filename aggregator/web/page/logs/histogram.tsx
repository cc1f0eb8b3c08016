import { useSignal } from "@preact/signals";
import { useId } from "preact/hooks";
import { formatCount, formatMoment, formatTime } from "../format.ts";
import type { Loaded } from "../loaded.ts";
import { sampledPlaces } from "../node/chart-lines.ts";
import { spokenText } from "../node/live-region.tsx";
import { showRange } from "../node/shown-range.ts";
import { locale, words } from "../settings.ts";
import { type Bar, type Bars, sumOf } from "./histogram-bars.ts";
import { SEVERITIES, type Severity } from "./severities.ts";

const HEIGHT = 64;
const TABLE_ROWS = 12;
/** The least that a bar with lines is high: one of thousands is still seen. */
const BAR_MIN = 1.5;

type HistogramProps = {
  loaded: Loaded<Bars>;
  /** Those that the lines are of; none: all. */
  severities: readonly Severity[];
};

/** Lines over time by severity. A press on a bar shows its time, dragging shows a longer one. */
export function Histogram({ loaded, severities }: HistogramProps) {
  const at = useSignal<number | null>(null);
  const id = useId();
  const bars = loaded.value?.bars ?? [];
  const shown = severities.length === 0 ? SEVERITIES : severities;
  const top = Math.max(1, ...bars.map(({ counts }) => sumOf(counts, shown)));
  return (
    <figure class="histogram" aria-label={words.value.linesOverTime}>
      <div class="histogram-top quiet number" aria-hidden="true">
        {loaded.value === null ? "" : formatCount(locale.value, top)}
      </div>
      <Drawing {...{ bars, shown, top, at }} tableId={`${id}-table`} />
      <div class="histogram-times quiet number">
        {times(bars).map(({ timeMs, text }) => (
          <span key={timeMs}>{text}</span>
        ))}
        <span class="histogram-said">
          {loaded.problem !== "" ? (
            <span class="problem">{loaded.problem}</span>
          ) : at.value === null ? null : (
            barText(bars[at.value], shown)
          )}
        </span>
      </div>
      <BarTable id={`${id}-table`} bars={bars} />
    </figure>
  );
}

type Place = { value: number | null };

type DrawingProps = {
  bars: readonly Bar[];
  shown: readonly Severity[];
  top: number;
  at: Place;
  tableId: string;
};

function Drawing({ bars, shown, top, at, tableId }: DrawingProps) {
  const from = useSignal<number | null>(null);
  const placeOf = ({ clientX, currentTarget }: MouseEvent) => {
    if (!(currentTarget instanceof Element) || bars.length === 0) return null;
    const box = currentTarget.getBoundingClientRect();
    const place = Math.floor(((clientX - box.left) / box.width) * bars.length);
    return Math.max(0, Math.min(bars.length - 1, place));
  };
  const chosen = from.value === null || at.value === null ? null : [from.value, at.value];
  return (
    <svg
      role="img"
      tabIndex={0}
      aria-label={words.value.linesOverTime}
      aria-details={tableId}
      viewBox={`0 0 ${Math.max(1, bars.length)} ${HEIGHT}`}
      preserveAspectRatio="none"
      onPointerMove={(event) => {
        at.value = placeOf(event);
      }}
      onPointerLeave={() => {
        at.value = null;
        from.value = null;
      }}
      onPointerDown={(event) => {
        from.value = placeOf(event);
      }}
      onPointerUp={(event) => {
        showBars(bars, from.value, placeOf(event));
        from.value = null;
      }}
      onKeyDown={(event) => walk(event, bars, shown, at)}
    >
      {chosen === null ? null : (
        <rect
          class="histogram-chosen"
          {...{ x: Math.min(...chosen), y: 0, height: HEIGHT }}
          width={Math.abs((chosen[1] ?? 0) - (chosen[0] ?? 0)) + 1}
        />
      )}
      {bars.map(({ counts, fromMs }, i) => (
        <BarDrawing key={fromMs} {...{ counts, shown, top }} place={i} isAt={at.value === i} />
      ))}
    </svg>
  );
}

function showBars(bars: readonly Bar[], one: number | null, other: number | null): void {
  if (one === null || other === null) return;
  const [first, last] = [bars[Math.min(one, other)], bars[Math.max(one, other)]];
  if (first === undefined || last === undefined) return;
  showRange({ fromMs: first.fromMs, toMs: last.toMs, isLive: false });
}

/** Arrows go from bar to bar, Enter shows the time of one. */
function walk(
  event: KeyboardEvent,
  bars: readonly Bar[],
  shown: readonly Severity[],
  at: Place,
): void {
  const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (event.key === "Enter") showBars(bars, at.value, at.value);
  if (by === undefined || bars.length === 0) return;
  event.preventDefault();
  at.value = Math.max(0, Math.min(bars.length - 1, (at.value ?? bars.length) + by));
  spokenText.value = barText(bars[at.value], shown);
}

type BarProps = {
  counts: Bar["counts"];
  shown: readonly Severity[];
  top: number;
  place: number;
  isAt: boolean;
};

function BarDrawing({ counts, shown, top, place, isAt }: BarProps) {
  let y = HEIGHT;
  return (
    <g class={isAt ? "at" : ""}>
      {isAt ? <rect class="histogram-at" x={place} y={0} width={1} height={HEIGHT} /> : null}
      {SEVERITIES.toReversed()
        .filter((severity) => shown.includes(severity) && counts[severity] > 0)
        .map((severity) => {
          const height = Math.max(BAR_MIN, (counts[severity] / top) * (HEIGHT - 2));
          y = Math.max(0, y - height);
          return (
            <rect
              key={severity}
              class={`severity-${severity}`}
              {...{ x: place + 0.08, y, width: 0.84, height }}
            />
          );
        })}
    </g>
  );
}

function barText(bar: Bar | undefined, shown: readonly Severity[]): string {
  if (bar === undefined) return "";
  const { value: language } = locale;
  const counts = shown
    .filter((severity) => bar.counts[severity] > 0)
    .map((one) => `${words.value.severities[one]} ${formatCount(language, bar.counts[one])}`);
  const total = words.value.lineCount(formatCount(language, sumOf(bar.counts, shown)));
  return `${formatMoment(language, bar.fromMs)}: ${[total, ...counts].join(", ")}`;
}

const DAY_MS = 86_400_000;

/** The first, the middle and the last time. */
function times(bars: readonly Bar[]): readonly { timeMs: number; text: string }[] {
  const [first, last] = [bars[0], bars.at(-1)];
  if (first === undefined || last === undefined) return [];
  const isLong = last.toMs - first.fromMs > DAY_MS;
  const middle = (first.fromMs + last.toMs) / 2;
  return [first.fromMs, middle, last.toMs].map((timeMs) => {
    const now = isLong ? timeMs + 2 * DAY_MS : timeMs;
    return { timeMs, text: formatTime(locale.value, timeMs, now) };
  });
}

function BarTable({ id, bars }: { id: string; bars: readonly Bar[] }) {
  const { linesOverTime, time, severities } = words.value;
  return (
    <div class="unseen">
      <table id={id}>
        <caption>{linesOverTime}</caption>
        <thead>
          <tr>
            <th scope="col">{time}</th>
            {SEVERITIES.map((severity) => (
              <th scope="col" key={severity}>
                {severities[severity]}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {sampledPlaces(bars.length, TABLE_ROWS).map((place) => (
            <tr key={place}>
              <th scope="row">{formatMoment(locale.value, bars[place]?.fromMs ?? 0)}</th>
              {SEVERITIES.map((severity) => (
                <td key={severity}>{bars[place]?.counts[severity] ?? 0}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
