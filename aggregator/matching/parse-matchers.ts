/**
 * Matchers as Alertmanager's configuration, API and tools write them. There are two forms: the newer
 * one, where names and values may be any UTF-8, and the classic one. Source: prometheus.io/docs,
 * Alertmanager, "Configuration", Label matchers.
 */

import { OperationalError } from "../../shared/errors.ts";
import type { Matcher, MatchType } from "../../shared/model/columns.ts";
import { unquote } from "../../shared/model/go-string.ts";
import { textPlace } from "../../shared/model/text-place.ts";

const TEXT_LENGTH_MAX = 10_000;

/**
 * One matcher or several, with or without braces around them: as Alertmanager's fallback mode has it.
 * The newer form counts, but where it fails or the classic form reads something else from it, that one.
 * @throws OperationalError PARSE with line and column, LIMIT
 */
export function parseMatchers(text: string): Matcher[] {
  checkLength(text);
  const [newer, classic] = [attempt(readNewer, text), attempt(readClassic, text)];
  if (classic instanceof OperationalError) {
    if (newer instanceof OperationalError) throw newer;
    return newer;
  }
  return newer instanceof OperationalError || !isSame(newer, classic) ? classic : newer;
}

/** The classic form alone. @throws OperationalError PARSE with line and column, LIMIT */
export function parseClassicMatchers(text: string): Matcher[] {
  checkLength(text);
  return readClassic(text);
}

/** As Alertmanager writes them in keys of routes: `{a="b",c=~"d"}`. */
export function formatMatchers(matchers: readonly Matcher[]): string {
  return `{${matchers.map(formatMatcher).join(",")}}`;
}

const RESERVED = /[\s{}!=~,\\"'`]/;

export function formatMatcher({ name, type, value }: Matcher): string {
  return `${RESERVED.test(name) ? quoted(name) : name}${type}${quoted(value)}`;
}

function quoted(text: string): string {
  return `"${text.replace(/[\\"]/g, "\\$&").replaceAll("\n", "\\n")}"`;
}

function checkLength(text: string): void {
  if (text.length <= TEXT_LENGTH_MAX) return;
  throw new OperationalError("LIMIT", `Matchers are longer than ${TEXT_LENGTH_MAX} characters`);
}

function attempt(read: (text: string) => Matcher[], text: string): Matcher[] | OperationalError {
  try {
    return read(text);
  } catch (error) {
    if (error instanceof OperationalError) return error;
    throw error;
  }
}

function isSame(a: readonly Matcher[], b: readonly Matcher[]): boolean {
  return a.length === b.length && formatMatchers(a) === formatMatchers(b);
}

function parseError(text: string, at: number, message: string): OperationalError {
  return new OperationalError("PARSE", `Matchers ${textPlace(text, at)}: ${message}`);
}

/** `at`: where it begins. The last one of a text is its end. */
type Token = {
  readonly kind: "operator" | "mark" | "bare" | "quoted" | "end";
  readonly text: string;
  readonly at: number;
};

const TOKEN =
  /(?<operator>=~|!~|!=|=)|(?<mark>[{},])|(?<quoted>"(?:\\.|[^"\\])*")|(?<bare>[^\s{}!=~,\\"'`]+)/suy;

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  let at = spaceEnd(text, 0);
  while (at < text.length) {
    TOKEN.lastIndex = at;
    const groups = TOKEN.exec(text)?.groups ?? {};
    const found = (["operator", "mark", "quoted", "bare"] as const).find(
      (kind) => groups[kind] !== undefined,
    );
    if (found === undefined) {
      const isOpen = text[at] === '"';
      throw parseError(text, at, isOpen ? "the quote is not closed" : `unexpected ${text[at]}`);
    }
    const token = { kind: found, text: groups[found] ?? "", at };
    tokens.push(token);
    at = spaceEnd(text, at + token.text.length);
  }
  tokens.push({ kind: "end", text: "the end", at });
  return tokens;
}

const SPACE = /\s*/y;

function spaceEnd(text: string, at: number): number {
  SPACE.lastIndex = at;
  return at + (SPACE.exec(text)?.[0].length ?? 0);
}

function readNewer(text: string): Matcher[] {
  const tokens = tokensOf(text);
  const matchers: Matcher[] = [];
  const isAt = (index: number, mark: string) =>
    tokens[index]?.kind === "mark" && tokens[index]?.text === mark;
  const isBraced = isAt(0, "{");
  let next = isBraced ? 1 : 0;
  while (!isAt(next, "}") && tokens[next]?.kind !== "end") {
    matchers.push(readMatcher(text, tokens.slice(next, next + 3)));
    next += 3;
    if (!isAt(next, ",")) break;
    next += 1;
  }
  if (isBraced) {
    if (!isAt(next, "}")) throw unexpected(text, tokens[next], "a comma or }");
    next += 1;
  }
  if (tokens[next]?.kind !== "end") throw unexpected(text, tokens[next], "a comma or the end");
  return matchers;
}

function readMatcher(text: string, [first, second, third]: readonly Token[]): Matcher {
  const name = readWord(text, first, "a label name");
  if (name === "") throw parseError(text, first?.at ?? 0, "the label name is empty");
  if (second?.kind !== "operator") throw unexpected(text, second, "one of = != =~ !~");
  const value = readWord(text, third, "a value");
  return { name, type: typeOf(second.text), value };
}

function readWord(text: string, token: Token | undefined, wanted: string): string {
  if (token?.kind === "bare") return checkUnicode(text, token.at, token.text);
  if (token?.kind !== "quoted") throw unexpected(text, token, wanted);
  const word = unquote(token.text);
  if (word === null) throw parseError(text, token.at, `not a string as Go has them: ${token.text}`);
  return checkUnicode(text, token.at, word);
}

function unexpected(text: string, token: Token | undefined, wanted: string): OperationalError {
  const found = token?.text ?? "the end";
  return parseError(text, token?.at ?? text.length, `expected ${wanted}, found ${found}`);
}

function typeOf(operator: string): MatchType {
  return operator === "=~" || operator === "!~" || operator === "!=" ? operator : "=";
}

function checkUnicode(text: string, at: number, word: string): string {
  if (/\p{Surrogate}/u.test(word)) throw parseError(text, at, "not valid Unicode");
  return word;
}

/** Up to a comma that stands in no quotes. */
const CLASSIC_PART = /(?:\\["\\]|"(?:\\["\\]|[^"])*(?:"|$)|[^",])*/sy;
const CLASSIC = /^([a-zA-Z_:][\w:]*)\s*(=~|!~|!=|=)\s*(.*)$/s;
/** A value, its quotes left out. A backslash before another character is one. */
const CLASSIC_VALUE = /^("?)((?:\\["\\]|\\(?!["\\])|[^"\\])*)\1$/s;

function readClassic(text: string): Matcher[] {
  const start = text.startsWith("{") ? 1 : 0;
  const inner = text.slice(0, text.length > start && text.endsWith("}") ? -1 : undefined);
  const matchers: Matcher[] = [];
  for (let at = start; at <= inner.length; ) {
    CLASSIC_PART.lastIndex = at;
    const part = CLASSIC_PART.exec(inner)?.[0] ?? "";
    const isLast = at + part.length === inner.length;
    if (!isLast || part.trim() !== "") matchers.push(readClassicMatcher(text, at, part.trim()));
    at += part.length + 1;
  }
  return matchers;
}

function readClassicMatcher(text: string, at: number, part: string): Matcher {
  const [, name, operator = "", rest = ""] = CLASSIC.exec(part) ?? [];
  if (name === undefined) throw parseError(text, at, `not a matcher: ${part}`);
  const [, , escaped] = CLASSIC_VALUE.exec(rest) ?? [];
  if (escaped === undefined) throw parseError(text, at, `a quote without \\ before it: ${rest}`);
  const value = escaped.replace(/\\([n"\\])/g, (_, character) =>
    character === "n" ? "\n" : character,
  );
  return { name, type: typeOf(operator), value: checkUnicode(text, at, value) };
}
