import { OperationalError } from "../shared/errors.ts";
import { withLabel } from "../shared/model/labels.ts";
import { PUSH_STREAM, type PushedLine } from "./api/loki-push.ts";
import type {
  CompiledLogs,
  CompiledQuery,
  FollowRequest,
  LogsPort,
  MatcherSets,
  QueryPort,
  StoredSize,
} from "./api/ports.ts";
import type { LogExpr } from "./logql/ast.ts";
import { fieldDetector } from "./logql/detect-fields.ts";
import { LogqlEngine, type LogqlOptions } from "./logql/engine.ts";
import { formatLogql } from "./logql/format.ts";
import { streamsOf } from "./logql/log-query.ts";
import { parseLogql, parseLogSelector } from "./logql/parse.ts";
import type { LineLog } from "./logs/line-log.ts";
import { LineSource } from "./logs/line-source.ts";
import { blocksIn, type Stream } from "./logs/store/streams.ts";
import type { StoredBlock } from "./logs/stored-block.ts";
import type { LogSource, LogsRequest, ResultLine, TimeRange } from "./model/log-lines.ts";
import { exprObject } from "./promql/ast-object.ts";
import { exprType } from "./promql/check.ts";
import type { PromqlEngine } from "./promql/engine.ts";
import { formatExpr } from "./promql/format.ts";
import { parsePromql, parseSelector } from "./promql/parse.ts";
import { ServiceNamedLines, splitMatchers } from "./service-names.ts";

/** The engine as the API needs it. */
export function queryPort(engine: PromqlEngine): QueryPort {
  return {
    compile: (text) => compileQuery(engine, text),
    parseSelector,
    format: (text) => formatExpr(parsePromql(text)),
    parsed: (text) => exprObject(parsePromql(text)),
  };
}

function compileQuery(engine: PromqlEngine, text: string): CompiledQuery {
  const expr = parsePromql(text);
  engine.check(expr);
  return {
    type: exprType(expr),
    instant: (timeMs, signal) => engine.instant(expr, timeMs, signal),
    range: (span, signal) => engine.range(expr, span, signal),
  };
}

/** Whether streams are seen as they are stored, or as Loki's clients expect them. */
export type StreamView = "stored" | "service-named";

function viewOf(source: LineSource, view: StreamView) {
  return view === "stored" ? source : new ServiceNamedLines(source);
}

/** LogQL over the lines of the log, as the API needs it. */
export function logsPort(log: LineLog, options: LogqlOptions, view: StreamView): LogsPort {
  const source = viewOf(new LineSource(log), view);
  const engine = new LogqlEngine(source, options);
  const fieldsOf = fieldDetector();
  return {
    compile: (text): CompiledLogs => {
      const expr = parseLogql(text);
      if (expr.kind === "logs") {
        return {
          kind: "lines",
          lines: (request, signal) => engine.logs(expr, request, signal),
          follow: (request, signal) => followLines({ log, view, expr, options }, request, signal),
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
    size: (sets, range) => sizeOf(log, source, sets, range),
    format: (text) => formatLogql(parseLogql(text)),
    fieldsOf,
  };
}

/** Streams of which some lines are read to find out how long lines are. */
const SAMPLE_STREAMS = 16;

async function sizeOf(
  log: LineLog,
  source: LogSource,
  sets: MatcherSets,
  range: TimeRange,
): Promise<StoredSize> {
  const streams = new Set<Stream>();
  const all = sets.length === 0 ? [[]] : sets;
  for (const matchers of all) {
    const { stored, isWanted } = splitMatchers(matchers);
    for (const one of log.streams.select(stored)) if (isWanted(one.labels)) streams.add(one);
  }
  const size = { streams: 0, blocks: 0, lines: 0 };
  for (const stream of streams) {
    const blocks = blocksIn(stream.blocks, range.startUs, range.endUs);
    if (blocks.length > 0) size.streams += 1;
    size.blocks += blocks.length;
    for (const block of blocks) size.lines += block.lineCount * shareIn(block, range);
  }
  const lines = Math.round(size.lines);
  return { ...size, lines, bytes: Math.round(lines * (await meanBytes(source, all, range))) };
}

/** The part of a block's time that lies in the range. */
function shareIn(
  { firstUs, lastUs }: { readonly firstUs: number; readonly lastUs: number },
  { startUs, endUs }: TimeRange,
): number {
  const withinUs = Math.min(lastUs, endUs - 1) - Math.max(firstUs, startUs) + 1;
  return withinUs / (lastUs - firstUs + 1);
}

/** Of the newest lines of some streams. */
async function meanBytes(source: LogSource, sets: MatcherSets, range: TimeRange): Promise<number> {
  let [lines, bytes] = [0, 0];
  const [matchers = []] = sets;
  const selected = source.select(matchers, range, "backward", { substrings: [] });
  let streams = 0;
  for await (const { entries } of streamsOf(selected)) {
    streams += 1;
    if (streams > SAMPLE_STREAMS) break;
    for await (const batch of entries) {
      lines += batch.length;
      for (const { line } of batch) bytes += Buffer.byteLength(line);
      break;
    }
  }
  return bytes / Math.max(1, lines);
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

type Followed = {
  readonly log: LineLog;
  readonly view: StreamView;
  readonly expr: LogExpr;
  readonly options: LogqlOptions;
};

/** After those that are there, what is stored: in the order of time among what came together. */
async function* followLines(
  { log, view, expr, options }: Followed,
  request: FollowRequest,
  signal: AbortSignal,
): AsyncGenerator<readonly ResultLine[]> {
  const linesOf = (only: readonly StoredBlock[] | null, wanted: LogsRequest) => {
    const engine = new LogqlEngine(viewOf(new LineSource(log, only), view), options);
    return engine.logs(expr, wanted, signal).lines;
  };
  let seen = log.storedCount;
  const newest: ResultLine[] = [];
  const upToNow = { ...request, endUs: EVER.endUs, direction: "backward" } as const;
  const before = linesOf(null, upToNow); // its first step finds what there is, before others go on
  for await (const batch of before) newest.push(...batch);
  yield newest.reverse();
  for (;;) {
    if (seen === log.storedCount) await log.changed(signal);
    const fresh = log.storedSince(seen);
    if (fresh.length < log.storedCount - seen) {
      const text = "Lines were packed or dropped before they were read: follow anew";
      throw new OperationalError("UNAVAILABLE", text);
    }
    seen = log.storedCount;
    yield* linesOf(fresh, { ...EVER, direction: "forward", limit: Number.MAX_SAFE_INTEGER });
  }
}
