import { compilePattern } from "../matching/pattern.ts";
import type { LineHints } from "../model/log-lines.ts";
import type { LineFilterStage, Stage } from "./ast.ts";
import { ipTest } from "./ip.ts";
import { linePatternTest } from "./line-pattern.ts";
import { literalsOf } from "./literals.ts";

type LineTest = (line: string) => boolean;

/** `|= "a" or "b"`. @throws OperationalError PARSE, QUERY for what is no pattern or address */
export function lineFilterTest({ op, alternatives }: LineFilterStage): LineTest {
  const tests = alternatives.map(({ text, isIp }) => (isIp ? ipTest(text) : textTest(op, text)));
  const [only] = tests;
  const isFound: LineTest =
    tests.length === 1 && only !== undefined ? only : (line) => tests.some((test) => test(line));
  return op.startsWith("!") ? (line) => !isFound(line) : isFound;
}

function textTest(op: LineFilterStage["op"], text: string): LineTest {
  switch (op) {
    case "|=":
    case "!=":
      return (line) => line.includes(text);
    case "|>":
    case "!>":
      return linePatternTest(text).test;
    case "|~":
    case "!~":
      return regexTest(text);
  }
}

/** The pattern is found anywhere. What it is sure to hold is looked for first: that is much faster. */
function regexTest(text: string): LineTest {
  const compiled = compilePattern(text);
  const simple = wordsTest(text);
  if (simple !== null) return simple;
  const literals = literalsOf(text);
  return (line) => {
    let from = 0;
    for (const literal of literals) {
      const at = line.indexOf(literal, from);
      if (at < 0) return false;
      from = at + literal.length;
    }
    return compiled.matcher(line).find();
  };
}

const WORDS = /^(\(\?i\))?(\((?:\?:)?)?([^\\.+*?()[\]{}^$]*)(\))?$/;

/**
 * Words with bars between them, as most patterns are, need no engine. Where case does not count they
 * are given to the one of JavaScript: of plain ASCII words it takes linear time, and folds alike.
 */
function wordsTest(pattern: string): LineTest | null {
  const match = WORDS.exec(pattern);
  if (match === null || (match[2] === undefined) !== (match[4] === undefined)) return null;
  const [, flag, , body = ""] = match;
  const words = body.split("|");
  if (flag === undefined) return (line) => words.some((word) => line.includes(word));
  if (!/^[\x20-\x7e]*$/.test(body)) return null;
  const folding = new RegExp(body, "iu");
  return (line) => folding.test(line);
}

/** Stages behind which the line is no longer the one that is stored. */
const CHANGES_LINE: ReadonlySet<Stage["kind"]> = new Set(["line_format", "unpack", "decolorize"]);

/** What a stored line must hold to get through the stages. */
export function lineHints(stages: readonly Stage[]): LineHints {
  const substrings = new Set<string>();
  for (const stage of stages) {
    if (CHANGES_LINE.has(stage.kind)) break;
    if (stage.kind !== "line-filter" || stage.alternatives.length > 1) continue;
    for (const text of neededBy(stage)) substrings.add(text);
  }
  substrings.delete("");
  return { substrings: [...substrings] };
}

function neededBy({ op, alternatives }: LineFilterStage): readonly string[] {
  const { text = "", isIp = true } = alternatives[0] ?? {};
  if (isIp) return [];
  if (op === "|=") return [text];
  if (op === "|~") return literalsOf(text);
  return op === "|>" ? linePatternTest(text).literals : [];
}
