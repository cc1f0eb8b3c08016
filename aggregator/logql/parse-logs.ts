import type { Matcher } from "../../shared/model/columns.ts";
import { compileMatcher } from "../matching/matcher.ts";
import { atPlace, queryError } from "../query/query-error.ts";
import type {
  Extraction,
  LabelChoice,
  LabelFormat,
  LineFilterOp,
  LineFilterStage,
  LogExpr,
  Stage,
} from "./ast.ts";
import { readIp, readLabelFilter } from "./parse-filter.ts";
import { compileStages } from "./pipeline.ts";
import type { TokenReader } from "./token-reader.ts";

/** Stages of one query; each line goes through all of them. */
const STAGES_MAX = 200;

/** `{…}` */
export function readSelector(reader: TokenReader): LogExpr {
  const { place } = reader;
  reader.expectMark("{");
  const matchers = reader.isMark("}") ? [] : readMatchers(reader);
  reader.expectMark("}");
  const compiled = matchers.map((matcher) => atPlace(place, () => compileMatcher(matcher)));
  if (compiled.every(({ matchesEmpty }) => matchesEmpty)) {
    throw queryError(
      place,
      'a stream selector needs a matcher that does not match the empty text, such as {job=~".+"}',
    );
  }
  return { kind: "logs", matchers, stages: [], place };
}

function readMatchers(reader: TokenReader): Matcher[] {
  const matchers = [readMatcher(reader)];
  while (reader.takeMark(",")) {
    if (reader.isMark("}")) break;
    matchers.push(readMatcher(reader));
  }
  return matchers;
}

/** A log query: a selector and its stages. */
export function readLogs(reader: TokenReader): LogExpr {
  const logs = readSelector(reader);
  const stages: Stage[] = [];
  while (isStageNext(reader)) stages.push(readStage(reader));
  checkStages(stages, logs.place);
  return { ...logs, stages };
}

/** @throws OperationalError QUERY for too many, or one with a wrong pattern, path or template */
export function checkStages(stages: readonly Stage[], place: string): void {
  if (stages.length > STAGES_MAX) {
    throw queryError(place, `${stages.length} stages, more than the ${STAGES_MAX} allowed`);
  }
  compileStages(stages);
}

const MATCH_TYPES = ["=", "!=", "=~", "!~"] as const;

function readMatcher(reader: TokenReader): Matcher {
  const name = reader.expect("word", 'a label matcher such as job="node"');
  const type = MATCH_TYPES.find((one) => reader.isMark(one));
  if (type === undefined) throw reader.unexpected("one of =, !=, =~, !~ and a text in quotes");
  reader.take();
  return { name, type, value: reader.expect("string", "a text in quotes") };
}

const LINE_FILTER_OPS: readonly LineFilterOp[] = ["|=", "!=", "|~", "!~", "|>", "!>"];

export function isStageNext(reader: TokenReader): boolean {
  return reader.isMark("|") || lineFilterOp(reader) !== undefined;
}

function lineFilterOp(reader: TokenReader): LineFilterOp | undefined {
  return LINE_FILTER_OPS.find((op) => reader.isMark(op));
}

/** One stage; `| unwrap` is read by who may have one. */
export function readStage(reader: TokenReader): Stage {
  const op = lineFilterOp(reader);
  if (op !== undefined) return readLineFilter(reader, op);
  const { place } = reader;
  reader.expectMark("|");
  const { kind, text } = reader.peek();
  const read = kind === "word" ? STAGES.get(text) : undefined;
  if (read !== undefined) {
    reader.take();
    return read(reader, place);
  }
  const isLabel = kind === "word" && !UNSUPPORTED_STAGES.has(text);
  if (isLabel || reader.isMark("(")) {
    return { kind: "label-filter", filter: readLabelFilter(reader), place };
  }
  if (kind === "word") throw queryError(place, `the stage ${text} is not supported`);
  throw reader.unexpected("a stage such as json, logfmt or line_format, or a condition on a label");
}

/** Those that Loki had or has, and we do not. */
const UNSUPPORTED_STAGES: ReadonlySet<string> = new Set(["distinct", "xml"]);

type ReadStage = (reader: TokenReader, place: string) => Stage;

/** By the word behind the pipe. */
const STAGES: ReadonlyMap<string, ReadStage> = new Map<string, ReadStage>([
  ["json", (reader, place) => ({ kind: "json", fields: readExtractions(reader), place })],
  ["logfmt", readLogfmt],
  ["pattern", (reader, place) => ({ kind: "pattern", text: readText(reader), place })],
  ["regexp", (reader, place) => ({ kind: "regexp", text: readText(reader), place })],
  ["unpack", (_, place) => ({ kind: "unpack", place })],
  ["decolorize", (_, place) => ({ kind: "decolorize", place })],
  ["line_format", (reader, place) => ({ kind: "line_format", text: readText(reader), place })],
  ["label_format", readLabelFormat],
  ["drop", (reader, place) => ({ kind: "drop", choices: readChoices(reader), place })],
  ["keep", (reader, place) => ({ kind: "keep", choices: readChoices(reader), place })],
  ["unwrap", refuseUnwrap],
]);

function refuseUnwrap(_: TokenReader, place: string): Stage {
  const hint = "unwrap goes into a range aggregation, such as sum_over_time(… | unwrap x [5m])";
  throw queryError(place, `${hint}, and only conditions on labels follow it`);
}

function readText(reader: TokenReader): string {
  return reader.expect("string", "a text in quotes");
}

function readLineFilter(reader: TokenReader, op: LineFilterOp): LineFilterStage {
  const { place } = reader;
  reader.take();
  const alternatives = [readAlternative(reader, op)];
  while (reader.takeWord("or")) alternatives.push(readAlternative(reader, op));
  return { kind: "line-filter", op, alternatives, place };
}

function readAlternative(
  reader: TokenReader,
  op: LineFilterOp,
): LineFilterStage["alternatives"][number] {
  if (!reader.isWord("ip")) return { text: readText(reader), isIp: false };
  if (op !== "|=" && op !== "!=") {
    throw queryError(reader.place, `ip() goes with |= and !=, not with ${op}`);
  }
  return { text: readIp(reader), isIp: true };
}

function readLogfmt(reader: TokenReader, place: string): Stage {
  const flags = new Set<string>();
  while (reader.peek().kind === "flag") {
    if (!reader.peek().text.match(/^--(?:strict|keep-empty)$/)) {
      throw reader.unexpected("--strict or --keep-empty");
    }
    flags.add(reader.take().text);
  }
  return {
    kind: "logfmt",
    fields: readExtractions(reader),
    isStrict: flags.has("--strict"),
    keepsEmpty: flags.has("--keep-empty"),
    place,
  };
}

/** `label="path", other`; none when the stage takes every field. */
function readExtractions(reader: TokenReader): Extraction[] {
  if (reader.peek().kind !== "word") return [];
  return reader.list(() => {
    const name = reader.expect("word", "a label name");
    return { name, from: reader.takeMark("=") ? readText(reader) : name };
  });
}

function readLabelFormat(reader: TokenReader, place: string): Stage {
  const formats = reader.list((): LabelFormat => {
    const name = reader.expect("word", "a label name");
    reader.expectMark("=");
    if (reader.peek().kind === "string") {
      return { name, value: { kind: "template", text: reader.take().text } };
    }
    const from = reader.expect("word", "a label to rename, or a template in quotes");
    return { name, value: { kind: "rename", from } };
  });
  const names = formats.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) {
    throw queryError(place, `label_format sets ${twice} twice: use a second label_format`);
  }
  if (names.includes("__error__")) throw queryError(place, "label_format cannot set __error__");
  return { kind: "label_format", formats, place };
}

function readChoices(reader: TokenReader): LabelChoice[] {
  return reader.list(() => {
    const isMatcher = MATCH_TYPES.some((type) => reader.isMark(type, 1));
    // `drop a != "x"` is a matcher: a line filter behind it needs a pipe-like sign such as |=.
    if (!isMatcher) return { name: reader.expect("word", "a label name"), matcher: null };
    const { place } = reader;
    const matcher = readMatcher(reader);
    atPlace(place, () => compileMatcher(matcher));
    return { name: matcher.name, matcher };
  });
}
