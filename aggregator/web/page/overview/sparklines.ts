import { type Overview, POINTS, TRACED, type Traced } from "../../overview-shape.ts";
import { levelOf } from "./node-rows.ts";

/** Where a column of sparklines lies in the list, in CSS pixels. */
export type SparkColumn = { readonly figure: Traced; readonly x: number; readonly width: number };
/** The part of a row that a line has, from its top. */
type SparkBand = { readonly top: number; readonly height: number };
type SparkColors = Record<"good" | "high" | "full" | "silence", string>;

export type SparkPlan = {
  /** Places of the nodes, from the top of the canvas on. */
  readonly places: readonly number[];
  readonly columns: readonly SparkColumn[];
  readonly rowPx: number;
  readonly band: SparkBand;
  readonly colors: SparkColors;
};

/** A node that moves less than this does not look busy. */
const NETWORK_MIN = 100_000;
/** How thick the mark is where nothing is known. */
const SILENCE_PX = 3;

/** Draws the last hour of all these nodes, each figure in its column. */
export function drawSparklines(
  context: CanvasRenderingContext2D,
  overview: Overview,
  plan: SparkPlan,
): void {
  const { places, columns, rowPx, band } = plan;
  places.forEach((place, row) => {
    for (const { figure, x, width } of columns) {
      const points = pointsOf(overview, figure, place);
      const box = { x, width, top: row * rowPx + band.top, height: band.height };
      const level = levelOf(figure, overview.nodes[figure][place] ?? null);
      const color = plan.colors[level === "none" ? "good" : level];
      drawLine(context, points, box, { scale: scaleOf(figure, points), color });
      const isKnown = points.some((value) => value !== null);
      const heard = isKnown ? points.findIndex((value) => value !== null) : 0;
      drawSilence(context, points, box, { color: plan.colors.silence, heard });
    }
  });
}

function pointsOf({ traces }: Overview, figure: Traced, place: number): (number | null)[] {
  return traces[figure].slice(place * POINTS, (place + 1) * POINTS);
}

/** The value that reaches the top. */
export function scaleOf(figure: Traced, points: readonly (number | null)[]): number {
  if (figure !== "network") return 1;
  return Math.max(NETWORK_MIN, ...points.map((value) => value ?? 0));
}

type Box = { x: number; width: number; top: number; height: number };

function drawLine(
  context: CanvasRenderingContext2D,
  points: readonly (number | null)[],
  { x, width, top, height }: Box,
  { scale, color }: { scale: number; color: string },
): void {
  const step = width / (POINTS - 1);
  const yOf = (value: number) => top + height - 1 - (value / scale) * (height - 2);
  for (const { from, to } of runsOf(points, (value) => value !== null)) {
    const line = new Path2D();
    for (let i = from; i < to; i += 1) line.lineTo(x + i * step, yOf(points[i] ?? 0));
    if (to - from === 1) line.lineTo(x + from * step + 1.5, yOf(points[from] ?? 0));
    const area = new Path2D(line);
    area.lineTo(x + (to - 1) * step, top + height);
    area.lineTo(x + from * step, top + height);
    context.globalAlpha = 0.16;
    context.fillStyle = color;
    context.fill(area);
    context.globalAlpha = 1;
    context.strokeStyle = color;
    context.lineWidth = 1.25;
    context.stroke(line);
  }
}

/** Where nothing came in; before the node was heard of for the first time is no silence. */
function drawSilence(
  context: CanvasRenderingContext2D,
  points: readonly (number | null)[],
  { x, width, top, height }: Box,
  { color, heard }: { color: string; heard: number },
): void {
  const step = width / (POINTS - 1);
  context.fillStyle = color;
  for (const { from, to } of runsOf(points, (value) => value === null)) {
    if (from < heard) continue;
    const left = Math.max(x, x + (from - 0.5) * step);
    const right = Math.min(x + width, x + (to - 0.5) * step);
    context.fillRect(left, top + height - SILENCE_PX, right - left, SILENCE_PX);
  }
}

/** Stretches of points that are so; `to` is exclusive. */
export function runsOf(
  points: readonly (number | null)[],
  isSo: (value: number | null) => boolean,
): { from: number; to: number }[] {
  const runs: { from: number; to: number }[] = [];
  points.forEach((value, i) => {
    if (!isSo(value)) return;
    const last = runs.at(-1);
    if (last !== undefined && last.to === i) last.to = i + 1;
    else runs.push({ from: i, to: i + 1 });
  });
  return runs;
}

export const SPARK_FIGURES: readonly Traced[] = TRACED;
