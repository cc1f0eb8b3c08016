import { type Labels, labelsKey, withLabel } from "../shared/model/labels.ts";
import { PUSH_STREAM, type PushedLine } from "./api/loki-push.ts";
import type {
  CompiledLogs,
  CompiledQuery,
  FollowRequest,
  LogsPort,
  QueryPort,
  StoredSize,
} from "./api/ports.ts";
import type { LogExpr } from "./logql/ast.ts";
import { fieldDetector } from "./logql/detect-fields.ts";
import { LogqlEngine, type LogqlOptions } from "./logql/engine.ts";
import { formatLogql } from "./logql/format.ts";
import { parseLogql, parseLogSelector } from "./logql/parse.ts";
import type { LineLog, StoredBlock } from "./logs/line-log.ts";
import { LineSource } from "./logs/line-source.ts";
import type { LogsRequest, ResultLine, TimeRange } from "./model/log-lines.ts";
import { exprType } from "./promql/check.ts";
import type { PromqlEngine } from "./promql/engine.ts";
import { parsePromql, parseSelector } from "./promql/parse.ts";

/** The engine as the API needs it. */
export function queryPort(engine: PromqlEngine): QueryPort {
  return { compile: (text) => compileQuery(engine, text), parseSelector };
}

function compileQuery(engine: PromqlEngine, text: string): CompiledQuery {
  const expr = parsePromql(text);
  return {
    type: exprType(expr),
    instant: (timeMs, signal) => engine.instant(expr, timeMs, signal),
    range: (span, signal) => engine.range(expr, span, signal),
  };
}

/** LogQL over the lines of the log, as the API needs it. */
export function logsPort(log: LineLog, options: LogqlOptions): LogsPort {
  const source = new LineSource(log, () => log.blocks);
  const engine = new LogqlEngine(source, options);
  const fieldsOf = fieldDetector();
  return {
    compile: (text): CompiledLogs => {
      const expr = parseLogql(text);
      if (expr.kind === "logs") {
        return {
          kind: "lines",
          lines: (request, signal) => engine.logs(expr, request, signal),
          follow: (request, signal) => followLines(log, expr, options, request, signal),
        };
      }
      return {
        kind: "metric",
        instant: (timeMs, signal) => engine.instant(expr, timeMs, signal),
        range: (span, signal) => engine.range(expr, span, signal),
      };
    },
    parseSelector: parseLogSelector,
    streams: (sets, range) => source.streams(sets, range),
    size: (sets, range) => sizeOf(log, source.streams(sets, range), range),
    format: (text) => formatLogql(parseLogql(text)),
    fieldsOf,
  };
}

/** Blocks that are read to find out how long lines are. */
const SAMPLE_BLOCKS = 8;

async function sizeOf(
  log: LineLog,
  streams: readonly Labels[],
  { startUs, endUs }: TimeRange,
): Promise<StoredSize> {
  const wanted = new Set(streams.map(labelsKey));
  let [lines, sampledLines, sampledBytes] = [0, 0, 0];
  const blocks: StoredBlock[] = [];
  for (const block of log.blocks) {
    let isWithin = false;
    for (const { labels, lineCount, minUs, maxUs } of block.sources) {
      if (maxUs < startUs || minUs >= endUs || !wanted.has(labelsKey(labels))) continue;
      const within = Math.min(maxUs, endUs - 1) - Math.max(minUs, startUs) + 1;
      lines += (lineCount * within) / (maxUs - minUs + 1);
      isWithin = true;
    }
    if (isWithin) blocks.push(block);
  }
  for (const block of blocks.slice(-SAMPLE_BLOCKS)) {
    for (const source of (await log.read(block))?.sources ?? []) {
      sampledLines += source.lines.length;
      for (const { bytes } of source.lines) sampledBytes += bytes.length;
    }
  }
  const count = Math.round(lines);
  const bytes = Math.round((count * sampledBytes) / Math.max(1, sampledLines));
  return { streams: streams.length, blocks: blocks.length, lines: count, bytes };
}

/** The newest lines that clients pushed, about so many. @throws OperationalError STORAGE */
export async function newestPushed(log: LineLog, linesMax: number): Promise<PushedLine[]> {
  const lines: PushedLine[] = [];
  const pushed = log.blocks.filter(({ stream }) => stream.streamId === PUSH_STREAM);
  for (const block of pushed.reverse()) {
    if (lines.length >= linesMax) break;
    for (const source of (await log.read(block))?.sources ?? []) {
      const labels = withLabel(source.labels, "instance", block.stream.node);
      for (const { timeUs, bytes } of source.lines) lines.push({ labels, timeUs, bytes });
    }
  }
  return lines;
}

const EVER = { startUs: 0, endUs: Number.MAX_SAFE_INTEGER };

/** After those that are there, what is stored: in the order of time among what came together. */
async function* followLines(
  log: LineLog,
  expr: LogExpr,
  options: LogqlOptions,
  request: FollowRequest,
  signal: AbortSignal,
): AsyncGenerator<readonly ResultLine[]> {
  const linesOf = (blocks: readonly StoredBlock[], wanted: LogsRequest) => {
    const engine = new LogqlEngine(new LineSource(log, () => blocks), options);
    return engine.logs(expr, wanted, signal).lines;
  };
  let seen = log.storedCount;
  const newest: ResultLine[] = [];
  const upToNow = { ...request, endUs: EVER.endUs, direction: "backward" } as const;
  const before = linesOf([...log.blocks], upToNow);
  for await (const batch of before) newest.push(...batch);
  yield newest.reverse();
  for (;;) {
    if (seen === log.storedCount) await log.changed(signal);
    const fresh = log.storedSince(seen);
    seen = log.storedCount;
    yield* linesOf(fresh, { ...EVER, direction: "forward", limit: Number.MAX_SAFE_INTEGER });
  }
}
