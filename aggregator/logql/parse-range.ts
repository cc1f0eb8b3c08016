import { queryError } from "../query/query-error.ts";
import type { Grouping, LogExpr, QuantityKind, RangeExpr, RangeOp, Stage, Unwrap } from "./ast.ts";
import { checkStages, isStageNext, readSelector, readStage } from "./parse-logs.ts";
import type { TokenReader } from "./token-reader.ts";
import { parseSeconds } from "./units.ts";

/** Whether a function takes lines, values of an unwrapped label, or either; and a grouping. */
type RangeForm = { readonly of: "lines" | "values" | "any"; readonly isGrouped: boolean };

const FORMS: Readonly<Record<RangeOp, RangeForm>> = {
  absent_over_time: { of: "any", isGrouped: false },
  avg_over_time: { of: "values", isGrouped: true },
  bytes_over_time: { of: "lines", isGrouped: false },
  bytes_rate: { of: "lines", isGrouped: false },
  count_over_time: { of: "lines", isGrouped: false },
  first_over_time: { of: "values", isGrouped: true },
  last_over_time: { of: "values", isGrouped: true },
  max_over_time: { of: "values", isGrouped: true },
  min_over_time: { of: "values", isGrouped: true },
  quantile_over_time: { of: "values", isGrouped: true },
  rate: { of: "any", isGrouped: false },
  rate_counter: { of: "values", isGrouped: false },
  stddev_over_time: { of: "values", isGrouped: true },
  stdvar_over_time: { of: "values", isGrouped: true },
  sum_over_time: { of: "values", isGrouped: false },
};

const RANGE_OPS = Object.keys(FORMS) as RangeOp[];

export function rangeOp(name: string): RangeOp | undefined {
  return RANGE_OPS.find((op) => op === name);
}

/** `function(parameter, log range) by (…)`, of which the function's name is next. */
export function readRange(reader: TokenReader, op: RangeOp): RangeExpr {
  const { place } = reader;
  reader.take();
  reader.expectMark("(");
  const param = op === "quantile_over_time" ? readQuantile(reader) : null;
  const { logs, stages, unwrap, filters, rangeMs, offsetMs } = readLogRange(reader);
  if (rangeMs === null) throw reader.unexpected("a range such as [5m]");
  reader.expectMark(")");
  const { of, isGrouped } = FORMS[op];
  if (of === "values" && unwrap === null) {
    throw queryError(
      place,
      `${op} takes the values of a label: put | unwrap LABEL before the range`,
    );
  }
  if (of === "lines" && unwrap !== null) {
    throw queryError(place, `${op} counts lines and takes no unwrap`);
  }
  const groupingPlace = reader.place;
  const grouping = readGrouping(reader);
  if (grouping !== null && !isGrouped) {
    throw queryError(groupingPlace, `${op} takes no by or without: put sum by (…) around it`);
  }
  return {
    kind: "range",
    op,
    param,
    logs: { ...logs, stages },
    unwrap: unwrap === null ? null : { ...unwrap, filters },
    rangeMs,
    offsetMs,
    grouping,
    place,
  };
}

function readQuantile(reader: TokenReader): number {
  const isNegative = reader.takeMark("-");
  const value = Number(reader.expect("number", "a quantile from 0 to 1"));
  reader.expectMark(",");
  return isNegative ? -value : value;
}

type LogRange = {
  readonly logs: LogExpr;
  readonly stages: Stage[];
  unwrap: Unwrap | null;
  readonly filters: Stage[]; // behind unwrap
  rangeMs: number | null;
  offsetMs: number;
};

/** A selector, its stages and its range; the range may stand before the stages or behind them. */
function readLogRange(reader: TokenReader): LogRange {
  const found = readInner(reader);
  while (readPart(reader, found));
  checkStages([...found.stages, ...found.filters], found.logs.place);
  return found;
}

function readInner(reader: TokenReader): LogRange {
  if (reader.takeMark("(")) {
    const inner = reader.nested(() => readLogRange(reader));
    reader.expectMark(")");
    return inner;
  }
  const logs = readSelector(reader);
  return { logs, stages: [], unwrap: null, filters: [], rangeMs: null, offsetMs: 0 };
}

/** A range, an unwrap or a stage; false when none is next. */
function readPart(reader: TokenReader, found: LogRange): boolean {
  if (reader.isMark("[")) {
    if (found.rangeMs !== null) throw queryError(reader.place, "the range is given twice");
    found.rangeMs = readRangeMs(reader);
    if (reader.takeWord("offset")) found.offsetMs = readOffsetMs(reader);
    return true;
  }
  if (!isStageNext(reader)) return false;
  if (reader.isWord("unwrap", 1)) {
    if (found.unwrap !== null) throw queryError(reader.place, "unwrap may be given only once");
    found.unwrap = readUnwrap(reader);
  } else if (found.unwrap === null) found.stages.push(readStage(reader));
  else found.filters.push(readUnwrapFilter(reader));
  return true;
}

function readRangeMs(reader: TokenReader): number {
  reader.expectMark("[");
  const { place } = reader;
  const seconds = parseSeconds(reader.expect("duration", "a duration such as 5m"));
  reader.expectMark("]");
  if (seconds === null || seconds < 0.001) throw queryError(place, "a range is at least 1ms long");
  return toMs(seconds);
}

function readOffsetMs(reader: TokenReader): number {
  const isNegative = reader.takeMark("-");
  const seconds = parseSeconds(reader.expect("duration", "a duration such as 5m")) ?? 0;
  return toMs(isNegative ? -seconds : seconds);
}

function toMs(seconds: number): number {
  return Math.round(seconds * 1000);
}

const CONVERSIONS = new Map<string, QuantityKind>([
  ["duration", "duration"],
  ["duration_seconds", "duration"],
  ["bytes", "bytes"],
]);

function readUnwrap(reader: TokenReader): Unwrap {
  reader.expectMark("|");
  reader.take();
  const { place } = reader;
  const name = reader.expect("word", "the label whose values are taken");
  if (!reader.takeMark("(")) return { name, as: "number", filters: [] };
  const as = CONVERSIONS.get(name);
  if (as === undefined) {
    throw queryError(place, `unwrap converts by duration() or bytes(), not by ${name}()`);
  }
  const inner = reader.expect("word", "the label whose values are taken");
  reader.expectMark(")");
  return { name: inner, as, filters: [] };
}

function readUnwrapFilter(reader: TokenReader): Stage {
  const { place } = reader;
  const stage = readStage(reader);
  if (stage.kind === "label-filter") return stage;
  throw queryError(place, "only conditions on labels may follow unwrap");
}

/** `by (…)` or `without (…)`; null where neither is next. */
export function readGrouping(reader: TokenReader): Grouping | null {
  const grouping = (["by", "without"] as const).find((word) => reader.isWord(word));
  if (grouping === undefined) return null;
  reader.take();
  return { grouping, labels: readLabelNames(reader) };
}

/** Label names in parentheses; there may be none. */
export function readLabelNames(reader: TokenReader): string[] {
  reader.expectMark("(");
  const names: string[] = [];
  while (!reader.isMark(")")) {
    names.push(reader.expect("word", "a label name"));
    if (!reader.takeMark(",")) break;
  }
  reader.expectMark(")");
  return names;
}
