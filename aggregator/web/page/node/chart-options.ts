import type uPlot from "uplot";
import type { AlertMark } from "./alert-marks.ts";

export type ChartColors = {
  readonly lines: readonly string[];
  readonly text: string;
  readonly grid: string;
  readonly red: string;
  readonly amber: string;
};

export type ChartSettings = {
  readonly width: number;
  readonly height: number;
  readonly labels: readonly string[];
  /** Which of the lines the others are compared with. */
  readonly thresholds: readonly boolean[];
  readonly isStacked: boolean;
  /** What the scale reaches at least; 0: what the values reach. */
  readonly top: number;
  readonly colors: ChartColors;
  readonly valueText: (value: number) => string;
  readonly timeText: (timeS: number, stepS: number) => string;
  readonly rangeS: () => [number, number];
  readonly marks: () => readonly AlertMark[];
  readonly onCursor: (place: number | null) => void;
  readonly onSelect: (fromS: number, toS: number) => void;
};

/** All charts of a page share the cursor. */
const SYNC = "node";
const FONT = "11px system-ui, sans-serif";
const DASH = [6, 4];
const MARK_PX = 4;
const Y_AXIS_PX = 62;
/** A flat line at 0 is not at the top. */
const TOP_MIN = 0.01;

export function chartOptions(settings: ChartSettings): uPlot.Options {
  const { width, height, colors, labels, isStacked } = settings;
  const axis = { stroke: colors.text, font: FONT, ticks: { show: false } };
  const grid = { stroke: colors.grid, width: 1 };
  const colorOf = (place: number) => colors.lines[place % colors.lines.length] ?? colors.text;
  return {
    width,
    height,
    legend: { show: false },
    padding: [8, 8, 0, 0],
    cursor: { sync: { key: SYNC }, drag: { x: true, y: false }, points: { size: 6 } },
    scales: {
      x: { range: settings.rangeS },
      y: {
        range: (_, min, max) => [
          Math.min(0, (min ?? 0) * 1.08),
          Math.max(settings.top, (max ?? 0) * 1.08, TOP_MIN),
        ],
      },
    },
    axes: [
      {
        ...axis,
        grid,
        size: 26,
        space: 64,
        values: (_, splits, _axis, _space, stepS) =>
          splits.map((timeS) => settings.timeText(timeS, stepS)),
      },
      {
        ...axis,
        grid,
        size: Y_AXIS_PX,
        space: 28,
        values: (_, splits) => splits.map((value) => settings.valueText(value)),
      },
    ],
    series: [
      {},
      ...labels.map((label, i) => ({
        label,
        stroke: settings.thresholds[i] ? colors.red : colorOf(i),
        ...(settings.thresholds[i] ? { dash: DASH } : {}),
        width: isStacked ? 1 : 1.5,
        points: { show: false },
        ...(isStacked && i === 0 ? { fill: faded(colorOf(0)) } : {}),
      })),
    ],
    ...(isStacked
      ? {
          bands: labels.slice(1).map((_, i) => ({
            series: [i + 2, i + 1] as [number, number],
            fill: faded(colorOf(i + 1)),
          })),
        }
      : {}),
    hooks: {
      setCursor: [({ cursor }) => settings.onCursor(cursor.idx ?? null)],
      setSelect: [
        (plot) => {
          const { left, width: wide } = plot.select;
          if (wide > 4)
            settings.onSelect(plot.posToVal(left, "x"), plot.posToVal(left + wide, "x"));
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        },
      ],
      draw: [(plot) => drawMarks(plot, settings)],
    },
  };
}

/** The same colour, so that what lies behind shows through. */
function faded(color: string): string {
  return `${color}55`;
}

function drawMarks({ ctx, bbox, valToPos }: uPlot, { marks, colors }: ChartSettings): void {
  ctx.save();
  for (const { fromMs, toMs, isCritical } of marks()) {
    const left = Math.max(bbox.left, valToPos(fromMs / 1000, "x", true));
    const right = Math.min(bbox.left + bbox.width, valToPos(toMs / 1000, "x", true));
    if (right < left) continue;
    ctx.fillStyle = isCritical ? colors.red : colors.amber;
    ctx.fillRect(left, bbox.top, Math.max(3, right - left), MARK_PX);
    ctx.globalAlpha = 0.35;
    ctx.fillRect(left, bbox.top, 1, bbox.height);
    ctx.globalAlpha = 1;
  }
  ctx.restore();
}
