import type { Labels } from "../../shared/model/labels.ts";
import type {
  LogEntry,
  LogSource,
  LogStream,
  LogsRequest,
  ResultLine,
  TimeRange,
} from "../model/log-lines.ts";
import type { LogExpr } from "./ast.ts";
import { lineHints } from "./line-filter.ts";
import { LineLabels } from "./line-labels.ts";
import type { LineMeter } from "./line-meter.ts";
import { mergeByTime, type TimedSource } from "./merge.ts";
import { compileStages, stagesWeight } from "./pipeline.ts";

/** Lines that are handed on together. */
const BATCH_LINES = 500;

/** See LogqlEngine.logs. */
export async function* logResults(
  expr: LogExpr,
  { startUs, endUs, direction, limit }: LogsRequest,
  source: LogSource,
  meter: LineMeter,
): AsyncGenerator<readonly ResultLine[]> {
  if (limit < 1 || endUs <= startUs) return;
  const hints = lineHints(expr.stages);
  const run = { pass: linePass(expr), weight: stagesWeight(expr.stages), meter };
  const streams: TimedSource<ResultLine>[] = [];
  const range = { startUs, endUs };
  for await (const stream of streamsOf(source.select(expr.matchers, range, direction, hints))) {
    streams.push({ frontUs: stream.frontUs, items: linesOf(stream, range, run) });
    meter.meter.checkSeries(streams.length);
  }
  let batch: ResultLine[] = [];
  let left = limit;
  for await (const line of mergeByTime(streams, direction)) {
    batch.push(line);
    left -= 1;
    if (left === 0) break;
    if (batch.length < BATCH_LINES) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

/** What the stages make of one line; null: it is left out. For lines as they come in, too. */
export function linePass(expr: LogExpr): (stream: Labels, entry: LogEntry) => ResultLine | null {
  const stages = compileStages(expr.stages);
  const labels = new LineLabels();
  return (stream, { timeUs, line, metadata }) => {
    labels.start(stream, metadata);
    const text = stages(line, labels, timeUs);
    if (text === null) return null;
    return { labels: labels.labels(), stream, metadata, timeUs, line: text };
  };
}

type Run = {
  readonly pass: ReturnType<typeof linePass>;
  readonly weight: number;
  readonly meter: LineMeter;
};

async function* linesOf(
  { labels, entries }: LogStream,
  { startUs, endUs }: TimeRange,
  { pass, weight, meter }: Run,
): AsyncGenerator<ResultLine> {
  for await (const batch of entries) {
    for (const entry of batch) {
      if (meter.line(entry.line.length, weight)) await meter.meter.rest();
      if (entry.timeUs < startUs || entry.timeUs >= endUs) continue;
      const result = pass(labels, entry);
      if (result !== null) yield result;
    }
  }
}

/** A source may give its streams at once or one after another. */
export async function* streamsOf(selected: ReturnType<LogSource["select"]>) {
  yield* Symbol.asyncIterator in selected ? selected : await selected;
}
